package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vaultd/vaultd/ipc"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/api/vaultd/v1/vaultdv1connect"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/ipc/peer"
	"github.com/vaultd/vaultd/test/rig"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/audit"
	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
)

// admins is a group of administrators that no account is in by itself.
const admins = 4711

// person is who connects: the kernel vouches for both.
type person struct{ uid, gid uint32 }

func (p person) dial(ctx context.Context, socket string) (c net.Conn, err error) {
	rig.Become(p.uid, p.gid, func() {
		var d net.Dialer
		c, err = d.DialContext(ctx, "unix", socket)
	})
	return c, err
}

// directory is an account database that the test writes.
type directory struct {
	file string // is written when it changes, as a local one is

	mu     sync.Mutex
	names  map[uint32]string
	silent bool
}

func newDirectory(t *testing.T) *directory {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	d := &directory{file: filepath.Join(t.TempDir(), "passwd"), names: map[uint32]string{0: "root"}}
	d.touch(t)
	return d
}

// set gives uid that name, or no account for the empty name.
func (d *directory) set(t *testing.T, uid uint32, name string) {
	t.Helper()
	d.mu.Lock()
	d.names[uid] = name
	d.mu.Unlock()
	d.touch(t)
}

// quietly changes it as a directory does that tells nobody.
func (d *directory) quietly(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
}

func (d *directory) touch(t *testing.T) {
	t.Helper()
	fresh := d.file + "+"
	if err := os.WriteFile(fresh, []byte(time.Now().String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(fresh, d.file); err != nil {
		t.Fatal(err)
	}
}

func (d *directory) lookup(text string) (*user.User, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	uid, err := strconv.ParseUint(text, 10, 32)
	if err != nil || d.silent {
		return nil, errors.New("the directory is silent")
	}
	if name := d.names[uint32(uid)]; name != "" {
		return &user.User{Uid: text, Username: name}, nil
	}
	return nil, user.UnknownUserIdError(int(uid))
}

func (d *directory) in(c *ipc.Config) {
	c.Accounts, c.AccountFile, c.AccountsEvery, c.Machine = &peer.Resolver{Lookup: d.lookup}, d.file, time.Hour, "m1"
	c.Policy.AdminGroups = []uint32{admins}
	c.Policy.DaemonUID = 1
}

// by is a client of each form for p, all over one connection of its own.
func (d *daemon) by(tb testing.TB, p person) map[string]caller {
	tb.Helper()
	var frames *client.Client
	var err error
	rig.Become(p.uid, p.gid, func() {
		frames, err = client.Dial(tb.Context(), client.WithSocket(d.socket), client.WithConnections(1))
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = frames.Close() })
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return p.dial(ctx, d.socket) },
		Protocols:   &protocols,
	}
	tb.Cleanup(transport.CloseIdleConnections)
	return map[string]caller{
		"frames": frames,
		"http2":  vaultdv1connect.NewVaultServiceClient(&http.Client{Transport: transport}, "http://vaultd"),
	}
}

