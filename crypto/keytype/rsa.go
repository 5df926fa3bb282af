package keytype

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"fmt"
	"io"
)

// rsaExponent is the smallest public exponent that is accepted, and the one
// that generated keys have.
const rsaExponent = 65537

// primalityRounds is the number of Miller-Rabin rounds for the factors of
// imported keys, of which FIPS 186-5, table B.1 asks for 4 or 5. The standard
// library adds a Baillie-PSW test, which no known composite passes.
const primalityRounds = 5

func init() {
	for _, t := range []*Type{
		{Name: "rsa-2048", ID: IDRSA2048, Bits: 2048},
		{Name: "rsa-3072", ID: IDRSA3072, Bits: 3072},
		{Name: "rsa-4096", ID: IDRSA4096, Bits: 4096},
	} {
		t.Uses = UseSign | UseVerify | UseEncrypt | UseDecrypt | UseWrap | UseUnwrap
		t.DefaultUses = UseSign | UseVerify
		t.Generate = func(random io.Reader) ([]byte, error) {
			return generatePKCS8(random, func(r io.Reader) (*rsa.PrivateKey, error) { return rsa.GenerateKey(r, t.Bits) })
		}
		t.Parse = func(private []byte) (Key, error) { return parseRSA(t, private) }
		t.ParsePublic = func(spki []byte) (PublicKey, error) { return parseRSAPublic(t, spki) }
		t.ParseWrapping = func(spki []byte) (WrappingKey, error) { return parseRSAPublic(t, spki) }
		Register(t)
	}
}

// rsaPublic verifies and encrypts.
type rsaPublic struct {
	signing
	public *rsa.PublicKey
}

// rsaKey signs and decrypts as well.
type rsaKey struct {
	rsaPublic
	private *rsa.PrivateKey
}

var (
	_ Signer    = (*rsaKey)(nil)
	_ Decrypter = (*rsaKey)(nil)
	_ Verifier  = (*rsaPublic)(nil)
	_ Encrypter = (*rsaPublic)(nil)
)

func parseRSA(t *Type, der []byte) (Key, error) {
	private, err := parsePKCS8[*rsa.PrivateKey](t, der) // the parser validates the key
	if err != nil {
		return nil, err
	}
	if err := checkRSA(t, &private.PublicKey); err != nil {
		return nil, err
	}
	if len(private.Primes) != 2 || private.Primes[0].BitLen() != t.Bits/2 || private.Primes[1].BitLen() != t.Bits/2 {
		return nil, fmt.Errorf("%w: an %s key is the product of two primes of %d bits", ErrMaterial, t.Name, t.Bits/2)
	}
	common, err := newSigning(t, &private.PublicKey)
	if err != nil {
		return nil, err
	}
	return &rsaKey{rsaPublic{common, &private.PublicKey}, private}, nil
}

func parseRSAPublic(t *Type, spki []byte) (*rsaPublic, error) {
	public, common, err := parseSPKI[*rsa.PublicKey](t, spki)
	if err != nil {
		return nil, err
	}
	if err := checkRSA(t, public); err != nil {
		return nil, err
	}
	return &rsaPublic{common, public}, nil
}

// checkRSA refuses other sizes and public exponents below 65537 (NIST SP
// 800-56B, section 6.2; FIPS 186-5, appendix A.1.1) or even.
func checkRSA(t *Type, public *rsa.PublicKey) error {
	if n := public.N.BitLen(); n != t.Bits {
		return fmt.Errorf("%w: an RSA key of %d bits is no %s key", ErrMaterial, n, t.Name)
	}
	if public.N.Bit(0) == 0 || public.E < rsaExponent || public.E%2 == 0 {
		return fmt.Errorf("%w: the modulus is even, or the public exponent is even or below %d", ErrMaterial, rsaExponent)
	}
	return nil
}

