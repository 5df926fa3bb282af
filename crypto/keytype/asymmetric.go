package keytype

import (
	"bytes"
	"crypto"
	_ "crypto/sha256" // the hashes that signatures and OAEP may name
	_ "crypto/sha512"
	"crypto/x509"
	"fmt"
	"io"
)

// signing is what a signing key and its public half have in common.
type signing struct {
	kind        *Type
	spki        []byte
	fingerprint [32]byte
}

func (k *signing) Type() *Type           { return k.kind }
func (k *signing) Public() []byte        { return bytes.Clone(k.spki) }
func (k *signing) Fingerprint() [32]byte { return k.fingerprint }

func newSigning(t *Type, public crypto.PublicKey) (signing, error) {
	spki, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return signing{}, fmt.Errorf("%w: %w", ErrMaterial, err)
	}
	return signing{kind: t, spki: spki, fingerprint: publicFingerprint(spki)}, nil
}

// maxEncoded bounds the encodings that are parsed, in bytes: an RSA key of 4096
// bits takes 2.4 KiB. The standard library's checks of an RSA key take time with
// the cube of its size, and the size is whatever the sender likes.
const maxEncoded = 8 << 10

func checkEncoded(der []byte) error {
	if len(der) > maxEncoded {
		return fmt.Errorf("%w: %d bytes are more than any key has (%d)", ErrMaterial, len(der), maxEncoded)
	}
	return nil
}

// generatePKCS8 encodes what make returns.
func generatePKCS8[K crypto.PrivateKey](random io.Reader, make func(io.Reader) (K, error)) ([]byte, error) {
	key, err := make(random)
	if err != nil {
		return nil, fmt.Errorf("generate a key: %w", err)
	}
	return x509.MarshalPKCS8PrivateKey(key)
}

// parsePKCS8 reads private material of the Go type K. Only the bytes that the
// standard library itself writes for the key are accepted: its parser ignores
// trailing bytes, attributes, and an enclosed public key that is another one.
func parsePKCS8[K crypto.PrivateKey](t *Type, der []byte) (key K, err error) {
	if err := checkEncoded(der); err != nil {
		return key, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return key, fmt.Errorf("%w: %w", ErrMaterial, err)
	}
	key, ok := parsed.(K)
	if !ok {
		return key, fmt.Errorf("%w: a %T is no %s key", ErrMaterial, parsed, t.Name)
	}
	canonical, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return key, fmt.Errorf("%w: %w", ErrMaterial, err)
	}
	defer clear(canonical)
	if !bytes.Equal(canonical, der) {
		return key, fmt.Errorf("%w: not in the canonical encoding of PKCS #8", ErrMaterial)
	}
	return key, nil
}

// parseSPKI reads a public key of the Go type K, in the one encoding that the
// standard library writes, so that one key has one fingerprint.
func parseSPKI[K crypto.PublicKey](t *Type, der []byte) (key K, common signing, err error) {
	if err := checkEncoded(der); err != nil {
		return key, common, err
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return key, common, fmt.Errorf("%w: %w", ErrMaterial, err)
	}
	key, ok := parsed.(K)
	if !ok {
		return key, common, fmt.Errorf("%w: a %T is no %s key", ErrMaterial, parsed, t.Name)
	}
	if common, err = newSigning(t, key); err != nil {
		return key, common, err
	}
	if !bytes.Equal(common.spki, der) {
		return key, common, fmt.Errorf("%w: not in the canonical encoding of SubjectPublicKeyInfo", ErrMaterial)
	}
	return key, common, nil
}

// ParsePublic reads a SubjectPublicKeyInfo (RFC 5280) in DER as a public key of
// the first type, in the order of numbers, that takes it. A point on P-256 is
// an ecdsa-p256 key here. It returns ErrMaterial when no type takes it.
func ParsePublic(spki []byte) (PublicKey, error) {
	for _, t := range sorted {
		if t.ParsePublic == nil {
			continue
		}
		if key, err := t.ParsePublic(spki); err == nil {
			return key, nil
		}
	}
	return nil, fmt.Errorf("%w: not the public key of a type that signs", ErrMaterial)
}

// digestOf returns what is signed: the hash of message, or message itself when
// it is the digest already. A zero hash is replaced by fallback.
func digestOf(message []byte, o SignOptions, fallback crypto.Hash) ([]byte, crypto.Hash, error) {
	h := o.Hash
	if h == 0 {
		h = fallback
	}
	if err := checkSignatureHash(h); err != nil {
		return nil, 0, err
	}
	if o.Prehashed {
		if len(message) != h.Size() {
			return nil, 0, fmt.Errorf("%w: a digest of %v is %d bytes, not %d", ErrOptions, h, h.Size(), len(message))
		}
		return message, h, nil
	}
	hash := h.New()
	hash.Write(message)
	return hash.Sum(nil), h, nil
}

// checkSignatureHash takes the hashes that are collision resistant at 128
// bits or more.
func checkSignatureHash(h crypto.Hash) error {
	switch h {
	case crypto.SHA256, crypto.SHA384, crypto.SHA512:
		return nil
	}
	return fmt.Errorf("%w: hash %v is none of SHA-256, SHA-384, SHA-512", ErrOptions, h)
}