// await waits until what is asked has that code, on every form.
func await(t *testing.T, what string, forms map[string]caller, want fault.Code, ask func(caller) error) {
	t.Helper()
	for form, c := range forms {
		deadline := time.Now().Add(time.Minute)
		for {
			err := ask(c)
			if codeOf(err) == want {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s, %s: code %q (%v), want %q", what, form, codeOf(err), err, want)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
}

// now is await without waiting.
func now(t *testing.T, what string, forms map[string]caller, want fault.Code, ask func(caller) error) {
	t.Helper()
	for form, c := range forms {
		wantCode(t, what+", "+form, ask(c), want)
	}
}

func encrypt(ctx context.Context, key string) func(caller) error {
	return func(c caller) error {
		_, err := c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: key, Plaintext: []byte("x")})
		return err
	}
}

func standing(ctx context.Context, t *testing.T, c caller) string {
	t.Helper()
	me, err := c.WhoAmI(ctx, &vaultdv1.WhoAmIRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return me.GetStanding()
}

func (d *daemon) seal(t *testing.T) {
	t.Helper()
	if err := d.vault.Seal(); err != nil {
		t.Fatal(err)
	}
}

func (d *daemon) unseal(t *testing.T) {
	t.Helper()
	if _, err := d.vault.Unseal(t.Context(), []byte(password), false); err != nil {
		t.Fatal(err)
	}
}

// A quarantine binds connections that are open, and an adoption frees them.
func TestRenamedAccountGetsNothingUntilItIsAdopted(t *testing.T) {
	accounts, ctx := newDirectory(t), t.Context()
	accounts.set(t, 1000, "alice")
	d := start(t, accounts.in)
	root := d.dial(t)
	alice := d.by(t, person{uid: 1000})
	if _, err := alice["frames"].CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: "alice/k"}); err != nil {
		t.Fatal(err)
	}
	now(t, "at first", alice, "", encrypt(ctx, "alice/k"))
	if s := standing(ctx, t, d.by(t, person{uid: 1000})["frames"]); s != "fresh" && s != "known" {
		t.Errorf("standing %q", s)
	}

	accounts.set(t, 1000, "alicia")
	await(t, "renamed", alice, fault.CodePrincipalChanged, encrypt(ctx, "alice/k"))
	for what, forms := range map[string]map[string]caller{"open": alice, "new": d.by(t, person{uid: 1000})} {
		for _, key := range []string{"alice/k", "alicia/k", "root/k"} {
			now(t, what+" connection, "+key, forms, fault.CodePrincipalChanged, encrypt(ctx, key))
		}
		now(t, what+" connection lists", forms, fault.CodePrincipalChanged, func(c caller) error {
			_, err := c.ListKeys(ctx, &vaultdv1.ListKeysRequest{})
			return err
		})
		now(t, what+" connection asks what is public", forms, "", func(c caller) error {
			if _, err := c.Status(ctx, &vaultdv1.StatusRequest{}); err != nil {
				return err
			}
			can, err := c.Can(ctx, &vaultdv1.CanRequest{Action: "encrypt", Resource: "alice/k"})
			if err == nil && (can.GetAllowed() || can.GetRule() != policy.RuleChanged) {
				t.Errorf("can: %v", can)
			}
			me, err := c.WhoAmI(ctx, &vaultdv1.WhoAmIRequest{})
			if err == nil && (me.GetStanding() != "principal_changed" || me.GetOwner() != "" || !strings.Contains(me.GetWhy(), "alicia")) {
				t.Errorf("whoami: %v", me)
			}
			return err
		})
	}
	var refused *fault.Error
	if err := encrypt(ctx, "alice/k")(alice["frames"]); !errors.As(err, &refused) || refused.Ref == "" ||
		!strings.Contains(refused.Hint, "vaultctl principal adopt 1000") || !strings.Contains(refused.Hint, "vaultctl principal retire 1000") {
		t.Fatalf("refusal %+v", refused)
	}
	if e, err := alice["http2"].Explain(ctx, &vaultdv1.ExplainRequest{Decision: refused.Ref}); err != nil || e.GetRule() != policy.RuleChanged {
		t.Errorf("explained as %v, %v", e, err)
	}

	list, err := root.ListPrincipals(ctx, &vaultdv1.ListPrincipalsRequest{Changed: true})
	if err != nil || len(list.GetPrincipals()) != 1 || list.GetPrincipals()[0].GetUser() != "alice" || list.GetPrincipals()[0].GetAccount() != "alicia" {
		t.Errorf("list: %v, %v", list, err)
	}
	if st, err := root.Status(ctx, &vaultdv1.StatusRequest{}); err != nil || st.GetPrincipalsChanged() != 1 {
		t.Errorf("status: %v, %v", st, err)
	}
	// Back under the old name it stays in quarantine, over a seal as well.
	accounts.set(t, 1000, "alice")
	d.seal(t)
	await(t, "sealed", alice, fault.CodeSealed, encrypt(ctx, "alice/k"))
	d.unseal(t)
	now(t, "unsealed", alice, fault.CodePrincipalChanged, encrypt(ctx, "alice/k"))

	if _, err := root.AdoptPrincipal(ctx, &vaultdv1.AdoptPrincipalRequest{Uid: 1000}); err != nil {
		t.Fatal(err)
	}
	now(t, "adopted", alice, "", encrypt(ctx, "alice/k"))
	_, err = root.AdoptPrincipal(ctx, &vaultdv1.AdoptPrincipalRequest{Uid: 1000})
	wantCode(t, "adopted twice", err, fault.CodeBadArgument)

	if _, err := root.RetirePrincipal(ctx, &vaultdv1.RetirePrincipalRequest{Uid: 1000, Reason: "left"}); err != nil {
		t.Fatal(err)
	}
	now(t, "retired", alice, fault.CodePrincipalChanged, encrypt(ctx, "alice/k"))
	if err := encrypt(ctx, "alice/k")(alice["frames"]); !errors.As(err, &refused) || !strings.Contains(refused.Message, "retired") {
		t.Errorf("refusal of a retired principal: %v", err)
	}
	if s := standing(ctx, t, alice["http2"]); s != "principal_retired" {
		t.Errorf("standing %q", s)
	}
	d.seal(t)
	d.unseal(t)
	now(t, "retired, after a seal", alice, fault.CodePrincipalChanged, encrypt(ctx, "alice/k"))
}

