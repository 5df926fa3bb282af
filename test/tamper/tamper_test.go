//go:build linux

package tamper

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/test/rig"
	"github.com/vaultd/vaultd/vault/audit"
	"github.com/vaultd/vaultd/vault/fault"
)

func TestMain(m *testing.M) { rig.Main(m) }

// start starts a daemon with an unsealed vault and a key in it.
func start(t *testing.T, reaction string) *rig.Daemon {
	t.Helper()
	h := rig.NewHome(t, t.TempDir())
	h.Config = fmt.Sprintf("on_tampering = %q\n", reaction)
	d := rig.MustStart(t, h)
	d.Init(t)
	if _, err := d.Client.CreateKey(rig.Context(t), &vaultdv1.CreateKeyRequest{Name: "billing/k"}); err != nil {
		t.Fatal(err)
	}
	return d
}

func status(t *testing.T, d *rig.Daemon) *vaultdv1.StatusResponse {
	t.Helper()
	s, err := d.Client.Status(rig.Context(t), &vaultdv1.StatusRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// looks is how soon a touch is told of, with room for a slow machine.
var looks = rig.Promise{Within: 3 * time.Second}

// eventually waits until what the daemon says of its files has all of want.
func eventually(t *testing.T, d *rig.Daemon, want ...string) {
	t.Helper()
	var got, missing string
	if !looks.Await(func() bool {
		got, missing = strings.Join(status(t, d).GetTampering(), "\n"), ""
		for _, w := range want {
			if !strings.Contains(got, w) {
				missing = w
			}
		}
		return missing == ""
	}) {
		t.Fatalf("the daemon says %q, and not %q; its log:\n%s", got, missing, d.Log())
	}
}

// records are those in the audit log about files that were touched.
func records(t *testing.T, h rig.Home, action string) (all []audit.Record) {
	t.Helper()
	for e, err := range audit.Read(h.Audit(), audit.Filter{Action: action}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e.Record)
	}
	return all
}

// recorded waits for the first record, which comes a moment after the status tells.
func recorded(t *testing.T, h rig.Home, action string) []audit.Record {
	t.Helper()
	for end := time.Now().Add(rig.Deadline); ; time.Sleep(10 * time.Millisecond) {
		if all := records(t, h, action); len(all) > 0 {
			return all
		}
		if time.Now().After(end) {
			t.Fatalf("no record of %s", action)
		}
	}
}

// logged waits for a line in the daemon's log, which comes a moment after the status tells.
func logged(t *testing.T, d *rig.Daemon, want string) {
	t.Helper()
	for end := time.Now().Add(rig.Deadline); !strings.Contains(d.Log(), want); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("its log does not tell:\n%s", d.Log())
		}
	}
}

