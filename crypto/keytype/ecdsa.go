package keytype

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"fmt"
	"io"
)

func init() {
	registerECDSA(&Type{Name: "ecdsa-p256", ID: IDECDSAP256, Bits: 256}, elliptic.P256(), crypto.SHA256)
	registerECDSA(&Type{Name: "ecdsa-p384", ID: IDECDSAP384, Bits: 384}, elliptic.P384(), crypto.SHA384)
	registerECDSA(&Type{Name: "ecdsa-p521", ID: IDECDSAP521, Bits: 521}, elliptic.P521(), crypto.SHA512)
}

func registerECDSA(t *Type, curve elliptic.Curve, hash crypto.Hash) {
	t.Uses = UseSign | UseVerify
	t.DefaultUses = UseSign | UseVerify
	t.Generate = func(random io.Reader) ([]byte, error) {
		return generatePKCS8(random, func(r io.Reader) (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(curve, r) })
	}
	t.Parse = func(private []byte) (Key, error) {
		key, err := parsePKCS8[*ecdsa.PrivateKey](t, private)
		if err != nil {
			return nil, err
		}
		if key.Curve != curve {
			return nil, otherCurve(t, key.Curve)
		}
		common, err := newSigning(t, &key.PublicKey)
		if err != nil {
			return nil, err
		}
		return &ecdsaKey{ecdsaPublic{common, &key.PublicKey, hash}, key}, nil
	}
	t.ParsePublic = func(spki []byte) (PublicKey, error) {
		key, common, err := parseSPKI[*ecdsa.PublicKey](t, spki)
		if err != nil {
			return nil, err
		}
		if key.Curve != curve {
			return nil, otherCurve(t, key.Curve)
		}
		return &ecdsaPublic{common, key, hash}, nil
	}
	Register(t)
}

func otherCurve(t *Type, curve elliptic.Curve) error {
	return fmt.Errorf("%w: a key on %s is no %s key", ErrMaterial, curve.Params().Name, t.Name)
}

// ecdsaPublic verifies.
type ecdsaPublic struct {
	signing
	public *ecdsa.PublicKey
	hash   crypto.Hash // the curve's, used unless the options say another
}

// ecdsaKey signs as well.
type ecdsaKey struct {
	ecdsaPublic
	private *ecdsa.PrivateKey
}

var (
	_ Signer   = (*ecdsaKey)(nil)
	_ Verifier = (*ecdsaPublic)(nil)
)

// Wipe overwrites the private scalar; the copies inside crypto/ecdsa can only
// be dropped.
func (k *ecdsaKey) Wipe() {
	if k.private == nil {
		return
	}
	//lint:ignore SA1019 the number is not used, only overwritten
	clear(k.private.D.Bits())
	k.private = nil
}

// Sign returns the signature (FIPS 186-5, section 6.4) in ASN.1 DER (RFC 3279),
// or raw where the options say so.
// The nonce is hedged: a bad source of randomness does not reveal the key.
func (k *ecdsaKey) Sign(random io.Reader, message []byte, o SignOptions) ([]byte, error) {
	if k.private == nil {
		return nil, errWiped
	}
	digest, err := k.digest(message, o)
	if err != nil {
		return nil, err
	}
	der, err := ecdsa.SignASN1(random, k.private, digest)
	if err != nil || !o.Raw {
		return der, err
	}
	return rawSignature(k.public, der)
}

// Verify takes strict DER only, or raw numbers of full length. As the standard has it, (r, -s) is a
// signature as well when (r, s) is.
func (k *ecdsaPublic) Verify(message, signature []byte, o SignOptions) error {
	digest, err := k.digest(message, o)
	if err != nil {
		return err
	}
	if o.Raw {
		if signature, err = derSignature(k.public, signature); err != nil {
			return ErrVerify
		}
	}
	if !ecdsa.VerifyASN1(k.public, digest, signature) {
		return ErrVerify
	}
	return nil
}

func (k *ecdsaPublic) digest(message []byte, o SignOptions) ([]byte, error) {
	if o.ofRSA() || o.ofEd25519() || o.DER && o.Raw {
		return nil, fmt.Errorf("%w: %s keys have no scheme but ECDSA, in DER or raw", ErrOptions, k.kind.Name)
	}
	digest, _, err := digestOf(message, o, k.hash)
	return digest, err
}
