package keytype

import (
	"bytes"
	"crypto/ecdh"
	"crypto/hpke"
	"fmt"
	"io"
)

// wrapInfo keeps wrapped keys and encrypted messages apart, so that what was
// made by one operation is not opened by the other.
const wrapInfo = "vaultd/1/wrap"

// The DER of keys of the hybrid KEM that HPKE calls MLKEM768-X25519
// (draft-ietf-hpke-pq), also known as X-Wing (draft-connolly-cfrg-xwing-kem,
// whose object identifier this is): a constant, and the public key or the seed
// of the private one.
var (
	xwingSPKIPrefix  = []byte("\x30\x82\x04\xd4\x30\x0d\x06\x0b\x2b\x06\x01\x04\x01\x83\xe6\x2d\x81\xc8\x7a\x03\x82\x04\xc1\x00")
	xwingPKCS8Prefix = []byte("\x30\x34\x02\x01\x00\x30\x0d\x06\x0b\x2b\x06\x01\x04\x01\x83\xe6\x2d\x81\xc8\x7a\x04\x20")
)

// hpkeSeed is the size of the private keys of both types.
const hpkeSeed = 32

var typeHPKEX25519 = &Type{
	Name: "hpke-x25519", ID: IDHPKEX25519, Bits: 255, KeyPair: true,
	Uses: UseEncrypt | UseDecrypt | UseWrap | UseUnwrap, DefaultUses: UseEncrypt | UseDecrypt,
	Generate: generateX25519,
}

var typeHPKEMLKEM768 = &Type{
	Name: "hpke-mlkem768-x25519", ID: IDHPKEMLKEM768, Bits: 768, KeyPair: true,
	Uses: UseEncrypt | UseDecrypt | UseWrap | UseUnwrap, DefaultUses: UseEncrypt | UseDecrypt,
	Generate: func(random io.Reader) ([]byte, error) {
		seed, err := generateBytes(random, hpkeSeed)
		if err != nil {
			return nil, err
		}
		defer clear(seed)
		return append(bytes.Clone(xwingPKCS8Prefix), seed...), nil
	},
}

func init() {
	registerHPKE(typeHPKEX25519, hpke.DHKEM(ecdh.X25519()), x25519PKCS8Prefix, x25519SPKIPrefix)
	registerHPKE(typeHPKEMLKEM768, hpke.MLKEM768X25519(), xwingPKCS8Prefix, xwingSPKIPrefix)
}

// registerHPKE registers a KEM, always with HKDF-SHA256 and AES-256-GCM. Its
// private keys in DER are a prefix and the bytes that the KEM takes, and so are
// its public keys.
func registerHPKE(t *Type, kem hpke.KEM, pkcs8Prefix, spkiPrefix []byte) {
	t.Parse = func(private []byte) (Key, error) {
		seed, ok := bytes.CutPrefix(private, pkcs8Prefix)
		if !ok || len(seed) != hpkeSeed {
			return nil, fmt.Errorf("%w: not the PKCS#8 DER of an %s key", ErrMaterial, t.Name)
		}
		k, err := kem.NewPrivateKey(seed)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMaterial, err)
		}
		public := k.PublicKey()
		spki := append(bytes.Clone(spkiPrefix), public.Bytes()...)
		return &hpkeKey{hpkePublic{signing{t, spki, publicFingerprint(spki)}, public}, k}, nil
	}
	t.ParseWrapping = func(spki []byte) (WrappingKey, error) {
		raw, ok := bytes.CutPrefix(spki, spkiPrefix)
		if !ok {
			return nil, fmt.Errorf("%w: not the SubjectPublicKeyInfo of an %s key", ErrMaterial, t.Name)
		}
		public, err := kem.NewPublicKey(raw)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMaterial, err)
		}
		return &hpkePublic{signing{t, bytes.Clone(spki), publicFingerprint(spki)}, public}, nil
	}
	Register(t)
}

// hpkePublic seals.
type hpkePublic struct {
	signing
	public hpke.PublicKey
}

// hpkeKey opens as well.
type hpkeKey struct {
	hpkePublic
	private hpke.PrivateKey
}

var (
	_ Opener      = (*hpkeKey)(nil)
	_ Unwrapper   = (*hpkeKey)(nil)
	_ WrappingKey = (*hpkePublic)(nil)
)

// SealHPKE is the single-shot Seal of RFC 9180, section 6.1, without associated
// data: info is bound in by the key schedule.
func (k *hpkePublic) SealHPKE(info, plaintext []byte) ([]byte, error) {
	sealed, err := hpke.Seal(k.public, hpke.HKDFSHA256(), hpke.AES256GCM(), info, plaintext)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOptions, err)
	}
	return sealed, nil
}

// OpenHPKE opens what SealHPKE made.
func (k *hpkeKey) OpenHPKE(info, ciphertext []byte) ([]byte, error) {
	if k.private == nil {
		return nil, errWiped
	}
	plaintext, err := hpke.Open(k.private, hpke.HKDFSHA256(), hpke.AES256GCM(), info, ciphertext)
	if err != nil {
		return nil, ErrDecrypt
	}
	return plaintext, nil
}

// Wrap seals key material.
func (k *hpkePublic) Wrap(_ io.Reader, a WrapAlgorithm, material []byte) ([]byte, WrapAlgorithm, error) {
	if a != WrapDefault && a != WrapHPKE {
		return nil, a, otherWrap(k.kind)
	}
	wrapped, err := k.SealHPKE([]byte(wrapInfo), material)
	return wrapped, WrapHPKE, err
}

// Unwrap opens what Wrap made.
func (k *hpkeKey) Unwrap(a WrapAlgorithm, wrapped []byte) ([]byte, error) {
	if a != WrapDefault && a != WrapHPKE {
		return nil, otherWrap(k.kind)
	}
	return k.OpenHPKE([]byte(wrapInfo), wrapped)
}

// Wipe drops the private key, which the standard library keeps to itself.
func (k *hpkeKey) Wipe() { k.private = nil }
