package agefile

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"slices"

	"filippo.io/age"
	"golang.org/x/crypto/chacha20poly1305"

	"github.com/vaultd/vaultd/internal/secret"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault/fault"
)

// maxTries bounds what a header of somebody else can have the daemon do.
const maxTries = 64

// Unwrapper is what an identity asks of the vault.
type Unwrapper interface {
	Decrypt(context.Context, *vaultdv1.DecryptRequest) (*vaultdv1.DecryptResponse, error)
	Agree(context.Context, *vaultdv1.AgreeRequest) (*vaultdv1.AgreeResponse, error)
	PublicKey(context.Context, *vaultdv1.PublicKeyRequest) (*vaultdv1.PublicKeyResponse, error)
}

// Identity unwraps file keys with the vault. It is an age.Identity.
type Identity struct {
	Ctx     context.Context
	Vault   Unwrapper
	Key     string // "owner/name"; may be empty for vd1, which names its key
	Context []*vaultdv1.ContextPair
	// Among says that there are other identities to try, so that a file which is
	// for none of the vault's keys is no error.
	Among bool

	tries int
}

// Unwrap returns the file key of the first stanza that the vault opens, or the
// vault's error for one that it does not. age.ErrIncorrectIdentity says that
// none is for the vault.
func (i *Identity) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	fileKey, err := i.unwrap(stanzas)
	if i.Among && othersMay(err) {
		return nil, age.ErrIncorrectIdentity
	}
	return fileKey, err
}

// othersMay reports whether err says no more than that the file is not for this
// identity.
func othersMay(err error) bool {
	var known *fault.Error
	if !errors.As(err, &known) {
		return false
	}
	switch known.Code {
	case fault.CodeInvalidCiphertext, fault.CodeIncorrectKey, fault.CodeWrongKeyUsage, fault.CodeBadArgument:
		return true
	}
	return false
}

func (i *Identity) unwrap(stanzas []*age.Stanza) ([]byte, error) {
	i.tries = 0
	var refused error
	for _, s := range stanzas {
		if s.Type != stanzaType {
			continue
		}
		fileKey, err := i.unwrapEnvelope(s)
		if err == nil {
			return fileKey, nil
		}
		if refused == nil {
			refused = err
		}
	}
	foreign := slices.DeleteFunc(slices.Clone(stanzas), func(s *age.Stanza) bool { return s.Type != "X25519" })
	if len(foreign) > 0 && i.Key != "" {
		fileKey, err := i.agree(foreign)
		if err == nil {
			return fileKey, nil
		}
		if refused == nil {
			refused = err
		}
	}
	switch {
	case refused != nil:
		return nil, refused
	case len(foreign) > 0:
		return nil, fault.E(fault.CodeBadArgument, "this age file does not say whose it is").
			WithHint("name the x25519 key that it was encrypted to")
	}
	return nil, age.ErrIncorrectIdentity
}

func (i *Identity) unwrapEnvelope(s *age.Stanza) ([]byte, error) {
	if len(s.Args) != 1 || s.Args[0] != stanzaVersion {
		return nil, fault.E(fault.CodeInvalidCiphertext, "the file's header is of a version that this vaultctl does not know")
	}
	if len(s.Body) == 0 || len(s.Body) > maxWrapped {
		return nil, fault.E(fault.CodeInvalidCiphertext, "the file's header holds no wrapped file key")
	}
	if err := i.try(); err != nil {
		return nil, err
	}
	r, err := i.Vault.Decrypt(i.Ctx, &vaultdv1.DecryptRequest{
		Key: i.Key, CiphertextBinary: s.Body, Context: withPurpose(i.Context),
	})
	if err != nil {
		return nil, err
	}
	if len(r.GetPlaintext()) != fileKeySize {
		secret.Wipe(r.GetPlaintext())
		return nil, fault.E(fault.CodeInvalidCiphertext, "the file's header holds no file key")
	}
	return r.GetPlaintext(), nil
}

// agree tries the versions of the key, newest first, as the stanza tells
// neither key nor version.
func (i *Identity) agree(stanzas []*age.Stanza) ([]byte, error) {
	newest, err := i.public(0)
	if err != nil {
		return nil, err
	}
	if len(i.Context) > 0 {
		return nil, fault.E(fault.CodeBadContext, "a file for an x25519 key is bound to no context").WithHint("leave out --context")
	}
	refused := error(fault.E(fault.CodeInvalidCiphertext, "the file is not for key %s", i.Key))
	public := newest
	for version := newest.GetVersion(); ; {
		for _, s := range stanzas {
			fileKey, opened, err := i.agreeOn(s, public)
			if opened {
				return fileKey, nil
			}
			if err != nil {
				refused = err
			}
		}
		if version--; version == 0 {
			return nil, refused
		}
		if public, err = i.public(version); err != nil {
			return nil, err
		}
	}
}

func (i *Identity) public(version uint32) (*vaultdv1.PublicKeyResponse, error) {
	if err := i.try(); err != nil {
		return nil, err
	}
	r, err := i.Vault.PublicKey(i.Ctx, &vaultdv1.PublicKeyRequest{
		Name: i.Key, Version: version, Format: vaultdv1.PublicKeyFormat_PUBLIC_KEY_FORMAT_DER,
	})
	if err != nil && !errors.Is(err, fault.E(fault.CodeWrongKeyUsage, "")) {
		return nil, err
	}
	if err != nil || r.GetType() != typeX25519 || len(r.GetPublicKey()) != len(x25519SPKI)+32 {
		return nil, fault.E(fault.CodeWrongKeyUsage, "key %s is not of type x25519, which the file is for", i.Key)
	}
	return r, nil
}

// agreeOn unwraps one X25519 stanza with one version. Not opened and no error
// says that it is for another key.
func (i *Identity) agreeOn(s *age.Stanza, mine *vaultdv1.PublicKeyResponse) (fileKey []byte, opened bool, err error) {
	share, ok := ephemeralShare(s)
	if !ok {
		return nil, false, fault.E(fault.CodeInvalidCiphertext, "the file's header holds a malformed X25519 stanza")
	}
	if err := i.try(); err != nil {
		return nil, false, err
	}
	r, err := i.Vault.Agree(i.Ctx, &vaultdv1.AgreeRequest{
		Key: i.Key, Version: mine.GetVersion(),
		PeerPublicKey: slices.Concat(x25519SPKI, share),
		Salt:          slices.Concat(share, bytes.TrimPrefix(mine.GetPublicKey(), x25519SPKI)),
		Info:          []byte("age-encryption.org/v1/X25519"),
		Length:        chacha20poly1305.KeySize,
	})
	if err != nil {
		return nil, false, err
	}
	defer secret.Wipe(r.GetOutput())
	aead, err := chacha20poly1305.New(r.GetOutput())
	if err != nil {
		return nil, false, err
	}
	// The key is of this stanza alone, so the nonce is zero, as age has it.
	fileKey, err = aead.Open(nil, make([]byte, chacha20poly1305.NonceSize), s.Body, nil)
	return fileKey, err == nil, nil
}

func ephemeralShare(s *age.Stanza) ([]byte, bool) {
	if len(s.Args) != 1 || len(s.Body) != fileKeySize+chacha20poly1305.Overhead {
		return nil, false
	}
	share, err := base64.RawStdEncoding.Strict().DecodeString(s.Args[0])
	return share, err == nil && len(share) == 32
}

func (i *Identity) try() error {
	if i.tries++; i.tries > maxTries {
		return fault.E(fault.CodeInvalidCiphertext, "the file's header has too many recipients or the key too many versions")
	}
	return nil
}
