package keyenc

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/big"
)

// JSON Web Keys (RFC 7517, RFC 7518, RFC 8037). They are read here and not by a
// JOSE library for the private ones' sake: their numbers go from the text to
// bytes that can be wiped, and nothing is read but one key.

// octets are a member of a JWK: bytes in base64url without padding.
type octets []byte

// UnmarshalJSON decodes straight from the text. Go's decoder would take the last
// of several members of one name; here the second is refused.
func (o *octets) UnmarshalJSON(text []byte) error {
	if *o != nil {
		return fmt.Errorf("%w: a member of a JWK stands there twice", ErrFormat)
	}
	if len(text) < 2 || text[0] != '"' || text[len(text)-1] != '"' {
		return fmt.Errorf("%w: a member of a JWK is no string", ErrFormat)
	}
	body := text[1 : len(text)-1]
	raw := make([]byte, base64.RawURLEncoding.DecodedLen(len(body)))
	if _, err := base64.RawURLEncoding.Strict().Decode(raw, body); err != nil || len(raw) == 0 {
		clear(raw)
		return fmt.Errorf("%w: a member of a JWK is not in base64url", ErrFormat)
	}
	*o = raw
	return nil
}

// present notes that a member is there.
type present bool

// UnmarshalJSON looks at nothing.
func (p *present) UnmarshalJSON([]byte) error { *p = true; return nil }

// jwk is a JSON Web Key.
type jwk struct {
	Type  string `json:"kty"`
	Curve string `json:"crv"`
	E     octets `json:"e"`
	N     octets `json:"n"`
	X     octets `json:"x"`
	Y     octets `json:"y"`

	// Private.
	D     octets  `json:"d"`
	P     octets  `json:"p"`
	Q     octets  `json:"q"`
	DP    octets  `json:"dp"`
	DQ    octets  `json:"dq"`
	QI    octets  `json:"qi"`
	K     octets  `json:"k"`
	Other present `json:"oth"`

	ID  string `json:"-"`
	Use string `json:"-"`
}

// encode writes the members that are there. The public ones come in the order of
// their names, as a thumbprint wants them (RFC 7638). It allocates once, so that
// a caller can wipe what it gets and leave no copy behind; none of the words
// needs escapes.
func (j *jwk) encode() []byte {
	secrets := []octets{j.D, j.P, j.Q, j.DP, j.DQ, j.QI, j.K}
	size := 256 + 2*(len(j.E)+len(j.N)+len(j.X)+len(j.Y))
	for _, o := range secrets {
		size += 16 + base64.RawURLEncoding.EncodedLen(len(o))
	}
	out := append(make([]byte, 0, size), '{')
	name := func(name string) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(out, '"')
		out = append(out, name...)
		out = append(out, `":"`...)
	}
	word := func(n, value string) {
		if value != "" {
			name(n)
			out = append(append(out, value...), '"')
		}
	}
	bytes := func(n string, value octets) {
		if len(value) > 0 {
			name(n)
			out = append(base64.RawURLEncoding.AppendEncode(out, value), '"')
		}
	}
	word("crv", j.Curve)
	bytes("e", j.E)
	word("kty", j.Type)
	bytes("n", j.N)
	bytes("x", j.X)
	bytes("y", j.Y)
	for i, n := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
		bytes(n, secrets[i])
	}
	word("kid", j.ID)
	word("use", j.Use)
	return append(out, '}')
}

func (j *jwk) wipe() {
	for _, o := range []octets{j.D, j.P, j.Q, j.DP, j.DQ, j.QI, j.K} {
		clear(o)
	}
}

// Uses of a public key in a JWK.
const (
	UseSignature  = "sig"
	UseEncryption = "enc"
)

