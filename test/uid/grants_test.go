//go:build linux

package uid

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/test/rig"
	"github.com/vaultd/vaultd/vault/fault"
)

// attempt is a call that performs the verb on the key.
func attempt(t *testing.T, verb, key string, pairs []*vaultdv1.ContextPair) call {
	t.Helper()
	var m proto.Message
	var method string
	switch verb {
	case "encrypt":
		method, m = "Encrypt", &vaultdv1.EncryptRequest{Key: key, Plaintext: []byte("x"), Context: pairs}
	case "decrypt":
		method, m = "Decrypt", &vaultdv1.DecryptRequest{Key: key, Ciphertext: "vd1:AAAA", Context: pairs}
	case "sign":
		method, m = "Sign", &vaultdv1.SignRequest{Key: key, Message: []byte("x")}
	case "mac":
		method, m = "MAC", &vaultdv1.MACRequest{Key: key, Message: []byte("x")}
	case "show":
		method, m = "ShowKey", &vaultdv1.ShowKeyRequest{Name: key}
	case "public":
		method, m = "PublicKey", &vaultdv1.PublicKeyRequest{Name: key}
	case "export":
		method, m = "ExportKey", &vaultdv1.ExportKeyRequest{Name: key}
	case "rotate":
		method, m = "RotateKey", &vaultdv1.RotateKeyRequest{Name: key}
	case "create":
		method, m = "CreateKey", &vaultdv1.CreateKeyRequest{Name: key}
	case "list":
		method, m = "ListKeys", &vaultdv1.ListKeysRequest{Owner: strings.TrimSuffix(key, "/")}
	case "seal":
		t.Fatal("sealing would end the table")
	default:
		t.Fatalf("no call for %q", verb)
	}
	return request(t, method, m)
}