func TestAccountsThatAreNotWhatTheyWere(t *testing.T) {
	type step struct {
		do   string
		uid  uint32
		name string     // account, or key to encrypt with
		want fault.Code // in the end
	}
	for name, steps := range map[string][]step{
		"vanished": {
			{"is", 1000, "alice", ""},
			{"makes", 1000, "alice/k", ""},
			{"is", 1000, "", ""},
			{"uses", 1000, "alice/k", fault.CodePrincipalChanged},
			{"is", 1000, "alice", ""},
			{"uses", 1000, "alice/k", fault.CodePrincipalChanged},
			{"adopt", 1000, "", ""},
			{"uses", 1000, "alice/k", ""},
		},
		"a used uid": {
			{"is", 1000, "alice", ""},
			{"makes", 1000, "alice/k", ""},
			{"is", 1000, "", ""},
			{"is", 1000, "bob", ""},
			{"uses", 1000, "alice/k", fault.CodePrincipalChanged},
			{"uses", 1000, "bob/k", fault.CodePrincipalChanged},
			{"retire", 1000, "", ""},
			{"makes", 1000, "bob/k", ""},
			{"uses", 1000, "alice/k", fault.CodePermissionDenied},
		},
		"a used uid, adopted by mistake": {
			{"is", 1000, "alice", ""},
			{"makes", 1000, "alice/k", ""},
			{"is", 1000, "bob", ""},
			{"uses", 1000, "bob/k", fault.CodePrincipalChanged},
			{"adopt", 1000, "", ""},
			{"uses", 1000, "alice/k", fault.CodePermissionDenied},
			{"makes", 1000, "bob/k", ""},
		},
		"a name under another uid": {
			{"is", 1000, "alice", ""},
			{"makes", 1000, "alice/k", ""},
			{"is", 1000, "", ""},
			{"is", 1005, "alice", ""},
			{"uses", 1005, "alice/k", fault.CodePrincipalChanged},
			{"uses", 1000, "alice/k", fault.CodePrincipalChanged},
			{"adopt", 1005, "", ""},
			{"uses", 1005, "alice/k", ""},
			{"uses", 1000, "alice/k", fault.CodePrincipalChanged},
		},
		"an account that comes later": {
			{"uses", 1000, "alice/k", fault.CodePermissionDenied},
			{"is", 1000, "alice", ""},
			{"makes", 1000, "alice/k", ""},
			{"uses", 1000, "alice/k", ""},
		},
		"a name that a rename left": {
			{"is", 1000, "alice", ""},
			{"makes", 1000, "alice/k", ""},
			{"is", 1000, "alicia", ""},
			{"uses", 1000, "alice/k", fault.CodePrincipalChanged},
			{"adopt", 1000, "", ""},
			{"is", 1005, "alice", ""},
			{"uses", 1005, "alice/k", fault.CodePrincipalChanged},
			{"makes", 1000, "alicia/k", ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			accounts, ctx := newDirectory(t), t.Context()
			d := start(t, accounts.in)
			root := d.dial(t)
			open := map[uint32]map[string]caller{1000: d.by(t, person{uid: 1000}), 1005: d.by(t, person{uid: 1005})}
			for i, s := range steps {
				what := fmt.Sprintf("step %d, uid %d %s %q", i+1, s.uid, s.do, s.name)
				var err error
				switch s.do {
				case "is":
					accounts.set(t, s.uid, s.name)
				case "makes":
					await(t, what, map[string]caller{"frames": open[s.uid]["frames"]}, s.want, func(c caller) error {
						_, err := c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: s.name})
						return err
					})
				case "uses":
					await(t, what, open[s.uid], s.want, encrypt(ctx, s.name))
					now(t, what+" anew", d.by(t, person{uid: s.uid}), s.want, encrypt(ctx, s.name))
				case "adopt":
					_, err = root.AdoptPrincipal(ctx, &vaultdv1.AdoptPrincipalRequest{Uid: s.uid})
				case "retire":
					_, err = root.RetirePrincipal(ctx, &vaultdv1.RetirePrincipalRequest{Uid: s.uid})
				}
				if err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				if _, err := root.ListKeys(ctx, &vaultdv1.ListKeysRequest{}); err != nil {
					t.Fatalf("%s: root: %v", what, err)
				}
			}
		})
	}
}