// PublicJWK writes a public key, given as SubjectPublicKeyInfo DER, as a JWK of
// one line whose "kid" is its thumbprint (RFC 7638, SHA-256). The use may be
// empty, which leaves it out. RSA, ECDSA, Ed25519 and X25519 keys have such a
// form; others are ErrUnsupported.
func PublicJWK(spki []byte, use string) ([]byte, error) {
	if err := checkSPKI(spki); err != nil {
		return nil, err
	}
	key, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return nil, fmt.Errorf("%w in JWK: %w", ErrUnsupported, err)
	}
	j, err := publicJWK(key)
	if err != nil {
		return nil, err
	}
	j.ID, j.Use = thumbprint(&j), use
	return j.encode(), nil
}

func publicJWK(key any) (jwk, error) {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return jwk{Type: "RSA", N: k.N.Bytes(), E: bigEndian(k.E)}, nil
	case *ecdsa.PublicKey:
		point, err := k.Bytes() // 4, x, y
		if err != nil {
			return jwk{}, fmt.Errorf("%w in JWK: %w", ErrUnsupported, err)
		}
		size := len(point) / 2
		return jwk{Type: "EC", Curve: k.Curve.Params().Name, X: point[1 : 1+size], Y: point[1+size:]}, nil
	case ed25519.PublicKey:
		return jwk{Type: "OKP", Curve: "Ed25519", X: octets(k)}, nil
	case *ecdh.PublicKey:
		if k.Curve() == ecdh.X25519() {
			return jwk{Type: "OKP", Curve: "X25519", X: k.Bytes()}, nil
		}
	}
	return jwk{}, errUnsupportedIn("JWK", key)
}

// thumbprint is the unpadded base64url of SHA-256 over the required members in
// the order of their names.
func thumbprint(public *jwk) string {
	sum := sha256.Sum256(public.encode())
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// PrivateJWK writes a private key, given as PKCS #8 DER, as an unencrypted JWK.
// The caller wipes the result.
func PrivateJWK(pkcs8 []byte) ([]byte, error) {
	key, err := parsePKCS8(pkcs8)
	if err != nil {
		return nil, err
	}
	var public any
	var d, p, q, dp, dq, qi octets
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if len(k.Primes) != 2 {
			return nil, fmt.Errorf("%w in JWK: an RSA key of several primes", ErrUnsupported)
		}
		k.Precompute()
		public, d, p, q = &k.PublicKey, k.D.Bytes(), k.Primes[0].Bytes(), k.Primes[1].Bytes()
		dp, dq, qi = k.Precomputed.Dp.Bytes(), k.Precomputed.Dq.Bytes(), k.Precomputed.Qinv.Bytes()
	case *ecdsa.PrivateKey:
		public = &k.PublicKey
		d, err = k.Bytes()
	case ed25519.PrivateKey:
		public, d = k.Public(), k.Seed()
	case *ecdh.PrivateKey:
		public, d = k.PublicKey(), k.Bytes()
	default:
		return nil, errUnsupportedIn("JWK", key)
	}
	if err != nil {
		return nil, fmt.Errorf("%w in JWK: %w", ErrUnsupported, err)
	}
	j, err := publicJWK(public)
	if err != nil {
		return nil, err
	}
	j.ID = thumbprint(&j)
	j.D, j.P, j.Q, j.DP, j.DQ, j.QI = d, p, q, dp, dq, qi
	defer j.wipe()
	return j.encode(), nil
}

// SymmetricJWK writes the bytes of a symmetric key as a JWK, without a "kid":
// the thumbprint of a secret is no name for it (RFC 7638, section 7). The caller
// wipes the result.
func SymmetricJWK(key []byte) []byte {
	j := jwk{Type: "oct", K: key}
	return j.encode()
}

