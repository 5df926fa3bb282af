package vault

import (
	"crypto"
	"errors"

	"github.com/vaultd/vaultd/crypto/kdf"
	"github.com/vaultd/vaultd/crypto/keytype"
	"github.com/vaultd/vaultd/internal/secret"
)

// Encapsulate is what an encapsulation derives from its shared key, which itself
// never leaves the vault.
type Encapsulate struct {
	Key    Name
	Salt   []byte
	Info   []byte
	Length int // of the output in bytes; zero is 32, at most 8160
}

// Encapsulated is a derived output, and the ciphertext that gives the holder of
// the key the same.
type Encapsulated struct {
	Output     []byte // the caller wipes it
	Ciphertext []byte
	Version    uint32
}

// Encapsulate makes a shared key for the newest version of an ML-KEM key (FIPS
// 203) and derives from it by HKDF-SHA-256 (RFC 5869). Errors as for Sign.
func (v *Vault) Encapsulate(c Encapsulate) (Encapsulated, error) {
	e := Encapsulated{}
	err := v.withEncapsulator(c.Key, &e.Version, opProtect, keytype.UseEncapsulate, func(h keytype.Encapsulator) error {
		shared, ciphertext, err := h.Encapsulate()
		if err != nil {
			return err
		}
		defer secret.Wipe(shared)
		e.Ciphertext = ciphertext
		e.Output, err = c.derive(shared)
		return err
	})
	if err != nil {
		return Encapsulated{}, err
	}
	return e, nil
}

// Decapsulate derives the output of an encapsulation again. The version has to be
// known, zero being the newest: a ciphertext for another version, and a changed
// one, gives an output that nobody else has, and no error. It returns
// invalid_ciphertext for one of the wrong size alone.
func (v *Vault) Decapsulate(c Encapsulate, ciphertext []byte, version uint32) ([]byte, uint32, error) {
	var out []byte
	err := v.withEncapsulator(c.Key, &version, opProcess, keytype.UseDecapsulate, func(h keytype.Encapsulator) error {
		shared, err := h.Decapsulate(ciphertext)
		if err != nil {
			return err
		}
		defer secret.Wipe(shared)
		out, err = c.derive(shared)
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	return out, version, nil
}

func (v *Vault) withEncapsulator(n Name, version *uint32, op operation, need keytype.Use, do func(keytype.Encapsulator) error) error {
	o, err := v.enter()
	if err != nil {
		return err
	}
	defer v.mu.RUnlock()
	k, err := o.ring.lookup(n)
	if err != nil {
		return err
	}
	h, number, err := o.acquire(k, *version, op, need)
	if err != nil {
		return err
	}
	defer k.mu.RUnlock()
	e, ok := h.(keytype.Encapsulator)
	if !ok {
		return E(CodeWrongKeyUsage, "a key of type %s encapsulates no keys", k.typ.Name)
	}
	if err := do(e); err != nil {
		return cryptoError(err)
	}
	*version = number
	return nil
}

// derive runs the KDF, since a shared key serves one purpose and info names it.
func (c *Encapsulate) derive(shared []byte) ([]byte, error) {
	length := c.Length
	if length == 0 {
		length = 32
	}
	out, err := kdf.HKDF(crypto.SHA256, shared, c.Salt, c.Info, length)
	if errors.Is(err, kdf.ErrSize) {
		return nil, E(CodeBadArgument, "an output has 1 to 8160 bytes")
	}
	return out, err
}
