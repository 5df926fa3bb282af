package keytype

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/vaultd/vaultd/crypto/ffdh"
)

// New ffdh-2048 keys are of ffdhe2048, whose prime is made from e, which RFC
// 7919 gives for new protocols and NIST SP 800-56A rev. 3 approves. Keys of RFC 3526's
// group 14 are read as well; each key carries its group.
var typeFFDH2048 = &Type{
	Name: "ffdh-2048", ID: IDFFDH2048, Bits: 2048,
	Uses: UseAgree, DefaultUses: UseAgree,
	Generate: generateFFDH,
}

func init() {
	typeFFDH2048.Parse = parseFFDH
	Register(typeFFDH2048)
}

func generateFFDH(random io.Reader) ([]byte, error) {
	k, err := ffdh.FFDHE2048().GenerateKey(random)
	if err != nil {
		return nil, err
	}
	defer k.Wipe()
	return k.PKCS8(ffdh.PKCS3), nil
}

func parseFFDH(private []byte) (Key, error) {
	k, err := ffdh.ParsePKCS8(private)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMaterial, err)
	}
	// Always in the one form, whatever the private key came in, so that a key
	// has one fingerprint.
	spki := k.Public().SPKI(ffdh.PKCS3)
	return &ffdhKey{private: k, spki: spki, fingerprint: sha256.Sum256(spki)}, nil
}

type ffdhKey struct {
	private     *ffdh.PrivateKey
	spki        []byte
	fingerprint [32]byte
}

var _ Agreer = (*ffdhKey)(nil)

func (k *ffdhKey) Type() *Type           { return typeFFDH2048 }
func (k *ffdhKey) Public() []byte        { return bytes.Clone(k.spki) }
func (k *ffdhKey) Fingerprint() [32]byte { return k.fingerprint }
func (k *ffdhKey) Wipe()                 { k.private.Wipe() }

// Agree computes the 256-byte shared secret, padded with zeros on the left as
// pyca/cryptography has it. The peer's key must be of the same group.
func (k *ffdhKey) Agree(peerSPKI []byte) ([]byte, error) {
	peer, err := ffdh.ParseSPKI(peerSPKI)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPeerKey, err)
	}
	secret, err := k.private.Agree(peer)
	if errors.Is(err, ffdh.ErrPrivateKey) {
		return nil, errWiped
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPeerKey, err)
	}
	return secret, nil
}