// parseJWK reads one private or symmetric key. The caller wipes both results, of
// which one is nil.
func parseJWK(text []byte) (pkcs8, symmetric []byte, err error) {
	if len(text) > MaxPEM {
		return nil, nil, fmt.Errorf("%w: more than %d bytes", ErrFormat, MaxPEM)
	}
	var j jwk
	defer j.wipe()
	if err := json.Unmarshal(text, &j); err != nil {
		return nil, nil, fmt.Errorf("%w: not a JWK", ErrFormat) // the reason could quote a secret
	}
	if j.Type == "oct" {
		if len(j.K) == 0 {
			return nil, nil, fmt.Errorf("%w: a symmetric JWK without its key", ErrFormat)
		}
		symmetric = append(symmetric, j.K...)
		return nil, symmetric, nil
	}
	if len(j.D) == 0 {
		return nil, nil, fmt.Errorf("%w: not a private JWK", ErrFormat)
	}
	key, err := j.private()
	if err != nil {
		return nil, nil, err
	}
	if pkcs8, err = x509.MarshalPKCS8PrivateKey(key); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return pkcs8, nil, nil
}

func (j *jwk) private() (any, error) {
	switch {
	case j.Type == "RSA":
		return j.rsa()
	case j.Type == "EC":
		return j.ec()
	case j.Type == "OKP" && j.Curve == "Ed25519" && len(j.D) == ed25519.SeedSize:
		key := ed25519.NewKeyFromSeed(j.D)
		if !key.Public().(ed25519.PublicKey).Equal(ed25519.PublicKey(j.X)) {
			return nil, errOtherPublic
		}
		return key, nil
	case j.Type == "OKP" && j.Curve == "X25519":
		key, err := ecdh.X25519().NewPrivateKey(j.D)
		if err != nil {
			return nil, fmt.Errorf("%w: JWK: %w", ErrFormat, err)
		}
		if string(key.PublicKey().Bytes()) != string(j.X) {
			return nil, errOtherPublic
		}
		return key, nil
	}
	return nil, fmt.Errorf("%w: a JWK of type %.20q, curve %.20q", ErrUnsupported, j.Type, j.Curve)
}

var errOtherPublic = fmt.Errorf("%w: the private and the public part of the JWK are of two keys", ErrFormat)

// maxJWKModulus bounds what is checked of an RSA key, as in OpenSSH's files.
const maxJWKModulus = 1 << 10

func (j *jwk) rsa() (any, error) {
	if bool(j.Other) || len(j.P) == 0 || len(j.Q) == 0 {
		return nil, fmt.Errorf("%w: an RSA JWK has exactly two primes, p and q", ErrUnsupported)
	}
	if len(j.N) > maxJWKModulus || len(j.D) > maxJWKModulus || len(j.P) > maxJWKModulus || len(j.Q) > maxJWKModulus || len(j.E) > 4 {
		return nil, fmt.Errorf("%w: a number of the RSA JWK is too large", ErrFormat)
	}
	e := new(big.Int).SetBytes(j.E)
	if e.BitLen() > 31 {
		return nil, fmt.Errorf("%w: the public exponent of the RSA JWK is too large", ErrFormat)
	}
	key := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).SetBytes(j.N), E: int(e.Int64())},
		D:         new(big.Int).SetBytes(j.D),
		Primes:    []*big.Int{new(big.Int).SetBytes(j.P), new(big.Int).SetBytes(j.Q)},
	}
	if err := key.Validate(); err != nil {
		return nil, fmt.Errorf("%w: RSA JWK: %w", ErrFormat, err)
	}
	return key, nil
}

func (j *jwk) ec() (any, error) {
	curve := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}[j.Curve]
	if curve == nil {
		return nil, fmt.Errorf("%w: a JWK on curve %.20q", ErrUnsupported, j.Curve)
	}
	key, err := ecdsa.ParseRawPrivateKey(curve, j.D) // checks its size and range
	if err != nil {
		return nil, fmt.Errorf("%w: EC JWK: %w", ErrFormat, err)
	}
	own, err := publicJWK(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	if string(own.X) != string(j.X) || string(own.Y) != string(j.Y) {
		return nil, errOtherPublic
	}
	return key, nil
}

func bigEndian(e int) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(e)) //nolint:gosec // public exponents are positive
	for len(b) > 1 && b[0] == 0 {
		b = b[1:]
	}
	return b
}
