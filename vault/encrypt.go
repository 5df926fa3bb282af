package vault

import (
	"crypto"
	"encoding/base64"
	"sync"

	"github.com/vaultd/vaultd/crypto/envelope"
	"github.com/vaultd/vaultd/crypto/keytype"
)

// oaepHash is the hash of RSAES-OAEP and of its mask generation.
const oaepHash = crypto.SHA256

// scratch holds ciphertexts in binary form on their way to or from text.
var scratch = sync.Pool{New: func() any {
	b := make([]byte, 0, 1024)
	return &b
}}

// maxScratch is what a pooled buffer may grow to and still be kept.
const maxScratch = 64 << 10

func returnScratch(p *[]byte) {
	if cap(*p) <= maxScratch {
		scratch.Put(p)
	}
}

// Encrypt asks for the ciphertext of a plaintext.
type Encrypt struct {
	Key       Name
	Plaintext []byte
	Context   envelope.Context // what the ciphertext is bound to
	Peer      *Peer            // who asks, for keys that require it; nil is nobody
	Binary    bool             // answer in binary form, not text
}

// Encrypt appends to dst the plaintext encrypted under the newest version of a
// key, whose number it returns too. AEAD keys give a vd1 ciphertext bound to
// the context, in text or binary form; fernet keys a Fernet token, which has no
// room for a context (bad_context); RSA keys RSAES-OAEP with SHA-256 and the
// canonical context as label, in base64 or binary, and HPKE keys HPKE (RFC 9180,
// base mode) with it as info, likewise. dst must not overlap plaintext. Errors: key_not_found, expired, revoked, owner_revoked,
// key_destroyed, wrong_key_usage, too_large, and bad_context for one that is
// not what the key requires. A ciphertext of a tracked key is registered, durably,
// before it is returned, which takes as long as the disk does; then also
// quota_exceeded.
func (v *Vault) Encrypt(c Encrypt, dst []byte) ([]byte, uint32, error) { return v.encrypt(c, nil, dst) }

// encrypt is Encrypt of what takes the place of old, if there is one.
func (v *Vault) encrypt(c Encrypt, old *outgoing, dst []byte) ([]byte, uint32, error) {
	o, err := v.enter()
	if err != nil {
		return dst, 0, err
	}
	defer v.mu.RUnlock()
	k, err := o.ring.lookup(c.Key)
	if err != nil {
		return dst, 0, err
	}
	h, number, err := o.acquire(k, 0, opProtect, keytype.UseEncrypt)
	if err != nil {
		return dst, 0, err
	}
	defer k.mu.RUnlock()
	start := len(dst)
	if dst, err = o.seal(k, h, number, &c, dst); err != nil {
		return dst, 0, err
	}
	if k.tracked != nil || old != nil {
		if err := o.register(k, []Ciphertext{{dst[start:], c.Binary}}, number, old); err != nil {
			return dst[:start], 0, err
		}
	}
	return dst, number, nil
}

// seal appends a message, encrypted with the handle h of version number. The
// caller holds k.mu shared.
func (o *opened) seal(k *key, h keytype.Key, number uint32, c *Encrypt, dst []byte) ([]byte, error) {
	bound, err := k.bind(c.Context, c.Peer)
	if err != nil {
		return dst, err
	}
	switch h := h.(type) {
	case keytype.AEAD:
		dst, err = sealEnvelope(dst, h, envelope.Header{Type: k.typ.ID, KeyID: k.id, Version: number}, bound, c.Plaintext, c.Binary)
	case keytype.TokenSealer:
		if len(bound) != 0 {
			return dst, errTokenContext
		}
		var token []byte
		if token, err = h.SealToken(o.clock.now(), c.Plaintext); err == nil {
			dst = append(dst, token...)
		}
	case keytype.Decrypter:
		var raw []byte
		if raw, err = h.EncryptOAEP(o.random, oaepHash, c.Plaintext, bound.Canonical()); err == nil {
			dst = appendForm(dst, raw, c.Binary)
		}
	case keytype.Opener:
		var raw []byte
		if raw, err = h.SealHPKE(bound.Canonical(), c.Plaintext); err == nil {
			dst = appendForm(dst, raw, c.Binary)
		}
	default:
		err = E(CodeWrongKeyUsage, "a key of type %s does not encrypt", k.typ.Name)
	}
	if err != nil {
		return dst, cryptoError(err)
	}
	return dst, nil
}

func sealEnvelope(dst []byte, key keytype.AEAD, h envelope.Header, bound envelope.Context, plaintext []byte, binary bool) ([]byte, error) {
	if binary {
		return envelope.Seal(dst, key, h, bound.Canonical(), plaintext)
	}
	p := scratch.Get().(*[]byte)
	defer returnScratch(p)
	sealed, err := envelope.Seal((*p)[:0], key, h, bound.Canonical(), plaintext)
	if err != nil {
		return dst, err
	}
	*p = sealed
	return envelope.EncodeText(dst, sealed), nil
}

func appendForm(dst, c []byte, binary bool) []byte {
	if binary {
		return append(dst, c...)
	}
	return base64.StdEncoding.AppendEncode(dst, c)
}

var errTokenContext = E(CodeBadContext, "a Fernet token has no room for a context").
	WithHint("use a key of type %s", DefaultType)