// Whoever got the uid of an administrator is none.
func TestQuarantinedAdministratorIsNobody(t *testing.T) {
	accounts, ctx := newDirectory(t), t.Context()
	accounts.set(t, 1000, "ada")
	d := start(t, accounts.in)
	d.createKey(t, "games/theirs", "")
	ada := d.by(t, person{1000, admins})
	counts := func(c caller) (uint64, error) {
		st, err := c.Status(ctx, &vaultdv1.StatusRequest{})
		return st.GetKeys(), err
	}
	for form, c := range ada {
		if n, err := counts(c); n != 1 || err != nil {
			t.Fatalf("%s: an administrator is told of %d keys, %v", form, n, err)
		}
	}
	accounts.set(t, 1000, "eve")
	await(t, "changed", ada, fault.CodePrincipalChanged, encrypt(ctx, "games/theirs"))
	for _, forms := range []map[string]caller{ada, d.by(t, person{1000, admins})} {
		for what, ask := range map[string]func(caller) error{
			"seal": func(c caller) error { _, err := c.Seal(ctx, &vaultdv1.SealRequest{}); return err },
			"adopt": func(c caller) error {
				_, err := c.AdoptPrincipal(ctx, &vaultdv1.AdoptPrincipalRequest{Uid: 1000})
				return err
			},
			"retire": func(c caller) error {
				_, err := c.RetirePrincipal(ctx, &vaultdv1.RetirePrincipalRequest{Uid: 1000})
				return err
			},
			"list": func(c caller) error { _, err := c.ListPrincipals(ctx, &vaultdv1.ListPrincipalsRequest{}); return err },
			"keys": func(c caller) error { _, err := c.ListKeys(ctx, &vaultdv1.ListKeysRequest{}); return err },
			"decrypt": func(c caller) error {
				_, err := c.Decrypt(ctx, &vaultdv1.DecryptRequest{Key: "games/theirs", Ciphertext: "vd1:AAAA"})
				return err
			},
		} {
			now(t, what, forms, fault.CodePrincipalChanged, ask)
		}
		for form, c := range forms {
			if n, err := counts(c); n != 0 || err != nil {
				t.Errorf("%s: eve is told of %d keys, %v", form, n, err)
			}
			me, err := c.WhoAmI(ctx, &vaultdv1.WhoAmIRequest{})
			if err != nil || me.GetRole() != "" {
				t.Errorf("%s: eve is %v, %v", form, me, err)
			}
			_, err = c.Can(ctx, &vaultdv1.CanRequest{Action: "encrypt", As: &vaultdv1.Principal{Uid: 2}})
			wantCode(t, "ask about another", err, fault.CodePermissionDenied)
		}
	}
	can, err := d.dial(t).Can(ctx, &vaultdv1.CanRequest{
		Action: "vault.seal", As: &vaultdv1.Principal{Uid: 1000, Gid: admins, User: "eve"},
	})
	if err != nil || can.GetAllowed() || can.GetRule() != policy.RuleChanged {
		t.Errorf("root asks whether eve can seal: %v, %v", can, err)
	}
}

