package vault

import (
	"crypto"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vaultd/vaultd/crypto/kdf"
	"github.com/vaultd/vaultd/vault/policy/quota"
)

// subjectPassword is what is guessed by unsealing and by changing the password:
// both ask for the same one.
const subjectPassword = "unseal"

// guessNamesLabel is the HKDF label of the key that blinds names of owners.
const guessNamesLabel = "vaultd/1/guesses"

// maxGuessesLen bounds the file: room for as many subjects as a throttle has.
const maxGuessesLen = 4 << 20

// guesses slow down the guessing of passwords and passphrases, across restarts
// where there is a file to remember them in.
//
// The file is no secret and has no integrity of its own: who can write it is the
// daemon's user or root, who can copy the store and guess without the daemon.
// One that is missing or unreadable therefore costs nobody anything but the
// memory of wrong guesses, and never keeps a vault closed.
type guesses struct {
	throttle *quota.Throttle
	path     string // "" for none
	log      *slog.Logger
	now      func() time.Time

	names  atomic.Pointer[[]byte] // the key that blinds names of owners; nil while sealed
	saving sync.Mutex             // held over a write of the file
}

// unsealed lends the key that blinds names, so that the file, like the store, tells a
// thief no owner's name. sealed takes it back.
func (g *guesses) unsealed(h *header, root []byte) error {
	key, err := kdf.HKDF(crypto.SHA256, root, h.vaultID[:], []byte(guessNamesLabel), sha256.Size)
	if err != nil {
		return fmt.Errorf("derive the key for names of guesses: %w", err)
	}
	g.names.Store(&key)
	return nil
}

func (g *guesses) sealed() { g.names.Store(nil) }

// passphraseOf is the subject of passphrases of keys that are imported for owner.
func (g *guesses) passphraseOf(owner string) (string, error) {
	key := g.names.Load()
	if key == nil {
		return "", ErrSealed
	}
	mac := hmac.New(sha256.New, *key)
	mac.Write([]byte(owner))
	return "passphrase owner=" + hex.EncodeToString(mac.Sum(nil)[:16]), nil
}

// newGuesses reads what the run before has left.
func newGuesses(path string, now func() time.Time, log *slog.Logger) *guesses {
	g := &guesses{throttle: quota.NewThrottle(quota.Passwords), path: path, log: log, now: now}
	if path == "" {
		return g
	}
	switch err := g.load(); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		log.Warn("wrong passwords before this start are forgotten: the file that counts them can't be used", "file", path, "error", err)
	}
	return g
}

func (g *guesses) load() error {
	info, err := os.Lstat(g.path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || !ownedAlone(info) {
		return errors.New("it is not a file that only this user can write")
	}
	b, err := readFileLimited(g.path, maxGuessesLen)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, g.throttle)
}

// save writes the newest state. What can't be written counts in memory all the
// same: a full disk must not keep anybody from unsealing.
func (g *guesses) save() {
	if g.path == "" {
		return
	}
	g.saving.Lock()
	defer g.saving.Unlock()
	if err := g.write(); err != nil {
		g.log.Warn("wrong passwords are counted until the daemon stops: the file that keeps them can't be written", "file", g.path, "error", err)
	}
}

func (g *guesses) write() error {
	b, err := json.Marshal(g.throttle)
	if err != nil {
		return err
	}
	temporary := g.path + tempSuffix
	if err := writeSynced(temporary, b); err != nil {
		_ = os.Remove(temporary) // half of it would only take space
		return err
	}
	if err := os.Rename(temporary, g.path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(g.path))
}

// guess is one that may be checked. It counts as wrong, on disk too, unless
// undo is called.
type guess struct {
	of *guesses
	quota.Guess
}

// begin asks for a guess. The error is unlock_throttled, and says how long to wait.
func (g *guesses) begin(subject, what string) (guess, error) {
	one, wait, ok := g.throttle.Begin(subject, g.now())
	if !ok {
		return guess{}, throttled(wait, what)
	}
	g.save()
	return guess{g, one}, nil
}

func throttled(wait time.Duration, what string) *Error {
	wait = max(wait.Round(time.Second), time.Second)
	return E(CodeUnlockThrottled, "too many wrong %s", what).
		WithHint("try again in %s; until then the right one is refused as well", wait)
}

// undo forgets this guess, and none before it.
func (g guess) undo() { g.Undo(); g.of.save() }
