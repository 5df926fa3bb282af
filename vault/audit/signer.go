package audit

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/vaultd/vaultd/internal/secret"
)

// signer signs checkpoints. It keeps the seed in locked memory, and expands it
// for the moment of a signature only.
type signer struct {
	origin string
	seed   *secret.Bytes
	public string // verifier key
	hash   uint32
}

// Name, KeyHash and Sign implement note.Signer.
func (s *signer) Name() string    { return s.origin }
func (s *signer) KeyHash() uint32 { return s.hash }

func (s *signer) Sign(msg []byte) ([]byte, error) {
	key := ed25519.NewKeyFromSeed(s.seed.Bytes())
	defer clear(key)
	return ed25519.Sign(key, msg), nil
}

// VerifierKey is the public half of a seed in the form of audit.pub (C2SP
// signed-note verifier key), for checkpoints of the log origin.
func VerifierKey(origin string, seed []byte) (string, error) {
	if len(seed) != ed25519.SeedSize {
		return "", fmt.Errorf("a checkpoint key has a seed of %d bytes, not %d", ed25519.SeedSize, len(seed))
	}
	key := ed25519.NewKeyFromSeed(seed)
	defer clear(key)
	return note.NewEd25519VerifierKey(origin, key.Public().(ed25519.PublicKey))
}

// SetSigner gives the log the key for its checkpoints, until ClearSigner, and
// signs all that is in it. The seed has 32 bytes and is copied. The origin is
// "vaultd/" and the vault's id in hex. Errors are about the arguments; when
// the disk keeps a checkpoint from being written, it is written later. If
// audit.pub or the newest checkpoint is another key's, Status says so.
func (l *Log) SetSigner(origin string, seed []byte) error {
	public, err := VerifierKey(origin, seed)
	if err != nil {
		return err
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		return fmt.Errorf("origin %q: %w", origin, err)
	}
	l.files.Lock()
	defer l.files.Unlock()
	if l.isClosed() {
		return ErrClosed
	}
	l.dropSigner()
	l.signing.Store(true)
	l.signer = &signer{origin, secret.From(append([]byte(nil), seed...)), public, verifier.KeyHash()}
	l.checkPublic()
	if l.newest.Note != nil {
		if err := l.newest.verified(verifier); err != nil {
			l.report(Problem{-1, "is not signed by this vault's key: " + err.Error(), newestName})
		}
	}
	l.commit()
	l.checkpointed()
	return nil
}

// ClearSigner signs what is in the log and forgets the key.
func (l *Log) ClearSigner() error {
	l.files.Lock()
	defer l.files.Unlock()
	if l.signer == nil || l.isClosed() {
		return nil
	}
	l.commit()
	err := l.lastCheckpoint()
	l.dropSigner()
	return err
}

// lastCheckpoint is checkpointed for when the key goes: there is no later, so
// on a full disk it uses the reserve.
func (l *Log) lastCheckpoint() error {
	err := l.checkpointed()
	if err == nil || l.reserve.release() != nil {
		return err
	}
	err = l.checkpointed()
	l.reserve.grab()
	return err
}

func (l *Log) dropSigner() {
	if l.signer != nil {
		l.signer.seed.Wipe()
		l.signer = nil
		l.signing.Store(false)
	}
}

// checkPublic compares audit.pub with the key, and notes it for being written.
func (l *Log) checkPublic() {
	had, err := readSmall(filepath.Join(l.dir, publicName), maxNote)
	l.publicWritten = err == nil && strings.TrimSpace(string(had)) == l.signer.public
	if !l.publicWritten && !errors.Is(err, os.ErrNotExist) {
		l.report(Problem{-1, "is not this vault's key; it is replaced", publicName})
	}
}