func TestAccountOfAnotherMachineIsNotTheSame(t *testing.T) {
	accounts, ctx := newDirectory(t), t.Context()
	accounts.set(t, 1000, "alice")
	d := start(t, accounts.in)
	alice := d.by(t, person{uid: 1000})
	if _, err := alice["frames"].CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: "alice/k"}); err != nil {
		t.Fatal(err)
	}
	d.seal(t)
	dir, err := os.MkdirTemp("", "vaultd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	c := ipc.Config{Vault: d.vault, Policy: &policy.Policy{}}
	accounts.in(&c)
	c.Machine = "m2"
	moved := &daemon{socket: filepath.Join(dir, "run", "vaultd.sock"), vault: d.vault, server: ipc.NewServer(c)}
	moved.serve(t)
	moved.unseal(t)
	alice = moved.by(t, person{uid: 1000})
	now(t, "on another machine", alice, fault.CodePrincipalChanged, encrypt(ctx, "alice/k"))
	if _, err := moved.dial(t).AdoptPrincipal(ctx, &vaultdv1.AdoptPrincipalRequest{Uid: 1000}); err != nil {
		t.Fatal(err)
	}
	now(t, "adopted", alice, "", encrypt(ctx, "alice/k"))
}

// A new principal that can't be stored gets nothing, and is tried again.
func TestPrincipalThatCannotBeStoredIsNotTrusted(t *testing.T) {
	accounts, ctx := newDirectory(t), t.Context()
	accounts.set(t, 1000, "alice")
	d := start(t, accounts.in, func(c *ipc.Config) { c.Machine = strings.Repeat("x", 70<<10) }) // larger than a record
	d.createKey(t, "alice/k", "")
	for range 2 {
		alice := d.by(t, person{uid: 1000})
		now(t, "not stored", alice, fault.CodePrincipalChanged, encrypt(ctx, "alice/k"))
		var refused *fault.Error
		if err := encrypt(ctx, "alice/k")(alice["frames"]); !errors.As(err, &refused) || !strings.Contains(refused.Message, "is new") {
			t.Errorf("refused with %v", err)
		}
	}
	list, err := d.dial(t).ListPrincipals(ctx, &vaultdv1.ListPrincipalsRequest{})
	if err != nil || len(list.GetPrincipals()) != 0 {
		t.Errorf("list %v, %v", list, err)
	}
}

// A quarantine that can't be stored is one all the same.
func TestQuarantineThatCannotBeStoredHolds(t *testing.T) {
	accounts, ctx := newDirectory(t), t.Context()
	accounts.set(t, 1000, "alice")
	d := start(t, accounts.in)
	d.createKey(t, "alice/k", "")
	body := `{"uid":1000,"user":"alice","machine":"m1","generation":1,"state":"active","former":["` + strings.Repeat("x", 64<<10-100) + `"]}`
	if err := d.vault.SavePrincipals(ctx, []vault.Kept{{ID: "1000", Body: []byte(body)}}); err != nil {
		t.Fatal(err)
	}
	d.seal(t)
	d.unseal(t)
	alice := d.by(t, person{uid: 1000})
	now(t, "known", alice, "", encrypt(ctx, "alice/k"))
	accounts.set(t, 1000, "eve")
	await(t, "changed", alice, fault.CodePrincipalChanged, encrypt(ctx, "alice/k"))
	accounts.set(t, 1000, "alice")
	for range 3 {
		now(t, "back, and still in quarantine", d.by(t, person{uid: 1000}), fault.CodePrincipalChanged, encrypt(ctx, "alice/k"))
	}
}

