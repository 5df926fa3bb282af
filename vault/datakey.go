package vault

import (
	"fmt"
	"io"

	"github.com/vaultd/vaultd/crypto/envelope"
	"github.com/vaultd/vaultd/crypto/keytype"
	"github.com/vaultd/vaultd/internal/secret"
)

// Sizes of symmetric data keys, in bytes. None is weaker than 128 bits.
const (
	DefaultDataKeyLen = 32
	MinDataKeyLen     = 16
	MaxDataKeyLen     = 1024
)

// DataKey asks for a key to use outside the vault.
type DataKey struct {
	Key     Name // to wrap with
	Context envelope.Context
	Peer    *Peer
	Binary  bool

	Length int    // of a symmetric data key; zero is DefaultDataKeyLen
	Type   string // instead: that of a key pair
}

// DataKeyPair is a data key as it leaves the vault.
type DataKeyPair struct {
	Plaintext  []byte // the data key, or the private key in PKCS #8 DER; the caller wipes it
	Public     []byte // of a pair: SubjectPublicKeyInfo in DER
	Ciphertext []byte // the plaintext, encrypted as Encrypt does
	Version    uint32 // of the key that wraps
}

// GenerateDataKey makes a key that the vault does not keep, and encrypts it
// under the newest version of a key of the vault. The ciphertext is appended to
// dst. Errors as for Encrypt, and unsupported_algorithm.
func (v *Vault) GenerateDataKey(c DataKey, dst []byte) (made DataKeyPair, err error) {
	if c.Type != "" && c.Length != 0 {
		return DataKeyPair{}, E(CodeBadArgument, "a data key has a length or a type, not both")
	}
	// What is sure to be refused is refused before seconds go into an RSA key.
	if err := v.mayWrap(c.Key); err != nil {
		return DataKeyPair{}, err
	}
	if c.Type == "" {
		made.Plaintext, err = v.randomKey(c.Length)
	} else {
		made.Plaintext, made.Public, err = v.randomPair(c.Type)
	}
	if err != nil {
		return DataKeyPair{}, err
	}
	made.Ciphertext, made.Version, err = v.Encrypt(
		Encrypt{Key: c.Key, Plaintext: made.Plaintext, Context: c.Context, Peer: c.Peer, Binary: c.Binary}, dst)
	if err != nil {
		secret.Wipe(made.Plaintext)
		return DataKeyPair{}, err
	}
	return made, nil
}

// mayWrap refuses a key that does not encrypt now.
func (v *Vault) mayWrap(n Name) error {
	o, err := v.enter()
	if err != nil {
		return err
	}
	defer v.mu.RUnlock()
	k, err := o.ring.lookup(n)
	if err != nil {
		return err
	}
	if _, _, err := o.acquire(k, 0, opProtect, keytype.UseEncrypt); err != nil {
		return err
	}
	k.mu.RUnlock()
	return nil
}

func (v *Vault) randomKey(length int) ([]byte, error) {
	if length == 0 {
		length = DefaultDataKeyLen
	}
	if length < MinDataKeyLen || length > MaxDataKeyLen {
		return nil, E(CodeBadArgument, "a data key has %d to %d bytes", MinDataKeyLen, MaxDataKeyLen)
	}
	key := make([]byte, length)
	if _, err := io.ReadFull(v.o.Random, key); err != nil {
		return nil, fmt.Errorf("make a data key: %w", err)
	}
	return key, nil
}

func (v *Vault) randomPair(kind string) (private, public []byte, err error) {
	typ, err := typeNamed(kind)
	if err != nil {
		return nil, nil, err
	}
	if !typ.Asymmetric() {
		return nil, nil, E(CodeBadArgument, "a %s key is no pair", typ.Name).WithHint("ask for a length instead")
	}
	if private, err = typ.Generate(v.o.Random); err != nil {
		return nil, nil, fmt.Errorf("generate a key of type %s: %w", typ.Name, err)
	}
	key, err := typ.Parse(private)
	if err != nil {
		secret.Wipe(private)
		return nil, nil, fmt.Errorf("parse key material: %w", err)
	}
	defer key.Wipe()
	return private, key.Public(), nil
}
