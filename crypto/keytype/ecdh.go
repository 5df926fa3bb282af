package keytype

import (
	"bytes"
	"crypto/ecdh"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
)

// errWiped is what an agreement key says when it is used after Wipe.
var errWiped = errors.New("key has been wiped")

// ecdhKey is an agreement key on one of the curves of crypto/ecdh.
type ecdhKey struct {
	kind        *Type
	private     *ecdh.PrivateKey
	spki        []byte
	fingerprint [32]byte
	parsePeer   func(spki []byte) (*ecdh.PublicKey, error)
}

var _ Agreer = (*ecdhKey)(nil)

func (k *ecdhKey) Type() *Type           { return k.kind }
func (k *ecdhKey) Public() []byte        { return bytes.Clone(k.spki) }
func (k *ecdhKey) Fingerprint() [32]byte { return k.fingerprint }

// Wipe drops the private key. The standard library keeps its bytes to itself,
// so that they can't be overwritten.
func (k *ecdhKey) Wipe() { k.private = nil }

// Agree computes the shared secret: RFC 7748, section 6.1, for x25519, where
// an all-zero result is refused; the x-coordinate for p256 and p384 (SEC 1, section
// 3.3.1), after the point has been checked to be on the curve.
func (k *ecdhKey) Agree(peerSPKI []byte) ([]byte, error) {
	if k.private == nil {
		return nil, errWiped
	}
	peer, err := k.parsePeer(peerSPKI)
	if err != nil {
		return nil, err
	}
	secret, err := k.private.ECDH(peer)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPeerKey, err)
	}
	return secret, nil
}

func newECDHKey(t *Type, private *ecdh.PrivateKey, spkiPrefix []byte, parsePeer func([]byte) (*ecdh.PublicKey, error)) *ecdhKey {
	spki := append(bytes.Clone(spkiPrefix), private.PublicKey().Bytes()...)
	return &ecdhKey{kind: t, private: private, spki: spki, fingerprint: sha256.Sum256(spki), parsePeer: parsePeer}
}

// parsePoint reads a SubjectPublicKeyInfo whose DER is a fixed prefix and the
// point. There is no second encoding of the same key in DER, and no other is
// accepted.
func parsePoint(curve ecdh.Curve, spki, prefix []byte) (*ecdh.PublicKey, error) {
	point, ok := bytes.CutPrefix(spki, prefix)
	if !ok {
		return nil, fmt.Errorf("%w: not a SubjectPublicKeyInfo of an uncompressed %v key", ErrPeerKey, curve)
	}
	public, err := curve.NewPublicKey(point)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPeerKey, err)
	}
	return public, nil
}

// generateScalar takes size bytes at a time from random until they are a private
// key of the curve.
func generateScalar(curve ecdh.Curve, size int, random io.Reader) (*ecdh.PrivateKey, error) {
	scalar := make([]byte, size)
	defer clear(scalar)
	for {
		if _, err := io.ReadFull(random, scalar); err != nil {
			return nil, fmt.Errorf("read random bytes for a key: %w", err)
		}
		if k, err := curve.NewPrivateKey(scalar); err == nil {
			return k, nil
		}
	}
}