// Where nobody can tell the account, the caller has no name, and nothing
// follows for its principal.
func TestSilentAccountDatabaseTellsNothing(t *testing.T) {
	accounts, ctx := newDirectory(t), t.Context()
	accounts.set(t, 1000, "alice")
	d := start(t, accounts.in)
	root := d.dial(t)
	open := d.by(t, person{uid: 1000})
	if _, err := open["frames"].CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: "alice/k"}); err != nil {
		t.Fatal(err)
	}
	now(t, "at first", open, "", encrypt(ctx, "alice/k"))
	accounts.quietly(func() { accounts.silent = true })
	accounts.touch(t)
	var late map[string]caller
	await(t, "silent", map[string]caller{"any": nil}, fault.CodePermissionDenied, func(caller) error {
		late = d.by(t, person{uid: 1000}) // the name may still be remembered
		return errors.Join(encrypt(ctx, "alice/k")(late["frames"]), encrypt(ctx, "alice/k")(late["http2"]))
	})
	now(t, "open before", open, "", encrypt(ctx, "alice/k"))
	_, err := root.AdoptPrincipal(ctx, &vaultdv1.AdoptPrincipalRequest{Uid: 1000})
	wantCode(t, "adopt by a silent database", err, fault.CodeBusy)
	accounts.quietly(func() { accounts.silent = false })
	await(t, "answers again", late, "", encrypt(ctx, "alice/k"))
	list, err := root.ListPrincipals(ctx, &vaultdv1.ListPrincipalsRequest{Changed: true})
	if err != nil || len(list.GetPrincipals()) != 0 {
		t.Errorf("in quarantine: %v, %v", list, err)
	}
}

// An account that changed while nobody could look is noticed at unseal, be its
// user connected or not.
func TestAccountThatChangedWhileSealed(t *testing.T) {
	accounts, ctx := newDirectory(t), t.Context()
	accounts.set(t, 1000, "alice")
	accounts.set(t, 1001, "bob")
	d := start(t, accounts.in)
	alice := d.by(t, person{uid: 1000})
	now(t, "bound", alice, fault.CodeKeyNotFound, encrypt(ctx, "alice/k"))
	now(t, "bound", d.by(t, person{uid: 1001}), fault.CodeKeyNotFound, encrypt(ctx, "bob/k"))
	d.seal(t)
	if s := standing(ctx, t, alice["frames"]); s != "" {
		t.Errorf("judged as %q while sealed", s)
	}
	accounts.quietly(func() { accounts.names = map[uint32]string{0: "root", 1000: "eve"} })
	d.unseal(t)
	now(t, "after the unseal", alice, fault.CodePrincipalChanged, encrypt(ctx, "eve/k"))
	await(t, "bob, who is not here", map[string]caller{"root": d.dial(t)}, "", func(c caller) error {
		st, err := c.Status(ctx, &vaultdv1.StatusRequest{})
		if err == nil && st.GetPrincipalsChanged() != 2 {
			return errors.New("not yet")
		}
		return err
	})
}