func extra(r audit.Record, name string) string {
	for _, f := range r.Extra {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

func edit(path string, change func([]byte) []byte) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(change(b))
	return errors.Join(err, f.Close())
}

func swap(path string) error {
	b, err := os.ReadFile(path)
	return errors.Join(err, os.WriteFile(path+"~", b, 0o600), os.Rename(path+"~", path))
}

func flip(b []byte) []byte {
	b[len(b)/2] ^= 1
	return b
}

// glob is the one file that matches.
func glob(pattern string) string {
	names, _ := filepath.Glob(pattern)
	if len(names) == 0 {
		return pattern
	}
	return names[0]
}

var touches = map[string]struct {
	do   func(h rig.Home) error
	want string
	keep bool // the vault can be unsealed afterwards
}{
	"header replaced": {func(h rig.Home) error { return swap(h.Store + "/header") }, "header: was replaced by another; its bytes are right", true},
	"header edited":   {func(h rig.Home) error { return edit(h.Store+"/header", flip) }, "header: does not have the bytes that were written", false},
	"header touched": {func(h rig.Home) error {
		return os.Chtimes(h.Store+"/header", time.Now(), time.Now())
	}, "header: was touched; its bytes are right", true},
	"header removed":  {func(h rig.Home) error { return os.Remove(h.Store + "/header") }, "header: was removed", false},
	"backup removed":  {func(h rig.Home) error { return os.Remove(h.Store + "/header.backup") }, "header.backup: was removed", true},
	"keyring removed": {func(h rig.Home) error { return os.Remove(h.Store + "/keyring") }, "keyring: was removed", false},
	"journal cut off": {func(h rig.Home) error { return os.Truncate(h.Store+"/journal-1.a", 64) }, "journal-1.a: was cut off", false},
	"journal appended": {func(h rig.Home) error {
		return edit(h.Store+"/journal-1.b", func(b []byte) []byte { return append(b, 0) })
	}, "journal-1.b: got bytes from somebody else", true},
	"journal replaced": {func(h rig.Home) error { return swap(h.Store + "/journal-1.a") }, "journal-1.a: was replaced by another", false},
	"journal renamed": {func(h rig.Home) error {
		return os.Rename(h.Store+"/journal-1.a", h.Store+"/journal-1.a.old")
	}, "journal-1.a: was removed", false},
	"database file removed": {func(h rig.Home) error { return os.Remove(h.Store + "/db-1/KEYREGISTRY") }, "db-1/KEYREGISTRY: was removed", false},
	"database log removed":  {func(h rig.Home) error { return os.Remove(glob(h.Store + "/db-1/*.mem")) }, ".mem: was removed", true},
	"stranger": {func(h rig.Home) error {
		return os.WriteFile(h.Store+"/\x1b[2J\xff", nil, 0o600)
	}, `"\x1b[2J\xff": was put there by somebody else`, true},
	"anchor removed":      {func(h rig.Home) error { return os.Remove(h.Anchor) }, "anchor: was removed", false},
	"anchor edited":       {func(h rig.Home) error { return edit(h.Anchor, flipFirst) }, "does not have the bytes that were written", false},
	"directory for all":   {func(h rig.Home) error { return os.Chmod(h.Store, 0o777) }, "store: has mode 0777 now, not 0700", false},
	"anchor's directory":  {func(h rig.Home) error { return os.Chmod(filepath.Dir(h.Anchor), 0o777) }, "anchor: has mode 0777 now, not 0700", true},
	"socket for nobody":   {func(h rig.Home) error { return os.Chmod(h.Socket(), 0o600) }, "vaultd.sock: has mode 0600 now, not 0666", true},
	"socket removed":      {func(h rig.Home) error { return os.Remove(h.Socket()) }, "vaultd.sock: was removed; clients can't reach", true},
	"socket replaced":     {replaceSocket, "vaultd.sock: was replaced by another", true},
	"socket's directory":  {func(h rig.Home) error { return os.Chmod(filepath.Dir(h.Socket()), 0o777) }, "/s: has mode 0777 now", true},
	"audit log removed":   {func(h rig.Home) error { return os.Remove(glob(h.Audit() + "/audit-*.jsonl")) }, "audit log: ", true},
	"audit hashes edited": {func(h rig.Home) error { return os.Truncate(h.Audit()+"/hashes", 0) }, "audit log: ", true},
}

func flipFirst(b []byte) []byte {
	for i := range b {
		b[i] ^= 1
	}
	return b
}

func replaceSocket(h rig.Home) error {
	other := h.Socket() + "2"
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: other, Net: "unix"})
	if err != nil {
		return err
	}
	l.SetUnlinkOnClose(false)
	return errors.Join(os.Rename(other, h.Socket()), l.Close())
}

func TestTouchesAreToldOf(t *testing.T) {
	t.Cleanup(func() { looks.Kept(t) }) // when all of them have ended
	for name, c := range touches {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // each waits most of the time
			d := start(t, "warn")
			time.Sleep(20 * time.Millisecond) // the file system's clock has steps
			if err := c.do(d.Home); err != nil {
				t.Fatal(err)
			}
			eventually(t, d, c.want)
			s := status(t, d)
			if s.GetSealed() {
				t.Error("a warning sealed the vault")
			}
			logged(t, d, "a file of the daemon was touched from outside")
			if strings.HasPrefix(c.want, "audit log") {
				recorded(t, d.Home, audit.ActionTampered)
				return
			}
			all := recorded(t, d.Home, audit.ActionFilesTampered)
			if all[0].Outcome != audit.Failed || extra(all[0], "what") == "" || extra(all[0], "reaction") != "warn" ||
				all[0].Principal.PID != int32(d.Process.Process.Pid) {
				t.Errorf("records: %+v", all)
			}
			// It is told once, not with every look. There may be several things
			// to find, whose records follow: it settles with one record of each.
			found := func() int { return len(status(t, d).GetTampering()) }
			kept := func() int { return len(records(t, d.Home, audit.ActionFilesTampered)) }
			for end := time.Now().Add(rig.Deadline); ; {
				told := found()
				time.Sleep(1200 * time.Millisecond) // a look later
				again, records := found(), kept()
				if again == told && records == told {
					break
				}
				if time.Now().After(end) {
					t.Fatalf("told %d, then %d, %d records: %q", told, again, records, status(t, d).GetTampering())
				}
			}
		})
	}
}

