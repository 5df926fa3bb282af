package keytype

import (
	"bytes"
	"crypto"
	"fmt"

	"github.com/vaultd/vaultd/crypto/kdf"
)

// Sizes in bytes of the keys that are derived from. Generated ones have 32. A
// shorter one than 16 would be all the strength that is left; a longer one than
// a few hash blocks gains nothing.
const (
	minDerivationKey = 16
	maxDerivationKey = 1024
)

func init() {
	for _, t := range []struct {
		*Type
		hash crypto.Hash
	}{
		{&Type{Name: "hkdf-sha256", ID: IDHKDFSHA256, Bits: 256}, crypto.SHA256},
		{&Type{Name: "hkdf-sha384", ID: IDHKDFSHA384, Bits: 256}, crypto.SHA384},
		{&Type{Name: "hkdf-sha512", ID: IDHKDFSHA512, Bits: 256}, crypto.SHA512},
	} {
		t.Uses, t.DefaultUses = UseDerive, UseDerive
		t.Generate = generateSymmetric
		t.Parse = func(material []byte) (Key, error) {
			if len(material) < minDerivationKey || len(material) > maxDerivationKey {
				return nil, fmt.Errorf("%w: %s keys are %d to %d bytes, not %d",
					ErrMaterial, t.Name, minDerivationKey, maxDerivationKey, len(material))
			}
			return &hkdfKey{newSymmetric(t.Type, material), t.hash, bytes.Clone(material)}, nil
		}
		Register(t.Type)
	}
}

// hkdfKey derives with one hash, so that no output of one hash is ever beside
// that of another under the same key.
type hkdfKey struct {
	symmetric
	hash     crypto.Hash
	material []byte
}

var _ Deriver = (*hkdfKey)(nil)

// Derive is HKDF (RFC 5869), extraction included: an imported key may be
// anything but uniformly random.
func (k *hkdfKey) Derive(salt, info []byte, size int) ([]byte, error) {
	if k.material == nil {
		return nil, errWiped
	}
	out, err := kdf.HKDF(k.hash, k.material, salt, info, size)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOptions, err)
	}
	return out, nil
}

// Wipe overwrites the key.
func (k *hkdfKey) Wipe() {
	clear(k.material)
	k.material = nil
}