func (k *rsaKey) checkForeign() error {
	if isROCA(k.public.N) {
		return fmt.Errorf("%w: the modulus was made by a library with a flaw (ROCA, CVE-2017-15361), and can be factored", ErrMaterial)
	}
	for _, p := range k.private.Primes {
		if !p.ProbablyPrime(primalityRounds) {
			return fmt.Errorf("%w: a factor of the modulus is not prime", ErrMaterial)
		}
	}
	return nil
}

// Wipe overwrites the numbers of the private key; the copies inside crypto/rsa
// can only be dropped.
func (k *rsaKey) Wipe() {
	if k.private == nil {
		return
	}
	clear(k.private.D.Bits())
	for _, p := range k.private.Primes {
		clear(p.Bits())
	}
	k.private = nil
}

// Sign signs with RSASSA-PSS or RSASSA-PKCS1-v1_5 (RFC 8017, section 8). The
// mask generation function of PSS is MGF1 with the hash of the message.
func (k *rsaKey) Sign(random io.Reader, message []byte, o SignOptions) ([]byte, error) {
	if k.private == nil {
		return nil, errWiped
	}
	salt, digest, h, err := k.prepare(message, o)
	if err != nil {
		return nil, err
	}
	if o.PKCS1v15 {
		return rsa.SignPKCS1v15(random, k.private, h, digest)
	}
	if salt < 1 {
		return nil, fmt.Errorf("%w: a signature needs a salt", ErrOptions)
	}
	return rsa.SignPSS(random, k.private, h, digest, &rsa.PSSOptions{SaltLength: salt, Hash: h})
}

// Verify checks that the salt of a PSS signature is exactly as long as o says,
// unless o takes any.
func (k *rsaPublic) Verify(message, signature []byte, o SignOptions) error {
	salt, digest, h, err := k.prepare(message, o)
	if err != nil {
		return err
	}
	switch {
	case o.PKCS1v15:
		err = rsa.VerifyPKCS1v15(k.public, h, digest, signature)
	case salt == SaltAny:
		err = rsa.VerifyPSS(k.public, h, digest, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto})
	case salt == SaltNone:
		// To crypto/rsa a length of zero means any, hence the second look.
		err = rsa.VerifyPSS(k.public, h, digest, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto})
		if err == nil && !bytes.Equal(encryptRaw(k.public, signature), encodeUnsalted(k.public, h, digest)) {
			err = ErrVerify
		}
	default:
		err = rsa.VerifyPSS(k.public, h, digest, signature, &rsa.PSSOptions{SaltLength: salt})
	}
	if err != nil {
		return ErrVerify
	}
	return nil
}

// prepare returns the digest, its hash, and the salt length of PSS, which is
// SaltNone, SaltAny or positive. The longest salt is what is left of the
// encoded message beside the digest, the trailer and one byte of padding: 222
// bytes for 2048 bits and SHA-256.
func (k *rsaPublic) prepare(message []byte, o SignOptions) (salt int, digest []byte, h crypto.Hash, err error) {
	if o.ofECDSA() || o.ofEd25519() {
		return 0, nil, 0, fmt.Errorf("%w: %s keys have no scheme but RSA's", ErrOptions, k.kind.Name)
	}
	if o.PKCS1v15 && o.PSS || btoi(o.PKCS1v15)+btoi(o.SaltHash)+btoi(o.Salt != 0) > 1 {
		return 0, nil, 0, fmt.Errorf("%w: more than one signature scheme", ErrOptions)
	}
	digest, h, err = digestOf(message, o, crypto.SHA256)
	if err != nil {
		return 0, nil, 0, err
	}
	longest := k.public.Size() - h.Size() - 2
	switch {
	case o.SaltHash:
		salt = h.Size()
	case o.Salt == 0:
		salt = longest
	case o.Salt < SaltAny || o.Salt > longest:
		return 0, nil, 0, fmt.Errorf("%w: no salt of %d bytes fits a signature by an %s key", ErrOptions, o.Salt, k.kind.Name)
	default:
		salt = o.Salt
	}
	return salt, digest, h, nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
