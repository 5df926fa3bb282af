package keytype

import (
	"crypto"
	"errors"
	"fmt"
	"io"
	"time"
)

// Use is a set of operations that a key may perform.
type Use uint16

// The operations. A key's allowed uses are a subset of its type's Uses.
const (
	UseEncrypt Use = 1 << iota
	UseDecrypt
	UseSign
	UseVerify
	UseMAC
	UseVerifyMAC
	UseAgree
	UseDerive
	UseWrap
	UseUnwrap
	UseEncapsulate
	UseDecapsulate
)

// Errors that every key type reports in the same words, so that a caller can
// tell a wrong key from wrong data without knowing the type.
var (
	// ErrMaterial says that private or public key bytes are not a key of this type.
	ErrMaterial = errors.New("malformed key material")
	// ErrDecrypt says that a ciphertext did not authenticate; the reason is withheld on purpose.
	ErrDecrypt = errors.New("ciphertext does not authenticate")
	// ErrTokenAge says that a token is authentic but outside its time to live. It is an ErrDecrypt too.
	ErrTokenAge = fmt.Errorf("token is outside its time to live: %w", ErrDecrypt)
	// ErrVerify says that a signature or MAC does not match.
	ErrVerify = errors.New("signature does not verify")
	// ErrOptions says that the requested hash, padding or encoding does not fit the key type.
	ErrOptions = errors.New("options do not fit this key type")
	// ErrPeerKey says that a peer's public key is malformed, of another group, or degenerate.
	ErrPeerKey = errors.New("peer public key is not valid")
)

// Type describes one key type: its names, what it may be used for, and how
// keys of it are made and read. Values are registered once, at start-up, by
// the file that implements them.
type Type struct {
	Name        string        // as users write it, such as "xaes-256-gcm"
	ID          uint16        // number in stored records and ciphertext headers; never reused
	Uses        Use           // all that the type can do
	DefaultUses Use           // what a new key may do unless told otherwise
	Bits        int           // strength as users know it: 256, 2048, …
	DefaultTTL  time.Duration // lifetime of a new key unless told otherwise; zero is none
	KeyPair     bool          // has a public half although it neither signs nor agrees

	// Generate makes new private material in the type's canonical encoding,
	// which the caller wipes: raw bytes for symmetric types, PKCS#8 DER for
	// asymmetric ones.
	Generate func(random io.Reader) ([]byte, error)
	// Parse reads canonical private material. It copies what it keeps.
	// It returns ErrMaterial for anything else.
	Parse func(private []byte) (Key, error)
	// ParsePublic reads a SubjectPublicKeyInfo (RFC 5280) in DER. It is nil
	// for types whose public keys do nothing by themselves: symmetric and
	// agreement types. It returns ErrMaterial for anything else.
	ParsePublic func(spki []byte) (PublicKey, error)
	// ParseWrapping reads a SubjectPublicKeyInfo in DER as a key that others'
	// keys are wrapped under. It is nil for types that have no such key.
	ParseWrapping func(spki []byte) (WrappingKey, error)

	// normal turns what other programs write into the encoding that Parse
	// takes, where the standard library does not know the type.
	normal func(material []byte) ([]byte, error)
}

// Asymmetric reports whether keys of the type have a public half.
func (t *Type) Asymmetric() bool { return t.KeyPair || t.Uses&(UseSign|UseAgree) != 0 }

// Key is private material ready for use. A Key also implements exactly those
// of AEAD, TokenSealer, Signer, MACer, Decrypter, Opener, Agreer, Encapsulator,
// Deriver and Unwrapper that its type's Uses name. Keys are safe for concurrent use
// until Wipe.
type Key interface {
	Type() *Type
	// Public is the SubjectPublicKeyInfo (RFC 5280) in DER, nil for symmetric keys.
	Public() []byte
	// Fingerprint is SHA-256 over Public, or for symmetric keys over a
	// domain-separated encoding of the material (see Fingerprint).
	Fingerprint() [32]byte
	// Wipe overwrites what can be overwritten and drops the rest; the key
	// must not be used afterwards.
	Wipe()
}

// PublicKey is the public half of an asymmetric key by itself: what is left of
// a key of somebody else. A PublicKey of a signing type is also a Verifier,
// one of an RSA type also an Encrypter. It is safe for concurrent use.
type PublicKey interface {
	Type() *Type
	// Public is the SubjectPublicKeyInfo (RFC 5280) in DER.
	Public() []byte
	// Fingerprint is SHA-256 over Public.
	Fingerprint() [32]byte
}

// Verifier checks signatures with a public key alone.
type Verifier interface {
	PublicKey
	Verify(message, signature []byte, o SignOptions) error // ErrVerify
}

// Encrypter encrypts to a public key (RSAES-OAEP, RFC 8017).
type Encrypter interface {
	PublicKey
	EncryptOAEP(random io.Reader, hash crypto.Hash, plaintext, label []byte) ([]byte, error)
}

// AEAD seals with a random nonce (crypto/rand) so long that messages under one
// key need no counting. The sealed form is nonce, ciphertext and tag in one
// piece. Both methods append to dst, which must not overlap the other
// arguments.
type AEAD interface {
	Key
	Overhead() int // bytes that Seal adds, nonce included
	Seal(dst, plaintext, aad []byte) ([]byte, error)
	Open(dst, sealed, aad []byte) ([]byte, error) // ErrDecrypt
}

