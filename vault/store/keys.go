package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"

	"github.com/vaultd/vaultd/internal/secret"
)

// Labels of the keys that HKDF-SHA-256 (RFC 5869) derives from the root key,
// with the vault id as salt. Each key has one purpose.
const (
	labelKeyring = "vaultd/1/store/keyring"
	labelClean   = "vaultd/1/store/clean"
	labelAnchor  = "vaultd/1/store/anchor"
	labelNames   = "vaultd/1/store/names"
	labelDigest  = "vaultd/1/store/digest"
)

const keySize = 32

// rootKeys are the keys that live as long as the vault does.
type rootKeys struct {
	keyring *secret.Bytes // seals the keyring
	clean   *secret.Bytes // seals the attestation of a clean close
	anchor  *secret.Bytes // authenticates the anchor
	names   *secret.Bytes // blinds names
	digest  *secret.Bytes // keys the set digest
}

func deriveKeys(root []byte, vaultID [16]byte) (*rootKeys, error) {
	if len(root) != keySize {
		return nil, fmt.Errorf("root key has %d bytes, want %d", len(root), keySize)
	}
	k := new(rootKeys)
	for _, d := range []struct {
		label string
		key   **secret.Bytes
	}{
		{labelKeyring, &k.keyring},
		{labelClean, &k.clean},
		{labelAnchor, &k.anchor},
		{labelNames, &k.names},
		{labelDigest, &k.digest},
	} {
		b, err := hkdf.Key(sha256.New, root, vaultID[:], d.label, keySize)
		if err != nil {
			k.wipe()
			return nil, fmt.Errorf("derive %s: %w", d.label, err)
		}
		*d.key = secret.From(b)
	}
	return k, nil
}

func (k *rootKeys) wipe() {
	for _, b := range []*secret.Bytes{k.keyring, k.clean, k.anchor, k.names, k.digest} {
		if b != nil {
			b.Wipe()
		}
	}
}

// generationKeys are random, kept in the keyring only, and die with their
// generation: what was sealed under them is gone when the keyring is replaced.
type generationKeys struct {
	badger  *secret.Bytes // Badger's own encryption
	journal *secret.Bytes // journal frames
	record  *secret.Bytes // records, in the journal and in Badger
}

func newGenerationKeys() *generationKeys {
	k := &generationKeys{secret.New(keySize), secret.New(keySize), secret.New(keySize)}
	for _, b := range []*secret.Bytes{k.badger, k.journal, k.record} {
		rand.Read(b.Bytes()) //nolint:errcheck // crypto/rand.Read never fails
	}
	return k
}

func (k *generationKeys) wipe() {
	for _, b := range []*secret.Bytes{k.badger, k.journal, k.record} {
		b.Wipe()
	}
}

// newAEAD is AES-256-GCM. Nonces are random and 96 bits long, good for 2^32
// messages under one key (NIST SP 800-38D, section 8.3). A generation's keys
// can't get there: every message adds to a journal that is rewritten under new
// keys when half of it is garbage, and 2^32 messages would make it longer than
// 300 GB.
func newAEAD(key *secret.Bytes) cipher.AEAD {
	block, err := aes.NewCipher(key.Bytes())
	if err != nil {
		panic(err) // the key has a valid length by construction
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return aead
}

const (
	nonceSize = 12
	tagSize   = 16
)

// name is what a record is called on disk: the first 128 bits of
// HMAC-SHA-256(names key, kind ‖ path).
type name [16]byte

// stateName is the name of Badger's state record. No record can have it by
// more than chance.
var stateName = name{}

func blind(key *secret.Bytes, id ID) name { return newBlinder(key)(id) }

// newBlinder is blind for several names, which costs each less. It is not for
// concurrent use.
func newBlinder(key *secret.Bytes) func(ID) name {
	mac := hmac.New(sha256.New, key.Bytes())
	var sum [sha256.Size]byte
	return func(id ID) name {
		mac.Reset()
		mac.Write([]byte{byte(id.Kind)})
		mac.Write([]byte(id.Path))
		return name(mac.Sum(sum[:0])[:len(name{})])
	}
}
