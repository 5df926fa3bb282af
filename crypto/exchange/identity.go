package exchange

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds on what a message holds, in bytes.
const (
	maxText      = 255 // names and purposes
	maxSPKI      = 2048
	maxSignature = 1024
	minRSABits   = 2048
	maxRSABits   = 8192
)

// Identity is one side of an exchange: the key that it signs with, and the
// name that it gives itself. The key is what counts; the name is bound to the
// exchange, but anybody can choose one.
type Identity struct {
	Name string // UTF-8 without control characters, 1 to 255 bytes
	SPKI []byte // of the signing key, in DER
}

// Fingerprint is SHA-256 over the signing key's SubjectPublicKeyInfo, as
// everywhere in vaultd.
func (i Identity) Fingerprint() [32]byte { return sha256.Sum256(i.SPKI) }

// Signer signs with the private half of an identity's key, with the default
// scheme of its type: RSA-PSS with SHA-256, MGF1-SHA-256 and the longest salt;
// ECDSA in ASN.1 DER with SHA-256 on P-256 and SHA-384 on P-384; Ed25519.
type Signer func(message []byte) ([]byte, error)

// Peer is who an exchange must be with.
type Peer struct {
	Fingerprint [32]byte // of the peer's signing key
	Name        string   // that the peer must give itself; empty accepts any
}

func (i Identity) check() error {
	if i.Name == "" || !validText(i.Name) {
		return fmt.Errorf("%w: name %.80q", ErrOptions, i.Name)
	}
	_, err := parseSigningKey(i.SPKI)
	return err
}

// validText bounds what is shown to people.
func validText(s string) bool {
	return len(s) <= maxText && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// parseSigningKey reads the SubjectPublicKeyInfo of a key that may sign
// exchanges.
func parseSigningKey(spki []byte) (crypto.PublicKey, error) {
	if len(spki) > maxSPKI {
		return nil, fmt.Errorf("%w: %d bytes", ErrSigningKey, len(spki))
	}
	public, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSigningKey, err)
	}
	switch k := public.(type) {
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return nil, fmt.Errorf("%w: RSA of %d bits", ErrSigningKey, bits)
		}
		return k, nil
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() && k.Curve != elliptic.P384() {
			return nil, fmt.Errorf("%w: curve %s", ErrSigningKey, k.Curve.Params().Name)
		}
		return k, nil
	case ed25519.PublicKey:
		return k, nil
	}
	return nil, fmt.Errorf("%w: %T", ErrSigningKey, public)
}

// verify checks a signature of the default scheme of the key's type.
func verify(spki, message, signature []byte) error {
	public, err := parseSigningKey(spki)
	if err != nil {
		return err
	}
	ok := false
	switch k := public.(type) {
	case *rsa.PublicKey:
		ok = verifyPSS(k, message, signature)
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P384() {
			digest := sha512.Sum384(message)
			ok = ecdsa.VerifyASN1(k, digest[:], signature)
		} else {
			digest := sha256.Sum256(message)
			ok = ecdsa.VerifyASN1(k, digest[:], signature)
		}
	case ed25519.PublicKey:
		ok = ed25519.Verify(k, message, signature)
	}
	if !ok {
		return ErrSignature
	}
	return nil
}

// verifyPSS checks RSASSA-PSS with SHA-256, MGF1 with SHA-256, and a salt as
// long as the key allows, which is pyca/cryptography's PSS.MAX_LENGTH.
func verifyPSS(k *rsa.PublicKey, message, signature []byte) bool {
	encoded := (k.N.BitLen() - 1 + 7) / 8
	digest := sha256.Sum256(message)
	return rsa.VerifyPSS(k, crypto.SHA256, digest[:], signature,
		&rsa.PSSOptions{Hash: crypto.SHA256, SaltLength: encoded - sha256.Size - 2}) == nil
}

// signWith calls the signer and checks what it made against the identity, so
// that a message under the wrong key is noticed here and not by the peer.
func signWith(sign Signer, spki, message []byte) ([]byte, error) {
	if sign == nil {
		return nil, fmt.Errorf("%w: no signer", ErrOptions)
	}
	signature, err := sign(message)
	if err != nil {
		return nil, fmt.Errorf("sign the exchange message: %w", err)
	}
	if len(signature) > maxSignature || verify(spki, message, signature) != nil {
		return nil, fmt.Errorf("%w: the signer does not sign with the key of the identity", ErrOptions)
	}
	return signature, nil
}
