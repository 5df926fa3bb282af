package keytype

import (
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

// Sign signs the message itself (RFC 8032, section 5.1: PureEdDSA). It needs
// no randomness. Any option is ErrOptions.
func (k *ed25519Key) Sign(_ io.Reader, message []byte, o SignOptions) ([]byte, error) {
	if k.private == nil {
		return nil, errWiped
	}
	if err := checkEd25519(o); err != nil {
		return nil, err
	}
	return ed25519.Sign(k.private, message), nil
}

// Verify refuses signatures whose second half is not reduced, so that no
// signature can be turned into another one.
func (k *ed25519Public) Verify(message, signature []byte, o SignOptions) error {
	if err := checkEd25519(o); err != nil {
		return err
	}
	if !ed25519.Verify(k.public, message, signature) {
		return ErrVerify
	}
	return nil
}

func checkEd25519(o SignOptions) error {
	if o != (SignOptions{}) {
		return fmt.Errorf("%w: ed25519 signs the message itself and has no hash or padding", ErrOptions)
	}
	return nil
}
