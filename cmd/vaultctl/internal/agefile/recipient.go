package agefile

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"errors"
	"slices"

	"filippo.io/age"
	"filippo.io/age/plugin"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault/fault"
)

// The stanza of the vault: "-> vaultd 1", and the file key as Encrypt returns it
// in binary form: vd1, or for RSA keys OAEP.
const (
	stanzaType    = "vaultd"
	stanzaVersion = "1"
)

const (
	fileKeySize = 16
	maxWrapped  = 512 // bytes of a ciphertext of a file key; as many with RSA-4096
)

// purpose is in the context of every wrapped file key, so that a program which
// decrypts what others send it, and shows the result, gives no file key away.
var purpose = &vaultdv1.ContextPair{Name: "vaultd.stream", Value: "age-v1"}

func withPurpose(bound []*vaultdv1.ContextPair) []*vaultdv1.ContextPair {
	return append(slices.Clip(bound), purpose)
}

// Wrapper is what a recipient asks of the vault.
type Wrapper interface {
	Encrypt(context.Context, *vaultdv1.EncryptRequest) (*vaultdv1.EncryptResponse, error)
	PublicKey(context.Context, *vaultdv1.PublicKeyRequest) (*vaultdv1.PublicKeyResponse, error)
	ShowKey(context.Context, *vaultdv1.ShowKeyRequest) (*vaultdv1.ShowKeyResponse, error)
}

// Recipient wraps file keys by the newest version of a key. It is an
// age.Recipient.
type Recipient struct {
	Ctx     context.Context
	Vault   Wrapper
	Key     string // "owner/name"
	Context []*vaultdv1.ContextPair
}

// Wrap asks the vault to encrypt the file key; for a key of type x25519, whose
// public half is enough, it does that here. Errors are the vault's, and
// wrong_key_usage for a key that can do neither.
func (r *Recipient) Wrap(fileKey []byte) ([]*age.Stanza, error) {
	answer, err := r.Vault.Encrypt(r.Ctx, &vaultdv1.EncryptRequest{
		Key: r.Key, Plaintext: fileKey, Context: withPurpose(r.Context), Binary: true,
	})
	if errors.Is(err, fault.E(fault.CodeWrongKeyUsage, "")) || errors.Is(err, fault.E(fault.CodeBadContext, "")) {
		return r.wrapPublicly(fileKey, err)
	}
	if err != nil {
		return nil, err
	}
	wrapped := answer.GetCiphertextBinary()
	if len(wrapped) == 0 || len(wrapped) > maxWrapped {
		return nil, r.unfit()
	}
	return []*age.Stanza{{Type: stanzaType, Args: []string{stanzaVersion}, Body: wrapped}}, nil
}

// wrapPublicly wraps for an x25519 key, or returns why encrypting was refused.
func (r *Recipient) wrapPublicly(fileKey []byte, refused error) ([]*age.Stanza, error) {
	public, err := r.Vault.PublicKey(r.Ctx, &vaultdv1.PublicKeyRequest{Name: r.Key, Format: vaultdv1.PublicKeyFormat_PUBLIC_KEY_FORMAT_DER})
	switch {
	case err != nil:
		if shown, err := r.Vault.ShowKey(r.Ctx, &vaultdv1.ShowKeyRequest{Name: r.Key}); err == nil && shown.GetKey().GetType() == "fernet" {
			return nil, r.unfit() // which was said of the context that it can't have
		}
		return nil, refused
	case public.GetType() != typeX25519:
		return nil, r.unfit()
	case len(r.Context) > 0:
		return nil, fault.E(fault.CodeBadContext, "a file for an x25519 key is bound to no context: the age format has none").
			WithHint("use a symmetric key, such as xaes-256-gcm, or leave out --context")
	}
	shown, err := r.Vault.ShowKey(r.Ctx, &vaultdv1.ShowKeyRequest{Name: r.Key})
	if err != nil {
		return nil, err
	}
	// Anybody can encrypt to a public key; vaultctl does so only while the vault would.
	switch state := shown.GetKey().GetState(); state {
	case vaultdv1.KeyState_KEY_STATE_ACTIVE:
	case vaultdv1.KeyState_KEY_STATE_REVOKED:
		return nil, fault.E(fault.CodeRevoked, "key %s is revoked", r.Key).WithHint("encrypt with another key")
	default:
		return nil, fault.E(fault.CodeExpired, "key %s is not active", r.Key).WithHint("see 'vaultctl key show %s'; rotate it for a new version", r.Key)
	}
	encoded, err := PublicRecipient(public.GetPublicKey())
	if err != nil {
		return nil, err
	}
	native, err := age.ParseX25519Recipient(encoded)
	if err != nil {
		return nil, err
	}
	return native.Wrap(fileKey)
}

func (r *Recipient) unfit() error {
	return fault.E(fault.CodeWrongKeyUsage, "key %s can't protect a stream", r.Key).
		WithHint("use a key of type xaes-256-gcm, or x25519, or an RSA key made to encrypt; fernet keys take small inputs alone")
}

const typeX25519 = "x25519"

// x25519SPKI is what the DER of an X25519 public key (RFC 8410) begins with.
var x25519SPKI = []byte("\x30\x2a\x30\x05\x06\x03\x2b\x65\x6e\x03\x21\x00")

// PublicRecipient is an X25519 public key, SubjectPublicKeyInfo in DER, as age
// writes it: "age1…". It returns wrong_key_usage for other keys.
func PublicRecipient(spki []byte) (string, error) {
	point, ok := bytes.CutPrefix(spki, x25519SPKI)
	if !ok {
		return "", fault.E(fault.CodeWrongKeyUsage, "only keys of type x25519 have an age recipient of their own").
			WithHint("'vaultctl key age' makes one for symmetric keys, by the plugin")
	}
	public, err := ecdh.X25519().NewPublicKey(point)
	if err != nil {
		return "", fault.E(fault.CodeInvalidPeerKey, "this is no X25519 public key").Because(err)
	}
	return plugin.EncodeX25519Recipient(public)
}
