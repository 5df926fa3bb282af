//go:build unix

package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/vaultd/vaultd/internal/keyfile"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
)

// addSlot adds a slot for random bytes.
func (d *daemon) addSlot(t *testing.T, kind vaultdv1.SlotKind, secret []byte) {
	t.Helper()
	_, err := d.client(t).AddSlot(context.Background(), &vaultdv1.AddSlotRequest{
		With: &vaultdv1.SlotSecret{Secret: []byte(password)}, Kind: kind, Secret: secret,
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (d *daemon) status(t *testing.T) *vaultdv1.StatusResponse {
	t.Helper()
	s, err := d.client(t).Status(context.Background(), &vaultdv1.StatusRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// reload has the daemon read everything again, and waits until it has.
func (d *daemon) reload(t *testing.T) {
	t.Helper()
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	d.expect(t, "RELOADING=1")
	d.expect(t, "READY=1")
}

// A vault with a key file is open when the daemon says that it is ready, at every
// start, and stays sealed when somebody has sealed it.
func TestKeyFileUnsealsAtStart(t *testing.T) {
	p := newPlace(t)
	path := filepath.Join(p.dir, "unseal.key")
	write(t, p.configAt(), inAudit("[unseal]\nkey_file = \""+path+"\"\n"))
	d := p.start(t)
	d.init(t)
	key, err := keyfile.Create(path, os.Geteuid())
	if err != nil {
		t.Fatal(err)
	}
	d.addSlot(t, vaultdv1.SlotKind_SLOT_KIND_KEY_FILE, key.Bytes())
	list, err := d.client(t).ListSlots(context.Background(), &vaultdv1.ListSlotsRequest{})
	if err != nil || len(list.GetSlots()) != 2 || list.GetSlots()[0].GetAutomatic() || !list.GetSlots()[1].GetAutomatic() || list.GetKeyFile() != path {
		t.Errorf("%v, %v", list, err)
	}
	d.stop(t, syscall.SIGTERM)

	d = p.start(t)
	if !strings.Contains(d.ready, "STATUS="+statusUnsealed) {
		t.Errorf("when it is ready, it says %q", d.ready)
	}
	if s := d.status(t); s.GetSealed() || s.GetUnsealedWith() != "key-file" || len(s.GetUnsealProblems()) > 0 {
		t.Errorf("%v", s)
	}
	if _, err := d.client(t).Seal(context.Background(), &vaultdv1.SealRequest{}); err != nil {
		t.Fatal(err)
	}
	d.reload(t)
	if !d.sealed(t) {
		t.Error("a reload has opened what somebody sealed")
	}
	// Nor does a person's unseal in between make it forget for good.
	if _, err := d.client(t).Unseal(context.Background(), &vaultdv1.UnsealRequest{Password: []byte(password)}); err != nil {
		t.Fatal(err)
	}
	d.stop(t, syscall.SIGTERM)

	// After a death without notice too.
	d = p.start(t)
	_ = d.cmd.Process.Kill()
	_ = d.wait()
	d = p.start(t)
	if d.sealed(t) {
		t.Error("sealed after a crash")
	}
	d.stop(t, syscall.SIGTERM)
	got := strings.Join(recordsOf(t, p, "vault.unseal"), "\n")
	if want := "allowed source=key-file slot=key-file"; strings.Count(got, want) != 3 {
		t.Errorf("records:\n%s", got)
	}
	got = strings.Join(recordsOf(t, p, "slot.add"), "\n")
	if want := "begun\nallowed slot=key-file slot_id=2 kind=key-file"; got != want {
		t.Errorf("records %q, want %q", got, want)
	}
}

// A key file that can't be used leaves the vault sealed, says why, and works
// again at a reload once it is mended.
func TestBrokenKeyFileIsToldAndMended(t *testing.T) {
	p := newPlace(t)
	path := filepath.Join(p.dir, "unseal.key")
	write(t, p.configAt(), "[unseal]\nkey_file = \""+path+"\"\n")
	d := p.start(t)
	d.init(t)
	key, err := keyfile.Create(path, os.Geteuid())
	if err != nil {
		t.Fatal(err)
	}
	d.addSlot(t, vaultdv1.SlotKind_SLOT_KIND_KEY_FILE, key.Bytes())
	d.stop(t, syscall.SIGTERM)
	if err := os.Chmod(path, 0o444); err != nil {
		t.Fatal(err)
	}
	d = p.start(t)
	d.problem(t, "open to others")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	d.reload(t)
	d.problem(t, "no such file")
	write(t, path, strings.Repeat("x", 32))
	d.reload(t)
	d.problem(t, "does not open the vault")
	// A machine that tries in vain takes no guess from anybody.
	for range 5 {
		d.reload(t)
	}
	write(t, path, string(key.Bytes()))
	d.reload(t)
	if s := d.status(t); s.GetSealed() || len(s.GetUnsealProblems()) > 0 {
		t.Errorf("mended: %v", s)
	}
	d.stop(t, syscall.SIGTERM)
}

// problem is that the vault is sealed for this one reason.
func (d *daemon) problem(t *testing.T, want string) {
	t.Helper()
	s := d.status(t)
	if all := s.GetUnsealProblems(); !s.GetSealed() || len(all) != 1 || !strings.Contains(all[0], "key-file: ") || !strings.Contains(all[0], want) {
		t.Errorf("sealed: %v, problems %q, want %q", s.GetSealed(), all, want)
	}
}

// The service manager passes a credential as a file in a directory of the service.
func TestCredentialUnsealsAtStart(t *testing.T) {
	p := newPlace(t)
	d := p.start(t)
	d.init(t)
	secret := strings.Repeat("c", keyfile.Size)
	d.addSlot(t, vaultdv1.SlotKind_SLOT_KIND_CREDENTIAL, []byte(secret))
	d.stop(t, syscall.SIGTERM)

	credentials := filepath.Join(p.dir, "credentials")
	write(t, filepath.Join(credentials, "vaultd.unseal"), secret)
	cmd := p.command()
	cmd.Env = append(cmd.Env, "CREDENTIALS_DIRECTORY="+credentials)
	d = p.startCommand(t, cmd)
	if s := d.status(t); s.GetSealed() || s.GetUnsealedWith() != "credential" {
		t.Errorf("%v", s)
	}
	d.stop(t, syscall.SIGTERM)

	// Without it, the daemon serves, sealed, and says what is missing.
	d = p.start(t)
	if s := d.status(t); !s.GetSealed() || len(s.GetUnsealProblems()) != 1 || !strings.Contains(s.GetUnsealProblems()[0], "vaultd.unseal") {
		t.Errorf("%v", s)
	}
	d.eventually(t, "the vault did not unseal by itself")
	d.stop(t, syscall.SIGTERM)

	write(t, p.configAt(), "[unseal]\nsources = []\n")
	cmd = p.command()
	cmd.Env = append(cmd.Env, "CREDENTIALS_DIRECTORY="+credentials)
	d = p.startCommand(t, cmd)
	if s := d.status(t); !s.GetSealed() || len(s.GetUnsealProblems()) > 0 {
		t.Errorf("with no source: %v", s)
	}
	d.stop(t, syscall.SIGTERM)
}
