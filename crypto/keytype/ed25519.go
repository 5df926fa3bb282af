package keytype

import (
	"crypto"
	"crypto/ed25519"
	"fmt"
	"io"
)

var typeEd25519 = &Type{
	Name: "ed25519", ID: IDEd25519, Bits: 255,
	Uses: UseSign | UseVerify, DefaultUses: UseSign | UseVerify,
	Generate: func(random io.Reader) ([]byte, error) {
		return generatePKCS8(random, func(r io.Reader) (ed25519.PrivateKey, error) {
			_, key, err := ed25519.GenerateKey(r)
			return key, err
		})
	},
}

func init() {
	typeEd25519.Parse = parseEd25519
	typeEd25519.ParsePublic = parseEd25519Public
	Register(typeEd25519)
}

// ed25519Public verifies.
type ed25519Public struct {
	signing
	public ed25519.PublicKey
}

// ed25519Key signs as well.
type ed25519Key struct {
	ed25519Public
	private ed25519.PrivateKey
}

var (
	_ Signer   = (*ed25519Key)(nil)
	_ Verifier = (*ed25519Public)(nil)
)

func parseEd25519(der []byte) (Key, error) {
	private, err := parsePKCS8[ed25519.PrivateKey](typeEd25519, der)
	if err != nil {
		return nil, err
	}
	public := private.Public().(ed25519.PublicKey)
	common, err := newSigning(typeEd25519, public)
	if err != nil {
		return nil, err
	}
	return &ed25519Key{ed25519Public{common, public}, private}, nil
}

func parseEd25519Public(spki []byte) (PublicKey, error) {
	public, common, err := parseSPKI[ed25519.PublicKey](typeEd25519, spki)
	if err != nil {
		return nil, err
	}
	return &ed25519Public{common, public}, nil
}

// Wipe overwrites the private key.
func (k *ed25519Key) Wipe() {
	clear(k.private)
	k.private = nil
}

// Sign signs the message itself (RFC 8032, section 5.1: PureEdDSA, or Ed25519ctx
// where there is a context), or its SHA-512 as Ed25519ph. It needs no randomness.
func (k *ed25519Key) Sign(_ io.Reader, message []byte, o SignOptions) ([]byte, error) {
	if k.private == nil {
		return nil, errWiped
	}
	message, scheme, err := ed25519Scheme(message, o)
	if err != nil {
		return nil, err
	}
	return k.private.Sign(nil, message, scheme)
}

// Verify refuses signatures whose second half is not reduced, so that no
// signature can be turned into another one.
func (k *ed25519Public) Verify(message, signature []byte, o SignOptions) error {
	message, scheme, err := ed25519Scheme(message, o)
	if err != nil {
		return err
	}
	if ed25519.VerifyWithOptions(k.public, message, signature, scheme) != nil {
		return ErrVerify
	}
	return nil
}

// maxEd25519Context is RFC 8032's, in bytes.
const maxEd25519Context = 255

// ed25519Scheme returns what is signed, and how. The three schemes never take
// each other's signatures.
func ed25519Scheme(message []byte, o SignOptions) ([]byte, *ed25519.Options, error) {
	switch {
	case o.ofRSA() || o.ofECDSA():
		return nil, nil, fmt.Errorf("%w: ed25519 has no padding and one encoding", ErrOptions)
	case len(o.Context) > maxEd25519Context:
		return nil, nil, fmt.Errorf("%w: a signature's context has up to %d bytes", ErrOptions, maxEd25519Context)
	case !o.Ed25519ph && (o.Prehashed || o.Hash != 0):
		return nil, nil, fmt.Errorf("%w: ed25519 signs the message itself; Ed25519ph signs its SHA-512", ErrOptions)
	case !o.Ed25519ph:
		return message, &ed25519.Options{Context: o.Context}, nil
	case o.Hash != 0 && o.Hash != crypto.SHA512:
		return nil, nil, fmt.Errorf("%w: the hash of Ed25519ph is SHA-512", ErrOptions)
	}
	digest, hash, err := digestOf(message, o, crypto.SHA512)
	if err != nil {
		return nil, nil, err
	}
	return digest, &ed25519.Options{Hash: hash, Context: o.Context}, nil
}
