package vault_test

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy/quota"
)

// guessing is a sealed vault that remembers guesses in a file.
func guessing(t *testing.T) *rig {
	t.Helper()
	r := newRig(t)
	if err := r.Vault.Close(); err != nil {
		t.Fatal(err)
	}
	r.opts.Guesses = filepath.Join(t.TempDir(), "guesses")
	r.open()
	return r
}

// restart is reopen, but leaves the vault sealed.
func (r *rig) restart() {
	r.Helper()
	if err := r.Vault.Close(); err != nil {
		r.Fatal(err)
	}
	r.open()
}

func (r *rig) guess(password string, want vault.Code) {
	r.Helper()
	_, err := r.Unseal(ctx, []byte(password), false)
	r.wantCode(err, want)
}

func TestWrongPasswordsAreSlowed(t *testing.T) {
	for name, restart := range map[string]bool{"one run": false, "a restart after each guess": true} {
		t.Run(name, func(t *testing.T) {
			r := guessing(t)
			guess := func(password string, want vault.Code) {
				t.Helper()
				r.guess(password, want)
				if restart {
					r.restart()
				}
			}
			for range quota.Passwords.Free {
				guess("guess", vault.CodeWrongPassword)
			}
			guess(password, vault.CodeUnlockThrottled) // the right one too
			for wait := time.Second; wait <= 8*time.Second; wait *= 2 {
				r.clock.Advance(wait - time.Millisecond)
				guess("guess", vault.CodeUnlockThrottled)
				r.clock.Advance(time.Millisecond)
				guess("guess", vault.CodeWrongPassword)
			}
			r.clock.Advance(16 * time.Second)
			r.guess(password, "")
			// Who knows the password has a clean slate.
			for range quota.Passwords.Free {
				_, err := r.ChangePassword(ctx, []byte("guess"), []byte(newPassword), iterations)
				r.wantCode(err, vault.CodeWrongPassword)
			}
			_, err := r.ChangePassword(ctx, []byte(password), []byte(newPassword), iterations)
			r.wantCode(err, vault.CodeUnlockThrottled)
			// Both ask for the same password.
			r.restart()
			r.guess(password, vault.CodeUnlockThrottled)
		})
	}
}

// However the daemon is killed in the middle of a guess, the guess was counted
// before it was checked.
func TestGuessIsOnDiskBeforeItIsChecked(t *testing.T) {
	r := guessing(t)
	before := make(chan []byte, 1)
	vault.BeforeKDF(t, func() {
		b, err := os.ReadFile(r.opts.Guesses)
		if err != nil {
			t.Error(err)
		}
		select {
		case before <- b:
		default:
		}
	})
	r.guess("guess", vault.CodeWrongPassword)
	if b := <-before; !bytes.Contains(b, []byte(`"unseal":{"wrong":1,`)) {
		t.Errorf("while the guess is checked the file holds %q", b)
	}
	info, err := os.Stat(r.opts.Guesses)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestWhatIsNoGuessIsNotCounted(t *testing.T) {
	r := guessing(t)
	for range 2 * quota.Passwords.Free {
		r.guess("", vault.CodeBadArgument)
		r.guess(string(make([]byte, 2000)), vault.CodeBadArgument)
	}
	r.unseal()
	for range 2 * quota.Passwords.Free {
		r.guess("guess", vault.CodeUnsealed)
	}
}

// The file helps against guessing only; without it nothing else is worse.
func TestUnusableGuessesFileKeepsNobodyOut(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"missing":              os.Remove,
		"empty":                func(path string) error { return os.Truncate(path, 0) },
		"no JSON":              func(path string) error { return os.WriteFile(path, []byte("\x00\x01"), 0o600) },
		"null":                 func(path string) error { return os.WriteFile(path, []byte("null"), 0o600) },
		"more behind":          func(path string) error { return os.WriteFile(path, []byte(`{} {}`), 0o600) },
		"too long":             func(path string) error { return os.Truncate(path, 1<<30) },
		"writable by others":   func(path string) error { return os.Chmod(path, 0o666) },
		"a directory":          func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
		"a link":               func(path string) error { return errors.Join(os.Rename(path, path+"2"), os.Symlink(path+"2", path)) },
		"no place to write to": func(path string) error { return os.RemoveAll(filepath.Dir(path)) },
	} {
		t.Run(name, func(t *testing.T) {
			r := guessing(t)
			var told bytes.Buffer
			r.opts.Log = slog.New(slog.NewTextHandler(&told, nil))
			for range quota.Passwords.Free {
				r.guess("guess", vault.CodeWrongPassword)
			}
			if err := spoil(r.opts.Guesses); err != nil {
				t.Fatal(err)
			}
			r.restart()
			for range quota.Passwords.Free { // they are counted all the same
				r.guess("guess", vault.CodeWrongPassword)
			}
			r.guess(password, vault.CodeUnlockThrottled)
			r.clock.Advance(time.Second)
			r.unseal()
			wantTold := name != "missing"
			if got := bytes.Contains(told.Bytes(), []byte("level=WARN msg=\"wrong passwords ")); got != wantTold {
				t.Errorf("a warning: %v, want %v:\n%s", got, wantTold, told.String())
			}
		})
	}
}

