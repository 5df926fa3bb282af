package keytype

import (
	"fmt"
	"io"
)

// symmetricSize is the length in bytes of generated symmetric keys.
const symmetricSize = 32

// symmetric is what keys without a public half have in common.
type symmetric struct {
	kind        *Type
	fingerprint [32]byte
}

func newSymmetric(t *Type, material []byte) symmetric {
	return symmetric{kind: t, fingerprint: symmetricFingerprint(t, material)}
}

func (k *symmetric) Type() *Type           { return k.kind }
func (k *symmetric) Public() []byte        { return nil }
func (k *symmetric) Fingerprint() [32]byte { return k.fingerprint }

// generateSymmetric takes 32 bytes from random.
func generateSymmetric(random io.Reader) ([]byte, error) { return generateBytes(random, symmetricSize) }

func generateBytes(random io.Reader, size int) ([]byte, error) {
	material := make([]byte, size)
	if _, err := io.ReadFull(random, material); err != nil {
		return nil, fmt.Errorf("read random bytes for a key: %w", err)
	}
	return material, nil
}

func checkSymmetric(t *Type, material []byte) error { return checkSize(t, material, symmetricSize) }

func checkSize(t *Type, material []byte, size int) error {
	if len(material) != size {
		return fmt.Errorf("%w: %s keys are %d bytes, not %d", ErrMaterial, t.Name, size, len(material))
	}
	return nil
}
