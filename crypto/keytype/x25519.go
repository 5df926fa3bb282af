package keytype

import (
	"bytes"
	"crypto/ecdh"
	"fmt"
	"io"
)

// The DER of X25519 keys (RFC 8410) is a constant and the 32 bytes of the key.
var (
	x25519SPKIPrefix  = []byte("\x30\x2a\x30\x05\x06\x03\x2b\x65\x6e\x03\x21\x00")
	x25519PKCS8Prefix = []byte("\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x6e\x04\x22\x04\x20")
)

var typeX25519 = &Type{
	Name: "x25519", ID: IDX25519, Bits: 255,
	Uses: UseAgree, DefaultUses: UseAgree,
	Generate: generateX25519,
}

func init() {
	typeX25519.Parse = parseX25519
	Register(typeX25519)
}

func generateX25519(random io.Reader) ([]byte, error) {
	k, err := generateScalar(ecdh.X25519(), 32, random)
	if err != nil {
		return nil, err
	}
	scalar := k.Bytes()
	defer clear(scalar)
	return append(bytes.Clone(x25519PKCS8Prefix), scalar...), nil
}

func parseX25519(private []byte) (Key, error) {
	scalar, ok := bytes.CutPrefix(private, x25519PKCS8Prefix)
	if !ok {
		return nil, fmt.Errorf("%w: not the PKCS#8 DER of an X25519 key", ErrMaterial)
	}
	k, err := ecdh.X25519().NewPrivateKey(scalar)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMaterial, err)
	}
	return newECDHKey(typeX25519, k, x25519SPKIPrefix, parseX25519Peer), nil
}

func parseX25519Peer(spki []byte) (*ecdh.PublicKey, error) {
	return parsePoint(ecdh.X25519(), spki, x25519SPKIPrefix)
}