// TokenSealer makes self-contained tokens of a public specification, which
// have no room for associated data (Fernet). The clock is the caller's; the
// initialisation vector comes from crypto/rand.
type TokenSealer interface {
	Key
	SealToken(now time.Time, plaintext []byte) ([]byte, error)
	// OpenToken refuses with ErrTokenAge what is older than ttl or was made in
	// the future, when ttl is positive. Everything else is ErrDecrypt.
	OpenToken(now time.Time, ttl time.Duration, token []byte) ([]byte, error)
}

// Special values of SignOptions.Salt. They are for signatures that others
// made; we sign with a salt of known length.
const (
	SaltNone = -1 // no salt
	SaltAny  = -2 // whatever the signature has
)

// SignOptions chooses among a type's signature schemes. The zero value is the
// type's default: RSA-PSS with SHA-256 and the longest salt, ECDSA in ASN.1
// DER with the curve's hash, Ed25519 over the message.
type SignOptions struct {
	Hash      crypto.Hash // 0 is the type's default
	Prehashed bool        // the message is already the digest
	PSS       bool        // RSA only: PSS, which is the default there, asked for by name
	PKCS1v15  bool        // RSA only: RSASSA-PKCS1-v1_5 instead of PSS
	SaltHash  bool        // RSA-PSS only: salt as long as the digest instead of the longest
	Salt      int         // RSA-PSS only: salt of so many bytes when positive; SaltNone and SaltAny, to verify
	DER       bool        // ECDSA only: ASN.1 DER, which is the default there, asked for by name
	Raw       bool        // ECDSA only: r and s one after the other instead of DER (IEEE P1363)
	Ed25519ph bool        // Ed25519 only: over the SHA-512 of the message (RFC 8032, section 5.1)
	Context   string      // Ed25519 only: of Ed25519ctx and Ed25519ph, up to 255 bytes
}

// ofRSA reports whether the options ask for something that only RSA has, and
// likewise the others.
func (o *SignOptions) ofRSA() bool     { return o.PSS || o.PKCS1v15 || o.SaltHash || o.Salt != 0 }
func (o *SignOptions) ofECDSA() bool   { return o.DER || o.Raw }
func (o *SignOptions) ofEd25519() bool { return o.Ed25519ph || o.Context != "" }

// Signer signs and verifies.
type Signer interface {
	Key
	Sign(random io.Reader, message []byte, o SignOptions) ([]byte, error)
	Verify(message, signature []byte, o SignOptions) error // ErrVerify
}

// MACer authenticates messages.
type MACer interface {
	Key
	MAC(dst, message []byte) []byte      // appends to dst
	VerifyMAC(message, mac []byte) error // ErrVerify, in constant time
}

// Decrypter opens public-key ciphertexts (RSAES-OAEP, RFC 8017).
type Decrypter interface {
	Key
	EncryptOAEP(random io.Reader, hash crypto.Hash, plaintext, label []byte) ([]byte, error)
	DecryptOAEP(hash crypto.Hash, ciphertext, label []byte) ([]byte, error) // ErrDecrypt
}

// Agreer computes a shared secret with a peer's public key, given as
// SubjectPublicKeyInfo DER. The secret is raw: run a KDF over it, then wipe it.
type Agreer interface {
	Key
	Agree(peerSPKI []byte) ([]byte, error) // ErrPeerKey
}

// Deriver derives further secrets: the same ones from the same salt and info.
// The caller wipes the output. A size that the function can't give is ErrOptions.
type Deriver interface {
	Key
	Derive(salt, info []byte, size int) ([]byte, error)
}

// Opener opens what was sealed to its public half by HPKE (RFC 9180, base mode).
// The ciphertext is the encapsulated key followed by the sealed message. Both
// methods bind it to info.
type Opener interface {
	Key
	SealHPKE(info, plaintext []byte) ([]byte, error)
	OpenHPKE(info, ciphertext []byte) ([]byte, error) // ErrDecrypt
}

// Encapsulator makes and opens shared keys by ML-KEM (FIPS 203). A ciphertext
// of the right size always opens: a wrong one to a key that nobody else has.
type Encapsulator interface {
	Key
	Encapsulate() (shared, ciphertext []byte, err error)
	Decapsulate(ciphertext []byte) (shared []byte, err error) // ErrDecrypt
}

// WrapAlgorithm is a way to encrypt one key under another.
type WrapAlgorithm uint8

// The algorithms. The numbers are those of the API.
const (
	WrapDefault   WrapAlgorithm = 0 // the type's own
	WrapAESKWP    WrapAlgorithm = 1 // RFC 5649, NIST SP 800-38F
	WrapRSAOAEP   WrapAlgorithm = 2 // RFC 8017 with SHA-256, for material shorter than the modulus
	WrapRSAAESKWP WrapAlgorithm = 3 // RSA-OAEP over a fresh AES-256 key, which wraps by AES-KWP (PKCS #11, CKM_RSA_AES_KEY_WRAP)
	WrapHPKE      WrapAlgorithm = 4 // RFC 9180, with info "vaultd/1/wrap"
)

// WrappingKey encrypts key material. The zero algorithm is the type's default,
// and the one that was used is returned. It returns ErrOptions for an algorithm
// that is not the key's, and for material that does not fit.
type WrappingKey interface {
	Type() *Type
	Fingerprint() [32]byte // of the key that wraps
	Wrap(random io.Reader, a WrapAlgorithm, material []byte) ([]byte, WrapAlgorithm, error)
}

// Unwrapper also decrypts key material, which the caller wipes.
type Unwrapper interface {
	Key
	WrappingKey
	Unwrap(a WrapAlgorithm, wrapped []byte) ([]byte, error) // ErrDecrypt
}
