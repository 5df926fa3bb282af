package vault

import (
	"github.com/vaultd/vaultd/crypto/envelope"
	"github.com/vaultd/vaultd/internal/secret"
)

// Rewrap asks for a ciphertext of the same plaintext under another key or
// version, or with another context.
type Rewrap struct {
	From    Decrypt
	To      Name             // zero is the key that the ciphertext is under
	Context envelope.Context // of the new ciphertext; From.Context is the old one's
	Binary  bool
	// Keep leaves the old ciphertext registered, where its key tracks them.
	Keep bool
	// Fits, where set, can refuse the new ciphertext before anything is registered.
	Fits func(ciphertext []byte) error
}

// Rewrapped says what a ciphertext was under and what it is under now.
type Rewrapped struct {
	From Decrypted
	To   Decrypted
}

// Rewrap opens a ciphertext and appends to dst the same plaintext under the
// newest version of a key. Nobody sees the plaintext. Errors are those of
// Decrypt and of Encrypt.
func (v *Vault) Rewrap(c Rewrap, dst []byte) ([]byte, Rewrapped, error) {
	// Grown by nobody but Decrypt: it has room for all that a ciphertext can hold.
	plaintext, from, err := v.Decrypt(c.From, make([]byte, 0, len(c.From.Ciphertext)))
	defer secret.Wipe(plaintext[:cap(plaintext)])
	if err != nil {
		return dst, Rewrapped{}, err
	}
	if c.To.IsZero() {
		c.To = from.Key
	}
	old := &outgoing{key: from.Key, ciphertext: c.From.Ciphertext, binary: c.From.Binary, stays: c.Keep, fits: c.Fits}
	dst, version, err := v.encrypt(
		Encrypt{Key: c.To, Plaintext: plaintext, Context: c.Context, Peer: c.From.Peer, Binary: c.Binary}, old, dst)
	if err != nil {
		return dst, Rewrapped{}, err
	}
	return dst, Rewrapped{From: from, To: Decrypted{c.To, version}}, nil
}