func TestChangeOfAPrincipalIsOnRecordOnce(t *testing.T) {
	accounts, ctx := newDirectory(t), t.Context()
	accounts.set(t, 1000, "alice")
	log, set := withAudit(t, filepath.Join(t.TempDir(), "audit"))
	d := start(t, accounts.in, set)
	alice := d.by(t, person{uid: 1000})
	now(t, "bound", alice, fault.CodeKeyNotFound, encrypt(ctx, "alice/k"))
	accounts.set(t, 1000, "eve")
	await(t, "changed", alice, fault.CodePrincipalChanged, encrypt(ctx, "alice/k"))
	now(t, "again", d.by(t, person{uid: 1000}), fault.CodePrincipalChanged, encrypt(ctx, "alice/k"))
	d.seal(t)
	d.unseal(t)
	now(t, "and again", alice, fault.CodePrincipalChanged, encrypt(ctx, "alice/k"))
	root := d.dial(t)
	if _, err := root.RetirePrincipal(ctx, &vaultdv1.RetirePrincipalRequest{Uid: 1000}); err != nil {
		t.Fatal(err)
	}
	_, err := alice["frames"].AdoptPrincipal(ctx, &vaultdv1.AdoptPrincipalRequest{Uid: 1000})
	wantCode(t, "adopt oneself", err, fault.CodePermissionDenied) // eve is somebody new by now
	if err := log.Flush(); err != nil {
		t.Fatal(err)
	}
	changed := 0
	seen := map[string]int{}
	for e, err := range log.Read(audit.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		about := ""
		for _, x := range e.Extra {
			if x.Name == "uid" {
				about = x.Value
			}
		}
		seen[strings.TrimSpace(fmt.Sprint(e.Action, " ", e.Outcome, " ", e.Code, " ", about, " ", e.Owner))]++
		if e.Action == "principal.changed" {
			changed++
			if e.Principal != audit.Self() || about != "1000" || e.Owner != "alice" ||
				!strings.Contains(fmt.Sprint(e.Extra), `was "alice" and is now "eve"`) {
				t.Errorf("record %s", e.Line)
			}
		}
	}
	if changed != 1 {
		t.Errorf("%d records of the change", changed)
	}
	for _, want := range []string{
		"key.encrypt denied principal_changed  alice", "principal.retire begun  1000", "principal.retire allowed  1000 alice",
		"principal.adopt denied permission_denied 1000",
	} {
		if seen[want] == 0 {
			t.Errorf("no record %q in %v", want, seen)
		}
	}
}

func TestPrincipalsAreListedByPages(t *testing.T) {
	accounts, ctx := newDirectory(t), t.Context()
	d := start(t, accounts.in)
	for uid := uint32(1000); uid < 1007; uid++ {
		accounts.set(t, uid, fmt.Sprint("user", uid))
		standing(ctx, t, d.by(t, person{uid: uid})["frames"])
	}
	root := d.dial(t)
	var got []uint32
	request := &vaultdv1.ListPrincipalsRequest{PageSize: 3}
	for {
		r, err := root.ListPrincipals(ctx, request)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range r.GetPrincipals() {
			got = append(got, p.GetUid())
			if p.GetState() != "active" || p.GetUser() != p.GetAccount() || p.GetGeneration() != 1 || p.GetMachine() != "m1" {
				t.Errorf("principal %v", p)
			}
		}
		if request.PageToken = r.GetNextPageToken(); request.PageToken == "" {
			break
		}
	}
	if fmt.Sprint(got) != "[1000 1001 1002 1003 1004 1005 1006]" {
		t.Errorf("listed %v", got)
	}
	for name, bad := range map[string]*vaultdv1.ListPrincipalsRequest{
		"page token": {PageToken: "alice"}, "page size": {PageSize: 1001},
	} {
		_, err := root.ListPrincipals(ctx, bad)
		wantCode(t, name, err, fault.CodeBadArgument)
	}
	for _, uid := range []uint32{0, 1, 4242} { // root, the daemon's, and one that never came
		_, err := root.AdoptPrincipal(ctx, &vaultdv1.AdoptPrincipalRequest{Uid: uid})
		wantCode(t, "adopt", err, fault.CodePrincipalNotFound)
		_, err = root.RetirePrincipal(ctx, &vaultdv1.RetirePrincipalRequest{Uid: uid})
		wantCode(t, "retire", err, fault.CodePrincipalNotFound)
	}
	_, err := root.RetirePrincipal(ctx, &vaultdv1.RetirePrincipalRequest{Uid: 1000, Reason: "a\nb"})
	wantCode(t, "reason of two lines", err, fault.CodeBadArgument)
	d.seal(t)
	for what, ask := range map[string]func() error{
		"list": func() error { _, err := root.ListPrincipals(ctx, &vaultdv1.ListPrincipalsRequest{}); return err },
		"adopt": func() error {
			_, err := root.AdoptPrincipal(ctx, &vaultdv1.AdoptPrincipalRequest{Uid: 1000})
			return err
		},
		"retire": func() error {
			_, err := root.RetirePrincipal(ctx, &vaultdv1.RetirePrincipalRequest{Uid: 1000})
			return err
		},
	} {
		wantCode(t, what, ask(), fault.CodeSealed)
	}
}

