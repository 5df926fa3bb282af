//go:build unix

package vault_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vaultd/vaultd/vault"
)

// inspected is what the vault says of its files, one "file: what" a line.
func (r *rig) inspected() string {
	r.Helper()
	found, err := r.Inspect(ctx)
	if err != nil {
		r.Fatal(err)
	}
	var b strings.Builder
	for _, f := range found {
		fmt.Fprintf(&b, "%s: %s\n", f.File, f.What)
	}
	return b.String()
}

// swap puts other bytes in the place of a file, by a rename.
func swap(path string, change func([]byte) []byte) error {
	b, err := os.ReadFile(path)
	return errors.Join(err, os.WriteFile(path+".new", change(b), 0o600), os.Rename(path+".new", path))
}

func same(b []byte) []byte { return b }

func flipped(b []byte) []byte {
	b[len(b)/2] ^= 1
	return b
}

func TestInspectOfTheVault(t *testing.T) {
	for name, c := range map[string]struct {
		do               func(r *rig) error
		unsealed, sealed string
	}{
		"header swapped": {
			func(r *rig) error { return swap(r.dir+"/header", same) },
			"header: was replaced by another; its bytes are right", "header: was replaced by another",
		},
		"header edited": {
			func(r *rig) error {
				b, err := os.ReadFile(r.dir + "/header")
				return errors.Join(err, os.WriteFile(r.dir+"/header", flipped(b), 0o600))
			},
			"header: does not have the bytes that were written", "header: was touched",
		},
		"backup removed": {
			func(r *rig) error { return os.Remove(r.dir + "/header.backup") },
			"header.backup: was removed", "header.backup: was removed",
		},
		"keyring touched": {
			func(r *rig) error { return os.Chtimes(r.dir+"/keyring", time.Time{}, time.Unix(1, 0)) },
			"keyring: was touched", "keyring: was touched",
		},
		"journal edited": {
			func(r *rig) error { return os.Truncate(r.dir+"/journal-1.a", 50) },
			"journal-1.a: was cut off", "journal-1.a: has 50 bytes now",
		},
		"database file removed": {
			func(r *rig) error { return os.Remove(r.dir + "/db-1/MANIFEST") },
			"db-1/MANIFEST: was removed", "db-1/MANIFEST: was removed",
		},
		"anchor removed": {
			func(r *rig) error { return os.Remove(r.opts.AnchorPath) },
			"anchor: was removed", "anchor: was removed",
		},
		"stranger": {
			func(r *rig) error { return os.WriteFile(r.dir+"/x", nil, 0o600) },
			"x: was put there by somebody else", "x: was put there by somebody else",
		},
		"directory for all": {
			func(r *rig) error { return os.Chmod(r.dir, 0o777) },
			"vault: has mode 0777 now, not 0700", "vault: has mode 0777 now, not 0700",
		},
		"anchor's directory for all": {
			func(r *rig) error { return os.Chmod(filepath.Dir(r.dir), 0o777) },
			"has mode 0777 now", "has mode 0777 now",
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, sealed := range []bool{false, true} {
				r, want := newRig(t), c.unsealed
				if sealed {
					want = c.sealed
					if err := r.Seal(); err != nil {
						t.Fatal(err)
					}
				}
				if got := r.inspected(); got != "" {
					t.Fatalf("sealed %t, at first: %s", sealed, got)
				}
				time.Sleep(10 * time.Millisecond) // the file system's clock has steps
				if err := c.do(r); err != nil {
					t.Fatal(err)
				}
				if got := r.inspected(); !strings.Contains(got, want) {
					t.Errorf("sealed %t: got %q, want %q", sealed, got, want)
				}
			}
		})
	}
}

// Without an anchor wrong passwords are counted in the vault's own directory.
func TestInspectExpectsTheCountOfGuesses(t *testing.T) {
	r := newRig(t)
	if err := r.Vault.Close(); err != nil {
		t.Fatal(err)
	}
	r.opts.AnchorPath, r.opts.Guesses = "", filepath.Join(r.dir, "guesses")
	r.open()
	look := func(when string) {
		t.Helper()
		if got := r.inspected(); got != "" {
			t.Errorf("%s: %s", when, got)
		}
	}
	look("sealed")
	r.guess("wrong", vault.CodeWrongPassword)
	look("after a wrong password")
	if _, err := r.Unseal(ctx, []byte(password), true); err != nil {
		t.Fatal(err)
	}
	look("unsealed")
	if _, err := r.ChangePassword(ctx, []byte("wrong"), []byte(password), iterations); err == nil {
		t.Error("a wrong password changed the password")
	}
	look("after another wrong password")
	if _, err := os.Stat(r.opts.Guesses); err != nil {
		t.Error(err)
	}
}

// All that the vault does by itself, at once, is no news.
func TestInspectRaisesNoFalseAlarm(t *testing.T) {
	r := newRig(t)
	limit := 8 * time.Second
	if testing.Short() {
		limit = 3 * time.Second
	}
	until, stop := context.WithTimeout(ctx, limit)
	defer stop()
	var work sync.WaitGroup
	for w := range 4 {
		work.Go(func() {
			for i := 0; until.Err() == nil; i++ {
				name := r.name(fmt.Sprintf("alice/k%d-%d", w, i))
				_, err := r.CreateKey(ctx, vault.CreateKey{Name: name})
				if err == nil {
					_, err = r.RotateKey(ctx, vault.RotateKey{Name: name})
				}
				if err == nil && i%4 == 0 {
					_, err = r.DestroyKey(ctx, vault.DestroyKey{Name: name, Now: i%16 == 0})
				}
				if err != nil && !errors.Is(err, vault.ErrSealed) && !errors.Is(err, vault.ErrKeyNotFound) {
					t.Error(err)
					return
				}
			}
		})
	}
	work.Go(func() {
		for i := 0; until.Err() == nil; i++ {
			_, err := r.ChangePassword(ctx, []byte(password), []byte(password), iterations)
			if err == nil && i%2 == 0 {
				err = r.Seal()
				if err == nil {
					time.Sleep(20 * time.Millisecond) // sealed for a few looks
					_, err = r.Unseal(ctx, []byte(password), false)
				}
			}
			if err != nil {
				t.Error(err)
				return
			}
			time.Sleep(100 * time.Millisecond) // looks are refused meanwhile
		}
	})
	looks := 0
	for ; until.Err() == nil && !t.Failed(); looks++ {
		found, err := r.Inspect(until)
		if len(found) > 0 || err != nil && until.Err() == nil {
			t.Errorf("look %d: %v, %v", looks, found, err)
		}
		time.Sleep(time.Millisecond)
	}
	work.Wait()
	if got := r.inspected(); got != "" {
		t.Error(got)
	}
	s := r.Status()
	t.Logf("%d looks beside %d commits, %d generations", looks, s.Sequence, s.Generation)
}
