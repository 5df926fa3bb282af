//go:build linux

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/vaultd/vaultd/test/rig"
)

var shareText = regexp.MustCompile(`(?:[A-Z2-7]{6}-){11}[A-Z2-7]{6}`)

// Each share is shown by itself and has to be confirmed; those who have them open
// the vault one after the other.
func TestSharesAreDealtOneByOne(t *testing.T) {
	env := machine(t)
	s := onTerminal(t, env, "init", "--iterations", "600000")
	s.secret("Password: ", "correct horse")
	s.secret("Password again: ", "correct horse")
	s.ends(0)

	s = onTerminal(t, env, "slot", "add", "shares", "--shares", "3", "--threshold", "2")
	s.secret("Password: ", "correct horse")
	var dealt []string
	for range 3 {
		from := s.from
		s.expect("Type its last group: ")
		text := shareText.FindString(s.all()[from:])
		if text == "" {
			t.Fatalf("no share:\n%q", s.all()[from:])
		}
		dealt = append(dealt, text)
		s.typed(strings.ToLower(text[len(text)-6:]) + "\n")
	}
	s.expect("key slot shares is added")
	s.ends(0)
	if strings.Count(s.all(), "\x1b[2J") != 6 {
		t.Errorf("the screen is not cleared before and after each share:\n%q", s.all())
	}

	s = onTerminal(t, env, "slot", "add", "shares", "--shares", "2", "--threshold", "2")
	s.secret("Password: ", "correct horse")
	for range 3 {
		s.expect("Type its last group: ")
		s.typed("nothing\n")
	}
	s.expect("not confirmed")
	s.ends(2)
	s = onTerminal(t, env, "slot", "list")
	s.expect("2 of 3 shares")
	s.ends(0)
	if strings.Contains(s.all(), "shares-2") {
		t.Errorf("shares that nobody has open the vault:\n%s", s.all())
	}

	s = onTerminal(t, env, "seal")
	s.ends(0)
	s = onTerminal(t, env, "unseal", "--share")
	s.secret("Share: ", dealt[2])
	s.expect("1 of 2 shares")
	s.ends(0)
	s = onTerminal(t, env, "unseal", "--share")
	s.secret("Share: ", dealt[0])
	s.expect("The vault is unsealed.")
	s.ends(0)
	s = onTerminal(t, env, "slot", "remove", "password", "--with-shares")
	s.secret("Share: ", dealt[1])
	s.secret("Share: ", dealt[0])
	s.expect("password is removed")
	s.ends(0)
}

// A TPM slot with a PIN asks for it, and one without asks for nothing.
func TestTPMSlotAsksForItsPIN(t *testing.T) {
	tpm := rig.StartTPM(t)
	env := machine(t)
	dir := filepath.Join(strings.TrimPrefix(env[0], "HOME="), ".config", "vaultd")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "vaultd.toml"), []byte("[unseal]\ntpm = \""+tpm.Socket+"\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := onTerminal(t, env, "init", "--iterations", "600000")
	s.secret("Password: ", "correct horse")
	s.secret("Password again: ", "correct horse")
	s.ends(0)
	s = onTerminal(t, env, "slot", "add", "tpm")
	s.secret("Password: ", "correct horse")
	s.expect("PCR 7 holds nothing on this machine")
	s.expect("key slot tpm is added")
	s.ends(0)
	s = onTerminal(t, env, "slot", "add", "tpm", "--pcrs", "7,11", "--pin")
	s.secret("Password: ", "correct horse")
	s.secret("PIN: ", "493817")
	s.secret("PIN again: ", "493817")
	s.expect("key slot tpm-2 is added")
	s.ends(0)
	s = onTerminal(t, env, "slot", "list")
	s.expect("PCR 7,11, PIN")
	s.ends(0)
	for _, slot := range []string{"tpm", "tpm-2"} {
		s = onTerminal(t, env, "seal")
		s.ends(0)
		s = onTerminal(t, env, "unseal", "--slot", slot)
		if slot == "tpm-2" {
			s.secret("PIN: ", "493817")
		}
		s.expect("The vault is unsealed.")
		s.ends(0)
	}
	s = onTerminal(t, env, "seal")
	s.ends(0)
	s = onTerminal(t, env, "unseal", "--slot", "tpm-2")
	s.secret("PIN: ", "000000")
	s.expect("wrong PIN")
	s.ends(8)
}