// Requests of all connections at once, while accounts change and are adopted:
// once a quarantine was seen, nothing is granted before the adoption.
func TestIdentitiesChangeUnderLoad(t *testing.T) {
	accounts, ctx := newDirectory(t), t.Context()
	accounts.set(t, 1000, "alice")
	d := start(t, accounts.in)
	root := d.dial(t)
	first := d.by(t, person{uid: 1000})
	if _, err := first["frames"].CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: "alice/k"}); err != nil {
		t.Fatal(err)
	}
	forms := []caller{first["frames"], first["http2"], first["http2"], first["http2"], d.by(t, person{uid: 1000})["frames"], root}
	var quarantined, adopting atomic.Bool // known to be so
	var granted, denied atomic.Int64
	load, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	for _, c := range forms {
		running.Go(func() {
			for load.Err() == nil {
				before := quarantined.Load() && !adopting.Load()
				_, err := c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: "alice/k"})
				switch code := codeOf(err); {
				case code == "" && c != caller(root) && before && quarantined.Load() && !adopting.Load():
					t.Error("granted in quarantine")
					return
				case code == "":
					granted.Add(1)
				case code == fault.CodePrincipalChanged:
					denied.Add(1)
				default:
					t.Error(err)
					return
				}
			}
		})
	}
	for range 5 {
		accounts.set(t, 1000, "")
		await(t, "gone", first, fault.CodePrincipalChanged, encrypt(ctx, "alice/k"))
		quarantined.Store(true)
		accounts.set(t, 1000, "alice")
		await(t, "looked at again", map[string]caller{"root": root}, "", func(c caller) error {
			adopting.Store(true)
			_, err := c.AdoptPrincipal(ctx, &vaultdv1.AdoptPrincipalRequest{Uid: 1000})
			return err
		})
		quarantined.Store(false)
		adopting.Store(false)
		now(t, "adopted", first, "", encrypt(ctx, "alice/k"))
	}
	stop()
	running.Wait()
	if granted.Load() == 0 || denied.Load() == 0 {
		t.Errorf("%d granted, %d denied", granted.Load(), denied.Load())
	}
}

// A vault whose principals can't be read stays sealed: without them, a used
// uid would get the keys.
func TestUnreadablePrincipalKeepsTheVaultSealed(t *testing.T) {
	for name, body := range map[string]string{
		"no JSON": "x", "another uid": `{"uid":1001,"user":"alice","state":"active"}`, "no state": `{"uid":1000,"user":"alice"}`,
		"an unknown state": `{"uid":1000,"user":"alice","state":"fine"}`,
	} {
		d := start(t)
		if err := d.vault.SavePrincipals(t.Context(), []vault.Kept{{ID: "1000", Body: []byte(body)}}); err != nil {
			t.Fatal(err)
		}
		d.seal(t)
		_, err := d.vault.Unseal(t.Context(), []byte(password), false)
		if wantCode(t, name, err, fault.CodeStoreCorrupt); !d.vault.Status().Sealed {
			t.Errorf("%s: it is open", name)
		}
	}
}