// TestGrantsDecide holds who, action, key and condition to the answer through
// the socket, and the answer of Can to what really happens.
func TestGrantsDecide(t *testing.T) {
	m := newMachine(t)
	socket := m.daemon.Home.Socket()
	group, gid := addGroup(t, "h")
	eve := addUser(t, "e", gid)
	a, b := m.alice.name, m.bob.name
	program := filepath.Join(filepath.Dir(rig.Program(t, "vaultd")), "caller")

	grants := []string{
		`{"effect":"allow","user":"B","verbs":["use"],"keys":["A/k1"]}`,
		`{"effect":"deny","user":"B","verbs":["decrypt"],"keys":["A/k1"]}`,
		`{"effect":"allow","user":"B","verbs":["encrypt"],"keys":["A/bound"],"context":["purpose=backup"]}`,
		`{"effect":"allow","user":"B","verbs":["read"],"keys":["A/pub-*"]}`,
		`{"effect":"allow","group":"G","verbs":["encrypt","decrypt"],"keys":["A/team-?"]}`,
		`{"effect":"allow","user":"B","verbs":["show"],"keys":["A/*"],"labels":["env=prod"]}`,
		`{"effect":"allow","user":"B","verbs":["sign"],"keys":["A/*"],"types":["ed25519"]}`,
		`{"effect":"allow","any_user":true,"verbs":["public"],"keys":["A/open"]}`,
		`{"effect":"allow","user":"B","verbs":["encrypt"],"keys":["A/past"],"not_after":"2020-01-01T00:00:00Z"}`,
		`{"effect":"allow","user":"B","verbs":["encrypt"],"keys":["A/future"],"not_before":"2999-01-01T00:00:00Z"}`,
		`{"effect":"allow","user":"B","verbs":["encrypt"],"keys":["A/now"],"not_before":"2020-01-01T00:00:00Z","not_after":"2999-01-01T00:00:00Z"}`,
		`{"effect":"deny","any_user":true,"verbs":["export"],"keys":["*/*"]}`,
		`{"effect":"allow","uid":54321,"verbs":["mac"],"keys":["A/mac"]}`,
		`{"effect":"allow","user":"B","verbs":["encrypt"],"keys":["A/exe"],"exe":"PROGRAM"}`,
		`{"effect":"allow","user":"B","verbs":["encrypt"],"keys":["A/other-exe"],"exe":"/usr/bin/other"}`,
		`{"effect":"allow","user":"B","verbs":["encrypt"],"keys":["A/unit"],"unit":"backup.service"}`,
		`{"effect":"allow","any_user":true,"verbs":["encrypt"],"keys":["A/peer"],"context":["uid=@uid"]}`,
		`{"effect":"allow","user":"B","verbs":["create"],"keys":["A/new-*"]}`,
		`{"effect":"deny","user":"A","verbs":["rotate"],"keys":["A/frozen"]}`,
		`{"effect":"allow","user":"B","group":"G","verbs":["encrypt"],"keys":["A/both"]}`,
		`{"effect":"allow","user":"B","verbs":["list"],"keys":["A/*"]}`,
	}
	fill := strings.NewReplacer(`"A`, `"`+a, `"B"`, `"`+b+`"`, `"G"`, `"`+group+`"`, "PROGRAM", program)
	ctx := context.Background()
	var last string
	for _, g := range grants {
		r, err := m.daemon.Client.AddGrant(ctx, &vaultdv1.AddGrantRequest{Json: fill.Replace(g)})
		if err != nil {
			t.Fatalf("%s: %v", g, err)
		}
		last = r.GetGrant().GetId()
	}
	for _, k := range []*vaultdv1.CreateKeyRequest{
		{Name: "k1"},
		{Name: "bound"},
		{Name: "pub-a"},
		{Name: "team-1"},
		{Name: "prod", Labels: map[string]string{"env": "prod"}},
		{Name: "test", Labels: map[string]string{"env": "test"}},
		{Name: "ed", Type: "ed25519"},
		{Name: "ec", Type: "ecdsa-p256"},
		{Name: "open", Type: "ed25519"},
		{Name: "now"},
		{Name: "past"},
		{Name: "future"},
		{Name: "mac", Type: "hmac-sha256"},
		{Name: "exe"},
		{Name: "other-exe"},
		{Name: "unit"},
		{Name: "peer"},
		{Name: "frozen"},
		{Name: "both"},
	} {
		k.Name = a + "/" + k.Name
		if _, err := m.daemon.Client.CreateKey(ctx, k); err != nil {
			t.Fatal(err)
		}
	}

	uid := func(who account) string { return fmt.Sprintf("uid=%d", who.uid) }
	type row struct {
		who            account
		verb, key, ctx string
		want           bool
	}
	rows := []row{
		{m.alice, "encrypt", "k1", "", true},
		{m.alice, "decrypt", "k1", "", true},
		{m.alice, "show", "prod", "", true},
		{m.alice, "export", "k1", "", false}, // an owner is denied too
		{m.alice, "rotate", "k1", "", true},
		{m.alice, "rotate", "frozen", "", false},
		{m.alice, "encrypt", "frozen", "", true},
		{m.alice, "list", "", "", true},
		{m.admin, "encrypt", "k1", "", true},
		{m.admin, "decrypt", "k1", "", true},
		{m.admin, "export", "k1", "", false}, // and an administrator by group
		{m.admin, "rotate", "frozen", "", true},
		{m.admin, "list", "", "", true},
		{m.bob, "encrypt", "k1", "", true},
		{m.bob, "decrypt", "k1", "", false}, // the denial wins
		{m.bob, "sign", "k1", "", true},     // by the set; the key can't, but that is not the policy's
		{m.bob, "mac", "k1", "", true},
		{m.bob, "show", "k1", "", false},
		{m.bob, "rotate", "k1", "", false},
		{m.bob, "export", "k1", "", false},
		{m.bob, "encrypt", "bound", "", false},
		{m.bob, "encrypt", "bound", "purpose=backup", true},
		{m.bob, "encrypt", "bound", "purpose=restore", false},
		{m.bob, "encrypt", "bound", "Purpose=backup", false},
		{m.bob, "decrypt", "bound", "purpose=backup", false},
		{m.bob, "show", "pub-a", "", true},
		{m.bob, "public", "pub-a", "", true},
		{m.bob, "show", "pub-none", "", true}, // and then there is no such key
		{m.bob, "encrypt", "pub-a", "", false},
		{m.bob, "show", "prod", "", true},
		{m.bob, "show", "test", "", false},
		{m.bob, "show", "none", "", false},
		{m.bob, "encrypt", "prod", "", false},
		{m.bob, "sign", "ed", "", true},
		{m.bob, "sign", "ec", "", false},
		{m.bob, "sign", "none", "", false},
		{m.bob, "public", "ed", "", false},
		{m.bob, "public", "open", "", true},
		{m.none, "public", "open", "", true},
		{eve, "public", "open", "", true},
		{m.bob, "encrypt", "past", "", false},
		{m.bob, "encrypt", "future", "", false},
		{m.bob, "encrypt", "now", "", true},
		{m.bob, "decrypt", "now", "", false},
		{m.none, "mac", "mac", "", true},
		{m.bob, "mac", "mac", "", false},
		{eve, "mac", "mac", "", false},
		// This daemon is not root, and so is not told what programs others run: unknown is no.
		{m.bob, "encrypt", "exe", "", false},
		{eve, "encrypt", "exe", "", false},
		{m.bob, "encrypt", "other-exe", "", false},
		{m.bob, "encrypt", "unit", "", false},
		{m.bob, "encrypt", "peer", uid(m.bob), true},
		{m.bob, "encrypt", "peer", uid(eve), false},
		{m.bob, "encrypt", "peer", "", false},
		{m.none, "encrypt", "peer", "uid=54321", true},
		{eve, "encrypt", "peer", uid(eve), true},
		{eve, "encrypt", "team-1", "", true},
		{eve, "decrypt", "team-1", "", true},
		{eve, "encrypt", "team-10", "", false},
		{eve, "show", "team-1", "", false},
		{m.bob, "encrypt", "team-1", "", false},
		{m.bob, "encrypt", "both", "", false}, // the user, but not in the group
		{eve, "encrypt", "both", "", false},   // in the group, but not the user
		{m.bob, "create", "new-x", "", true},
		{m.bob, "create", "old-x", "", false},
		{eve, "create", "new-x", "", false},
		{m.bob, "list", "", "", true},
		{eve, "list", "", "", false},
		{m.none, "list", "", "", false},
		{m.none, "encrypt", "k1", "", false},
		{eve, "encrypt", "k1", "", false},
		{eve, "decrypt", "none", "", false},
	}
	if len(rows) < 60 {
		t.Fatalf("only %d cases", len(rows))
	}
	for _, who := range []account{m.alice, m.bob, m.admin, m.none, eve} {
		var calls []call
		var mine []row
		for _, r := range rows {
			if r.who.uid != who.uid {
				continue
			}
			var pairs []*vaultdv1.ContextPair
			if name, value, ok := strings.Cut(r.ctx, "="); ok {
				pairs = append(pairs, &vaultdv1.ContextPair{Name: name, Value: value})
			}
			mine = append(mine, r)
			calls = append(calls, attempt(t, r.verb, a+"/"+r.key, pairs),
				request(t, "Can", &vaultdv1.CanRequest{Action: r.verb, Resource: a + "/" + r.key, Context: pairs}))
		}
		answers := as(t, who, socket, calls...)
		for i, r := range mine {
			did, can := answers[2*i], answers[2*i+1]
			name := fmt.Sprintf("%s %s %s/%s %s", who.name, r.verb, a, r.key, r.ctx)
			if got := did.Frame != fault.CodePermissionDenied; got != r.want {
				t.Errorf("%s: allowed %v over frames, want %v: %s", name, got, r.want, did.Text)
			}
			if got := did.Code != string(fault.CodePermissionDenied); got != r.want {
				t.Errorf("%s: allowed %v over HTTP, want %v", name, got, r.want)
			}
			var said vaultdv1.CanResponse
			if err := protojson.Unmarshal(can.Reply, &said); err != nil {
				t.Fatalf("%s: can: %v: %+v", name, err, can)
			}
			if said.GetAllowed() != r.want {
				t.Errorf("%s: can says %v by %s, want %v", name, said.GetAllowed(), said.GetRule(), r.want)
			}
		}
	}

	t.Run("removed", func(t *testing.T) {
		list := attempt(t, "list", a+"/", nil)
		if got := as(t, m.bob, socket, list)[0]; got.Frame != "" {
			t.Fatalf("before: %+v", got)
		}
		if _, err := m.daemon.Client.RemoveGrant(ctx, &vaultdv1.RemoveGrantRequest{Id: last}); err != nil {
			t.Fatal(err)
		}
		if got := as(t, m.bob, socket, list)[0]; got.Frame != fault.CodePermissionDenied {
			t.Fatalf("afterwards: %+v", got)
		}
	})

	t.Run("explained", func(t *testing.T) {
		denied := as(t, m.bob, socket, attempt(t, "decrypt", a+"/k1", nil))[0]
		_, rest, ok := strings.Cut(denied.Text, "vaultctl explain ")
		if !ok || len(rest) < 16 {
			t.Fatalf("no decision in %q", denied.Text)
		}
		ask := request(t, "Explain", &vaultdv1.ExplainRequest{Decision: rest[:16]})
		var why struct{ Rule, Grant, Action string }
		own := as(t, m.bob, socket, ask)[0]
		if err := json.Unmarshal(own.Reply, &why); err != nil || why.Rule != "grant-deny" || why.Action != "key.decrypt" || why.Grant == "" {
			t.Errorf("to its caller: %s, %v", own.Reply, err)
		}
		if other := as(t, eve, socket, ask)[0]; other.Frame != fault.CodeDecisionNotFound {
			t.Errorf("to somebody else: %+v", other)
		}
	})

	t.Run("after a restart", func(t *testing.T) {
		if err := m.daemon.Stop(); err != nil {
			t.Fatal(err)
		}
		m.daemon = rig.MustStart(t, m.daemon.Home)
		if err := m.daemon.Unseal(ctx, rig.Password); err != nil {
			t.Fatal(err)
		}
		for verb, want := range map[string]fault.Code{"encrypt": "", "decrypt": fault.CodePermissionDenied} {
			if got := as(t, m.bob, socket, attempt(t, verb, a+"/k1", nil))[0]; got.Frame != want {
				t.Errorf("%s: %q, want %q", verb, got.Frame, want)
			}
		}
	})
}