func TestTouchesSeal(t *testing.T) {
	for _, name := range []string{"header touched", "journal appended", "stranger", "socket for nobody", "journal cut off", "audit log removed"} {
		c := touches[name]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := start(t, "seal")
			ctx := rig.Context(t)
			time.Sleep(20 * time.Millisecond)
			if err := c.do(d.Home); err != nil {
				t.Fatal(err)
			}
			eventually(t, d, c.want)
			for end := time.Now().Add(rig.Deadline); !status(t, d).GetSealed(); time.Sleep(10 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("not sealed; its log:\n%s", d.Log())
				}
			}
			_, err := d.Client.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: "billing/k", Plaintext: []byte("x")})
			if rig.Code(err) != fault.CodeSealed {
				t.Errorf("sealed: %v", err)
			}
			err = d.Unseal(ctx, rig.Password)
			if !c.keep {
				if rig.Code(err) != fault.CodeStoreCorrupt {
					t.Errorf("unsealed with damage: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if left := status(t, d).GetTampering(); len(left) > 0 {
				t.Errorf("after an unseal: %q", left)
			}
			time.Sleep(1500 * time.Millisecond) // a look later
			if s := status(t, d); s.GetSealed() || len(s.GetTampering()) > 0 {
				t.Errorf("sealed again for the same: %q", s.GetTampering())
			}
			if _, err := d.Client.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: "billing/k", Plaintext: []byte("x")}); err != nil {
				t.Error(err)
			}
			if err := d.Stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A sealed vault is looked at as well.
func TestSealedFilesAreWatched(t *testing.T) {
	d := start(t, "seal")
	if _, err := d.Client.Seal(rig.Context(t), &vaultdv1.SealRequest{}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond)
	if err := errors.Join(swap(d.Home.Store+"/header"), os.Remove(d.Home.Store+"/clean")); err != nil {
		t.Fatal(err)
	}
	eventually(t, d, "header: was replaced by another", "clean: was removed")
	if err := d.Unseal(rig.Context(t), rig.Password); err != nil {
		t.Fatal(err)
	}
}

// Whatever the daemon itself does, and clients can do, at once, is no news.
func TestNoFalseAlarm(t *testing.T) {
	d := start(t, "seal")
	limit := 10 * time.Second
	if testing.Short() {
		limit = 3 * time.Second
	}
	ctx, stop := context.WithTimeout(t.Context(), limit)
	defer stop()
	var work sync.WaitGroup
	end, _ := ctx.Deadline()
	report := func(err error) {
		code := rig.Code(err)
		// The daemon is told the deadline, and may notice it before we do.
		over := ctx.Err() != nil || code == fault.CodeTimeout && time.Until(end) < time.Second
		if err != nil && !over && code != fault.CodeSealed && code != fault.CodeKeyNotFound {
			t.Error(err)
		}
	}
	for w := range 4 {
		work.Go(func() {
			for i := 0; ctx.Err() == nil && !t.Failed(); i++ {
				name := fmt.Sprintf("billing/k%d-%d", w, i)
				_, err := d.Client.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: name})
				report(err)
				_, err = d.Client.RotateKey(ctx, &vaultdv1.RotateKeyRequest{Name: name})
				report(err)
				if i%32 == 0 {
					_, err = d.Client.DestroyKey(ctx, &vaultdv1.DestroyKeyRequest{Name: name, Now: true})
					report(err)
				}
			}
		})
	}
	work.Go(func() {
		for i := 0; ctx.Err() == nil && !t.Failed(); i++ {
			_, err := d.Client.ChangePassword(ctx, &vaultdv1.ChangePasswordRequest{
				OldPassword: []byte(rig.Password), NewPassword: []byte(rig.Password), Iterations: 600_000,
			})
			report(err)
			if i%2 == 1 {
				_, err = d.Client.Seal(ctx, &vaultdv1.SealRequest{})
				report(err)
				time.Sleep(100 * time.Millisecond)
				report(d.Unseal(context.WithoutCancel(ctx), rig.Password))
			}
			time.Sleep(300 * time.Millisecond)
		}
	})
	// What every client may do, who must not be able to seal the vault by it.
	work.Go(func() {
		for ; ctx.Err() == nil && !t.Failed(); time.Sleep(50 * time.Millisecond) {
			if err := os.Chtimes(d.Home.Socket(), time.Now(), time.Now()); err != nil {
				t.Error(err)
			}
		}
	})
	work.Wait()
	s := status(t, d)
	if len(s.GetTampering()) > 0 || strings.Contains(d.Log(), "touched from outside") || len(records(t, d.Home, audit.ActionFilesTampered)) > 0 {
		t.Errorf("a false alarm: %q\n%s", s.GetTampering(), d.Log())
	}
	t.Logf("%d records, sequence %d, generation %d", s.GetRecords(), s.GetSequence(), s.GetGeneration())
	if err := d.Stop(); err != nil {
		t.Error(err)
	}
	if strings.Contains(d.Log(), "touched from outside") {
		t.Errorf("stopping is an alarm:\n%s", d.Log())
	}
}