func TestManyGuessesAtOnceAreNoMore(t *testing.T) {
	r := guessing(t)
	var mu sync.Mutex
	codes := map[fault.Code]int{}
	var all sync.WaitGroup
	for range 24 {
		all.Go(func() {
			_, err := r.Unseal(ctx, []byte("guess"), false)
			var e *fault.Error
			errors.As(err, &e)
			mu.Lock()
			defer mu.Unlock()
			codes[e.Code]++
		})
	}
	all.Wait()
	if codes[vault.CodeWrongPassword] != quota.Passwords.Free || codes[vault.CodeUnlockThrottled] != 24-quota.Passwords.Free {
		t.Errorf("%v", codes)
	}
}

func TestWrongPassphrasesAreSlowed(t *testing.T) {
	r := guessing(t)
	r.unseal()
	r.createWith(vault.CreateKey{Name: r.name("alice/k"), Type: "ed25519", Exportable: true})
	e, err := r.ExportKey(ctx, vault.ExportKey{Name: r.name("alice/k"), Passphrase: []byte("right")})
	if err != nil {
		t.Fatal(err)
	}
	imports := func(name, passphrase string, want vault.Code) {
		t.Helper()
		_, err := r.ImportKey(ctx, vault.ImportKey{Name: r.name(name), Material: e.Material, Passphrase: []byte(passphrase)})
		r.wantCode(err, want)
	}
	// What is right in between gives no new guesses, nor does a restart.
	imports("alice/a", "wrong", vault.CodeWrongPassphrase)
	imports("alice/a", "wrong", vault.CodeWrongPassphrase)
	imports("alice/a", "right", "")
	r.reopen()
	imports("alice/b", "wrong", vault.CodeWrongPassphrase)
	imports("alice/b", "right", vault.CodeUnlockThrottled)
	imports("alice/a", "right", vault.CodeKeyExists) // known before anything is guessed
	imports("bob/b", "right", "")                    // each namespace by itself
	if _, err := r.ImportKey(ctx, vault.ImportKey{Name: r.name("alice/raw"), Type: "xaes-256-gcm", Material: []byte("an unencrypted key of 32 bytes .")}); err != nil {
		t.Error("an import without a passphrase:", err)
	}
	r.clock.Advance(time.Second)
	if b, err := os.ReadFile(r.opts.Guesses); err != nil || bytes.Contains(b, []byte("alice")) || !bytes.Contains(b, []byte(`"wrong":3`)) {
		t.Errorf("the file tells of alice, or not of three guesses: %s, %v", b, err)
	}
	imports("alice/b", "right", "")
}

func TestFullDiskDoesNotKeepTheVaultClosed(t *testing.T) {
	r := guessing(t)
	// A directory in the place of the temporary file stops every write.
	if err := os.MkdirAll(filepath.Join(r.opts.Guesses+".tmp", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	r.guess("guess", vault.CodeWrongPassword)
	r.unseal()
	if _, err := os.Stat(r.opts.Guesses); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("the file was written: %v", err)
	}
}
