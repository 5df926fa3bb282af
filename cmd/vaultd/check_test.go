//go:build unix

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/vaultd/vaultd/vault/fault"
)

// closed is the place of a vault that no daemon serves any more.
func closed(t *testing.T) (p place, passwordFile string) {
	t.Helper()
	p = newPlace(t)
	d := p.start(t)
	d.init(t)
	d.stop(t, syscall.SIGTERM)
	passwordFile = filepath.Join(p.dir, "password")
	write(t, passwordFile, password+"\n")
	return p, passwordFile
}

func flip(t *testing.T, path string, at int) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[at] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCheckFindsAndRepairs(t *testing.T) {
	p, pw := closed(t)
	if code, out, errs := p.run(t, "check"); code != 0 || !strings.Contains(out, "The structure is whole.") {
		t.Fatalf("without password: exit %d, %s%s", code, out, errs)
	}
	if code, out, errs := p.run(t, "check", "--password-file", pw); code != 0 || !strings.Contains(out, "The vault is whole:") {
		t.Fatalf("with password: exit %d, %s%s", code, out, errs)
	}
	for _, name := range []string{"header", "keyring"} {
		flip(t, filepath.Join(p.store, name), 20)
		for _, args := range [][]string{{"check"}, {"check", "--password-file", pw}} {
			code, out, errs := p.run(t, args...)
			if code != int(fault.ClassIntegrity) || !strings.Contains(out, "damage: "+name) || !strings.Contains(errs, "--repair") {
				t.Errorf("%s, %v: exit %d, %s%s", name, args, code, out, errs)
			}
		}
		code, out, errs := p.run(t, "check", "--repair", "--password-file", pw)
		if code != 0 || !strings.Contains(out, "(repaired)") {
			t.Errorf("%s: repair: exit %d, %s%s", name, code, out, errs)
		}
		if code, out, errs := p.run(t, "check", "--password-file", pw); code != 0 || strings.Contains(out, "damage") {
			t.Errorf("%s: after repair: exit %d, %s%s", name, code, out, errs)
		}
	}
	flip(t, filepath.Join(p.store, "header"), 20)
	flip(t, filepath.Join(p.store, "header.backup"), 20)
	if code, out, errs := p.run(t, "check", "--repair", "--password-file", pw); code != int(fault.ClassIntegrity) ||
		!strings.Contains(out, "loss: header") || !strings.Contains(errs, "backup") {
		t.Errorf("both headers gone: exit %d, %s%s", code, out, errs)
	}
}

func TestCheckAsJSON(t *testing.T) {
	p, pw := closed(t)
	flip(t, filepath.Join(p.store, "header.backup"), 20)
	code, out, errs := p.run(t, "check", "-o", "json", "--password-file", pw)
	var got reportJSON
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != int(fault.ClassIntegrity) {
		t.Fatalf("exit %d, %v, %s%s", code, err, out, errs)
	}
	if got.OK || !got.Complete || !got.Clean || len(got.Findings) == 0 || got.Findings[0].File != "header.backup" ||
		got.Findings[0].Severity != "damage" || got.Findings[0].Repaired {
		t.Errorf("%+v", got)
	}
}

func TestCheckRefuses(t *testing.T) {
	p, pw := closed(t)
	wrong := filepath.Join(p.dir, "wrong")
	write(t, wrong, "not the password")
	for _, c := range []struct {
		args []string
		code fault.Class
		want string
	}{
		{[]string{"check", "--password-file", wrong}, fault.ClassSealed, "wrong password"},
		{[]string{"check", "--recovery", "--password-file", wrong}, fault.ClassUsage, "a phrase has"},
		{[]string{"check", "--recovery"}, fault.ClassUsage, "needs the words"},
		{[]string{"check", "--key-file", wrong}, fault.ClassUsage, "exactly 32 bytes"},
		{[]string{"check", "--key-file", wrong, "--password-file", pw}, fault.ClassUsage, "exclude each other"},
		{[]string{"check", "--share-file", wrong}, fault.ClassUsage, "not a share"},
		{[]string{"check", "--share-file", wrong, "--password-file", pw}, fault.ClassUsage, "exclude each other"},
		{[]string{"check", "--repair"}, fault.ClassUsage, "needs the password"},
		{[]string{"check", "-o", "xml"}, fault.ClassUsage, "text or json"},
		{[]string{"check", "--password-file", pw, "--password-fd", "0"}, fault.ClassUsage, "exclude each other"},
		{[]string{"check", "--store", filepath.Join(p.dir, "none")}, fault.ClassState, "no vault here"},
	} {
		code, out, errs := p.run(t, c.args...)
		if code != int(c.code) || !strings.Contains(errs, c.want) {
			t.Errorf("%v: exit %d, %s%s", c.args, code, out, errs)
		}
	}
	d := p.start(t)
	if code, out, errs := p.run(t, "check"); code != int(fault.ClassUnavailable) || !strings.Contains(errs, "another vaultd") {
		t.Errorf("under a running daemon: exit %d, %s%s", code, out, errs)
	}
	d.stop(t, syscall.SIGTERM)
}
