//go:build linux

package uid

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/test/rig"
	"github.com/vaultd/vaultd/vault/fault"
)

// TestKeyBoundToWhoAsks: several users may use one key, and each opens only
// what is its own. Root is no exception.
func TestKeyBoundToWhoAsks(t *testing.T) {
	m := newMachine(t)
	ctx, socket, a := context.Background(), m.daemon.Home.Socket(), m.alice.name
	for name, require := range map[string]string{"user": "user=@peer", "uid": "uid=@peer", "unit": "unit=@peer"} {
		if _, err := m.daemon.Client.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: a + "/" + name, RequireContext: []string{require}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.daemon.Client.AddGrant(ctx, &vaultdv1.AddGrantRequest{
		Json: fmt.Sprintf(`{"effect":"allow","any_user":true,"verbs":["use"],"keys":["%s/*"]}`, a),
	}); err != nil {
		t.Fatal(err)
	}
	literal := func(name, value string) []*vaultdv1.ContextPair {
		return []*vaultdv1.ContextPair{{Name: name, Value: value}}
	}
	own := func(name string) []*vaultdv1.ContextPair {
		return []*vaultdv1.ContextPair{{Name: name, FromPeer: true}}
	}
	encrypt := func(key string, pairs []*vaultdv1.ContextPair) call {
		return request(t, "Encrypt", &vaultdv1.EncryptRequest{Key: a + "/" + key, Plaintext: []byte("hers"), Context: pairs})
	}
	var byUser, byUID vaultdv1.EncryptResponse
	for i, made := range as(t, m.alice, socket, encrypt("user", nil), encrypt("uid", own("uid"))) {
		if made.Frame != "" || made.Code != "" {
			t.Fatalf("alice encrypts: %+v", made)
		}
		if err := protojson.Unmarshal(made.Reply, []*vaultdv1.EncryptResponse{&byUser, &byUID}[i]); err != nil {
			t.Fatal(err)
		}
	}
	open := func(sealed *vaultdv1.EncryptResponse, pairs []*vaultdv1.ContextPair) call {
		return request(t, "Decrypt", &vaultdv1.DecryptRequest{Ciphertext: sealed.GetCiphertext(), Context: pairs})
	}
	uid := fmt.Sprint(m.alice.uid)
	const bad, closed = fault.CodeBadContext, fault.CodeInvalidCiphertext
	root := account{name: "root"}
	held := func(when string) {
		t.Helper()
		for _, tt := range []struct {
			who  account
			what string
			call call
			want fault.Code
		}{
			{m.alice, "her own", open(&byUser, nil), ""},
			{m.alice, "her own, by name", open(&byUser, literal("user", a)), ""},
			{m.alice, "her own, by uid", open(&byUID, nil), ""},
			{m.alice, "her own, from peer", open(&byUID, own("uid")), ""},
			{m.alice, "with another's name", open(&byUser, literal("user", m.bob.name)), bad},
			{m.bob, "alice's", open(&byUser, nil), closed},
			{m.bob, "alice's, as alice", open(&byUser, literal("user", a)), bad},
			{m.bob, "alice's by uid", open(&byUID, nil), closed},
			{m.bob, "alice's by uid, as alice", open(&byUID, literal("uid", uid)), bad},
			{m.bob, "an encryption as alice", encrypt("user", literal("user", a)), bad},
			{root, "alice's", open(&byUser, nil), closed},
			{root, "alice's, as alice", open(&byUser, literal("user", a)), bad},
			{root, "alice's by uid, as alice", open(&byUID, literal("uid", uid)), bad},
			// Nobody knows a name for this uid, so nothing can be bound to it.
			{m.none, "an encryption", encrypt("user", nil), bad},
			{m.none, "an encryption as alice", encrypt("user", literal("user", a)), bad},
			{m.none, "an encryption with no name", encrypt("user", literal("user", "")), bad},
			{m.none, "an encryption from peer", encrypt("uid", own("user")), bad},
			{m.none, "alice's", open(&byUser, literal("user", a)), bad},
			{m.none, "an encryption by uid", encrypt("uid", nil), ""},
			// These callers run in no unit.
			{m.bob, "an encryption by unit", encrypt("unit", nil), bad},
			{m.bob, "an encryption as a unit", encrypt("unit", literal("unit", "backup.service")), bad},
			{m.bob, "an encryption with no unit", encrypt("unit", literal("unit", "")), bad},
		} {
			got := as(t, tt.who, socket, tt.call)[0]
			if got.Frame != tt.want || got.Code != string(tt.want) {
				t.Errorf("%s: %s, %s: %q over frames and %q over HTTP, want %q: %s", when, tt.who.name, tt.what, got.Frame, got.Code, tt.want, got.Text)
			}
		}
	}
	held("at once")
	if _, err := m.daemon.Client.RotateKey(ctx, &vaultdv1.RotateKeyRequest{Name: a + "/user"}); err != nil {
		t.Fatal(err)
	}
	if err := m.daemon.Stop(); err != nil {
		t.Fatal(err)
	}
	m.daemon = rig.MustStart(t, m.daemon.Home)
	if err := m.daemon.Unseal(rig.Context(t), rig.Password); err != nil {
		t.Fatal(err)
	}
	held("rotated and restarted")
}

// TestGrantsSeeWhatWillBeBound: a grant that asks for a context sees what the
// daemon puts in, be it asked for in the request or by the key, and Can says
// what happens.
func TestGrantsSeeWhatWillBeBound(t *testing.T) {
	m := newMachine(t)
	ctx, socket, a, b := context.Background(), m.daemon.Home.Socket(), m.alice.name, m.bob.name
	for _, k := range []*vaultdv1.CreateKeyRequest{
		{Name: "binds", RequireContext: []string{"uid=@peer"}},
		{Name: "plain"},
		{Name: "denied", RequireContext: []string{"user=@peer"}},
	} {
		k.Name = a + "/" + k.Name
		if _, err := m.daemon.Client.CreateKey(ctx, k); err != nil {
			t.Fatal(err)
		}
	}
	for _, g := range []string{
		`{"effect":"allow","any_user":true,"verbs":["use"],"keys":["A/binds","A/plain"],"context":["uid=@peer"]}`,
		`{"effect":"allow","any_user":true,"verbs":["use"],"keys":["A/denied"]}`,
		`{"effect":"deny","any_user":true,"verbs":["decrypt","encrypt"],"keys":["A/denied"],"context":["user=B"]}`,
	} {
		g = strings.NewReplacer("A/", a+"/", "=B", "="+b).Replace(g)
		if _, err := m.daemon.Client.AddGrant(ctx, &vaultdv1.AddGrantRequest{Json: g}); err != nil {
			t.Fatal(err)
		}
	}
	uid := func(who account) []*vaultdv1.ContextPair {
		return []*vaultdv1.ContextPair{{Name: "uid", Value: fmt.Sprint(who.uid)}}
	}
	own := []*vaultdv1.ContextPair{{Name: "uid", FromPeer: true}}
	for _, tt := range []struct {
		who     account
		key     string
		context []*vaultdv1.ContextPair
		want    bool
	}{
		{m.bob, "binds", nil, true},
		{m.bob, "binds", own, true},
		{m.bob, "binds", uid(m.bob), true},
		{m.bob, "binds", uid(m.alice), false},
		{m.none, "binds", nil, true},
		{m.bob, "plain", nil, false},
		{m.bob, "plain", own, true},
		{m.bob, "plain", uid(m.bob), true},
		{m.bob, "plain", uid(m.alice), false},
		{m.bob, "denied", nil, false},
		{m.alice, "denied", nil, true},
	} {
		answers := as(t, tt.who, socket, attempt(t, "encrypt", a+"/"+tt.key, tt.context),
			request(t, "Can", &vaultdv1.CanRequest{Action: "encrypt", Resource: a + "/" + tt.key, Context: tt.context}))
		want := fault.CodePermissionDenied
		if tt.want {
			want = ""
		}
		name := fmt.Sprint(tt.who.name, " ", tt.key, " ", tt.context)
		if got := answers[0]; got.Frame != want || got.Code != string(want) {
			t.Errorf("%s: %q over frames and %q over HTTP, want %q: %s", name, got.Frame, got.Code, want, got.Text)
		}
		var said vaultdv1.CanResponse
		if err := protojson.Unmarshal(answers[1].Reply, &said); err != nil {
			t.Fatalf("%s: %v: %+v", name, err, answers[1])
		}
		if said.GetAllowed() != tt.want {
			t.Errorf("%s: can says %v by %s", name, said.GetAllowed(), said.GetRule())
		}
	}
	// An administrator asks about bob, whose own value counts then.
	for _, tt := range []struct {
		key  string
		want bool
	}{{"plain", true}, {"binds", true}, {"denied", false}} {
		said, err := m.daemon.Client.Can(ctx, &vaultdv1.CanRequest{
			Action: "encrypt", Resource: a + "/" + tt.key, Context: own,
			As: &vaultdv1.Principal{Uid: m.bob.uid, Gid: m.bob.gid, User: b},
		})
		if err != nil || said.GetAllowed() != tt.want {
			t.Errorf("bob, says an administrator, %s: %v, %v", tt.key, said, err)
		}
	}
}
