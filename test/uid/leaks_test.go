//go:build linux

package uid

import (
	"context"
	"regexp"
	"strings"
	"testing"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/test/rig"
	"github.com/vaultd/vaultd/vault/fault"
)

var decisionID = regexp.MustCompile(`vaultctl explain ([0-9a-f]{16})`)

// TestDeniesTellStrangersNothing: a deny that goes by labels, types or bound
// context names looks at the key. Who would get nothing without it must not
// learn from it which keys there are.
func TestDeniesTellStrangersNothing(t *testing.T) {
	m := newMachine(t)
	ctx, socket := context.Background(), m.daemon.Home.Socket()
	for key, edit := range map[string]func(*vaultdv1.CreateKeyRequest){
		"labelled": func(r *vaultdv1.CreateKeyRequest) { r.Labels = map[string]string{"env": "prod"} },
		"typed":    func(r *vaultdv1.CreateKeyRequest) { r.Type = "ed25519" },
		"bound":    func(r *vaultdv1.CreateKeyRequest) { r.RequireContext = []string{"uid=@peer"} },
	} {
		r := &vaultdv1.CreateKeyRequest{Name: m.alice.name + "/" + key}
		edit(r)
		if _, err := m.daemon.Client.CreateKey(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range []string{
		`{"effect":"deny","any_user":true,"verbs":["use","read"],"keys":["*/*"],"labels":["env=prod"]}`,
		`{"effect":"deny","any_user":true,"verbs":["use","read"],"keys":["*/*"],"types":["ed25519"]}`,
		`{"effect":"deny","any_user":true,"verbs":["encrypt"],"keys":["*/*"],"context":["uid=@peer"]}`,
	} {
		if _, err := m.daemon.Client.AddGrant(ctx, &vaultdv1.AddGrantRequest{Json: text}); err != nil {
			t.Fatal(err)
		}
	}
	told := func(key string) string {
		name := m.alice.name + "/" + key
		var b strings.Builder
		for _, c := range []call{
			request(t, "Encrypt", &vaultdv1.EncryptRequest{Key: name, Plaintext: []byte("x")}),
			request(t, "ShowKey", &vaultdv1.ShowKeyRequest{Name: name}),
			request(t, "Can", &vaultdv1.CanRequest{Action: "encrypt", Resource: name}),
			request(t, "Can", &vaultdv1.CanRequest{Action: "show", Resource: name}),
		} {
			got := as(t, m.bob, socket, c)[0]
			b.WriteString(string(got.Frame) + decisionID.ReplaceAllString(got.Text, "") + string(got.Reply) + "\n")
			if id := decisionID.FindStringSubmatch(got.Text); id != nil {
				why := as(t, m.bob, socket, request(t, "Explain", &vaultdv1.ExplainRequest{Decision: id[1]}))[0]
				b.WriteString(regexp.MustCompile(`"time":\s*"[^"]*"`).ReplaceAllString(string(why.Reply), "") + "\n")
			}
		}
		return regexp.MustCompile(`\s|"pid":\s*\d+,?`).ReplaceAllString(strings.ReplaceAll(b.String(), name, "KEY"), "")
	}
	absent := told("absent")
	for _, key := range []string{"labelled", "typed", "bound"} {
		if got := told(key); got != absent {
			t.Errorf("of a key that is %s bob is told\n%s\nand of one that is not there\n%s", key, got, absent)
		}
	}
	// Whom the deny is meant for is told of it.
	got := as(t, m.alice, socket, request(t, "Encrypt", &vaultdv1.EncryptRequest{Key: m.alice.name + "/labelled"}))[0]
	if got.Frame != fault.CodePermissionDenied || !strings.Contains(got.Text, "a grant denies it") {
		t.Errorf("alice is told %+v", got)
	}
}

// TestExplainNamesNoForeignKey: who holds a ciphertext and may not open it is not
// told which key it is of, nor whether that key is here.
func TestExplainNamesNoForeignKey(t *testing.T) {
	m := newMachine(t)
	ctx, socket := context.Background(), m.daemon.Home.Socket()
	name := m.alice.name + "/launch-codes"
	if _, err := m.daemon.Client.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: name}); err != nil {
		t.Fatal(err)
	}
	sealed, err := m.daemon.Client.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: name, Plaintext: []byte("x")})
	if err != nil {
		t.Fatal(err)
	}
	c := request(t, "Decrypt", &vaultdv1.DecryptRequest{Ciphertext: sealed.GetCiphertext()})
	denied := as(t, m.bob, socket, c)[0]
	id := decisionID.FindStringSubmatch(denied.Text)
	if denied.Frame != fault.CodePermissionDenied || id == nil {
		t.Fatalf("bob opens: %+v", denied)
	}
	ask := &vaultdv1.ExplainRequest{Decision: id[1]}
	why := as(t, m.bob, socket, request(t, "Explain", ask))[0]
	if why.Frame != "" || strings.Contains(string(why.Reply)+why.Text, "launch-codes") || !strings.Contains(string(why.Reply), "the vault") {
		t.Errorf("bob is told %s %s", why.Reply, why.Text)
	}
	if all, err := m.daemon.Client.Explain(rig.Context(t), ask); err != nil || all.GetResource() != name {
		t.Errorf("root is told %v, %v", all, err)
	}
}
