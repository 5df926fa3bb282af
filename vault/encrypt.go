package vault

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"time"

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

// Encrypt appends to dst the plaintext encrypted under the newest version of a
// key, whose number it returns too. AEAD keys give a vd1 ciphertext bound to
// the context, in text or binary form; fernet keys a Fernet token, which has no
// room for a context (bad_context); RSA keys RSAES-OAEP with SHA-256 and the
// canonical context as label, in base64 or binary. dst must not overlap
// plaintext. Errors: key_not_found, expired, revoked, owner_revoked,
// key_destroyed, wrong_key_usage, too_large.
func (v *Vault) Encrypt(n Name, plaintext []byte, bound envelope.Context, dst []byte, binary bool) ([]byte, uint32, error) {
	o, err := v.enter()
	if err != nil {
		return dst, 0, err
	}
	defer v.mu.RUnlock()
	k, err := o.ring.lookup(n)
	if err != nil {
		return dst, 0, err
	}
	h, number, err := o.acquire(k, 0, opProtect, keytype.UseEncrypt)
	if err != nil {
		return dst, 0, err
	}
	defer k.mu.RUnlock()
	switch h := h.(type) {
	case keytype.AEAD:
		dst, err = sealEnvelope(dst, h, envelope.Header{Type: k.typ.ID, KeyID: k.id, Version: number}, bound, plaintext, binary)
	case keytype.TokenSealer:
		if len(bound) != 0 {
			return dst, 0, errTokenContext
		}
		var token []byte
		if token, err = h.SealToken(o.clock.now(), plaintext); err == nil {
			dst = append(dst, token...)
		}
	case keytype.Decrypter:
		var c []byte
		if c, err = h.EncryptOAEP(o.random, oaepHash, plaintext, bound.Canonical()); err == nil {
			dst = appendForm(dst, c, binary)
		}
	default:
		err = E(CodeWrongKeyUsage, "a key of type %s does not encrypt", k.typ.Name)
	}
	if err != nil {
		return dst, 0, cryptoError(err)
	}
	return dst, number, nil
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

// Decrypt asks for the plaintext of a ciphertext.
type Decrypt struct {
	Key        Name // the key it must be under; may be zero for vd1, which names its key by itself
	Ciphertext []byte
	Binary     bool             // Ciphertext is in binary form, not text
	Context    envelope.Context // the one it was encrypted with
	MaxAge     time.Duration    // Fernet: refuse older tokens; zero takes any
}

// Decrypted says what opened a ciphertext.
type Decrypted struct {
	Key     Name
	Version uint32
}

// Decrypt appends the plaintext to dst. A wrong context, a changed byte and an
// unknown key are the same invalid_ciphertext; a vd1 ciphertext under another
// key than the one named is incorrect_key, unless it is another vault's copy of
// that key (from an exchange, or exported and imported). A Fernet token older than MaxAge is
// expired. dst must not overlap the ciphertext.
func (v *Vault) Decrypt(c Decrypt, dst []byte) ([]byte, Decrypted, error) {
	o, err := v.enter()
	if err != nil {
		return dst, Decrypted{}, err
	}
	defer v.mu.RUnlock()
	if c.MaxAge < 0 {
		return dst, Decrypted{}, E(CodeBadArgument, "the age of a token is not negative")
	}
	var k *key
	if !c.Key.IsZero() {
		if k, err = o.ring.lookup(c.Key); err != nil {
			return dst, Decrypted{}, err
		}
	}
	if k == nil || k.sealsEnvelopes() {
		return o.openEnvelope(k, c, dst)
	}
	if k.typ.Asymmetric() {
		return o.openOAEP(k, c, dst)
	}
	return o.openToken(k, c, dst)
}

// sealsEnvelopes reports whether ciphertexts of the key are vd1.
func (k *key) sealsEnvelopes() bool {
	return !k.typ.Asymmetric() && k.typ.Uses&keytype.UseEncrypt != 0 && k.typ.ID != keytype.IDFernet
}

// openEnvelope opens a vd1 ciphertext, under k where one is named.
func (o *opened) openEnvelope(k *key, c Decrypt, dst []byte) ([]byte, Decrypted, error) {
	p := scratch.Get().(*[]byte)
	defer returnScratch(p)
	sealed := c.Ciphertext
	if !c.Binary {
		var err error
		if sealed, err = envelope.DecodeText((*p)[:0], bytes.TrimSpace(c.Ciphertext)); err != nil {
			return dst, Decrypted{}, notEnvelope(k)
		}
		*p = sealed
	}
	h, _, err := envelope.Parse(sealed)
	if err != nil {
		return dst, Decrypted{}, notEnvelope(k)
	}
	under := o.ring.byID(h.KeyID)
	switch {
	case k != nil && k.id != h.KeyID && !k.shared():
		return dst, Decrypted{}, errOtherKey(k)
	case k != nil && k.id != h.KeyID:
		return o.openForeign(k, under != nil, sealed, c.Context, dst)
	case under == nil:
		return dst, Decrypted{}, ErrInvalidCiphertext
	}
	handle, number, err := o.acquire(under, h.Version, opProcess, keytype.UseDecrypt)
	if errors.Is(err, errVersionNotFound) {
		return dst, Decrypted{}, ErrInvalidCiphertext
	}
	if err != nil {
		return dst, Decrypted{}, err
	}
	defer under.mu.RUnlock()
	aead, ok := handle.(keytype.AEAD)
	if !ok {
		return dst, Decrypted{}, ErrInvalidCiphertext
	}
	plaintext, err := envelope.Open(dst, aead, sealed, c.Context.Canonical())
	if err != nil {
		return dst, Decrypted{}, cryptoError(err)
	}
	return plaintext, Decrypted{under.name, number}, nil
}

var errVersionNotFound = E(CodeVersionNotFound, "there is no such version")

func notEnvelope(k *key) error {
	e := E(CodeInvalidCiphertext, "this is no vd1 ciphertext")
	if k == nil {
		return e.WithHint("name the key that other ciphertexts are under")
	}
	return e
}

// shared reports whether the key's material may be in other vaults too, where
// it has another id: it came from an exchange or a file, or may leave.
func (k *key) shared() bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.rec.origin != OriginGenerated || k.rec.exportable
}

// openForeign opens a ciphertext that another vault made with its copy of k.
// Its header, which stays authenticated, names that copy's id and version, so
// k's own versions are tried newest first.
func (o *opened) openForeign(k *key, known bool, sealed []byte, bound envelope.Context, dst []byte) ([]byte, Decrypted, error) {
	var plaintext []byte
	number, err := o.newestThat(k, opProcess, keytype.UseDecrypt, func(h keytype.Key) (err error) {
		aead, ok := h.(keytype.AEAD)
		if !ok {
			return keytype.ErrDecrypt
		}
		plaintext, err = envelope.Open(dst, aead, sealed, bound.Canonical())
		return err
	})
	switch {
	case errors.Is(err, keytype.ErrDecrypt) && known:
		return dst, Decrypted{}, errOtherKey(k)
	case err != nil:
		return dst, Decrypted{}, cryptoError(err)
	}
	return plaintext, Decrypted{k.name, number}, nil
}

func errOtherKey(k *key) error {
	return E(CodeIncorrectKey, "the ciphertext is not under key %s", k.name)
}

// openToken tries the versions of a key newest first, since a Fernet token
// does not say which it is under.
func (o *opened) openToken(k *key, c Decrypt, dst []byte) ([]byte, Decrypted, error) {
	if len(c.Context) != 0 {
		return dst, Decrypted{}, errTokenContext
	}
	token := bytes.TrimSpace(c.Ciphertext)
	var plaintext []byte
	number, err := o.newestThat(k, opProcess, keytype.UseDecrypt, func(h keytype.Key) (err error) {
		t, ok := h.(keytype.TokenSealer)
		if !ok {
			return E(CodeWrongKeyUsage, "a key of type %s does not decrypt", k.typ.Name)
		}
		plaintext, err = t.OpenToken(o.clock.now(), c.MaxAge, token)
		return err
	})
	if err != nil {
		return dst, Decrypted{}, cryptoError(err)
	}
	dst = append(dst, plaintext...)
	clear(plaintext)
	return dst, Decrypted{k.name, number}, nil
}

// openOAEP tries the versions of an RSA key newest first.
func (o *opened) openOAEP(k *key, c Decrypt, dst []byte) ([]byte, Decrypted, error) {
	raw := c.Ciphertext
	if !c.Binary {
		var err error
		if raw, err = base64.StdEncoding.Strict().AppendDecode(nil, bytes.TrimSpace(c.Ciphertext)); err != nil {
			return dst, Decrypted{}, E(CodeInvalidCiphertext, "the ciphertext is not in base64")
		}
	}
	label := c.Context.Canonical()
	var plaintext []byte
	number, err := o.newestThat(k, opProcess, keytype.UseDecrypt, func(h keytype.Key) (err error) {
		d, ok := h.(keytype.Decrypter)
		if !ok {
			return E(CodeWrongKeyUsage, "a key of type %s does not decrypt", k.typ.Name)
		}
		plaintext, err = d.DecryptOAEP(oaepHash, raw, label)
		return err
	})
	if err != nil {
		return dst, Decrypted{}, cryptoError(err)
	}
	dst = append(dst, plaintext...)
	clear(plaintext)
	return dst, Decrypted{k.name, number}, nil
}

// newestThat runs fn with one version after the other, newest first, until it
// does not return keytype.ErrDecrypt or ErrVerify, and returns that version's
// number. Destroyed versions are passed over.
func (o *opened) newestThat(k *key, op operation, need keytype.Use, fn func(keytype.Key) error) (uint32, error) {
	k.mu.RLock()
	newest := uint32(len(k.rec.versions))
	k.mu.RUnlock()
	var miss, gone error
	for n := newest; n > 0; n-- {
		h, _, err := o.acquire(k, n, op, need)
		if errors.Is(err, ErrKeyDestroyed) {
			gone = err
			continue
		}
		if err != nil {
			return 0, err
		}
		err = fn(h)
		k.mu.RUnlock()
		if err == nil {
			return n, nil
		}
		if !errors.Is(err, keytype.ErrDecrypt) && !errors.Is(err, keytype.ErrVerify) || errors.Is(err, keytype.ErrTokenAge) {
			return 0, err
		}
		miss = err
	}
	if miss == nil {
		return 0, gone
	}
	return 0, miss
}

// CiphertextKey tells which key a vd1 ciphertext is under, going by its header
// alone, so that a caller can authorize before anything is opened. Error:
// invalid_ciphertext, also for a key that is not here.
func (v *Vault) CiphertextKey(ciphertext []byte, binary bool) (Name, error) {
	o, err := v.enter()
	if err != nil {
		return Name{}, err
	}
	defer v.mu.RUnlock()
	head := ciphertext
	if !binary {
		body, ok := bytes.CutPrefix(bytes.TrimSpace(ciphertext), []byte(envelope.TextPrefix))
		const headText = envelope.HeaderSize / 3 * 4
		if !ok || len(body) < headText {
			return Name{}, notEnvelope(nil)
		}
		var buf [envelope.HeaderSize]byte
		if _, err := base64.RawURLEncoding.Decode(buf[:], body[:headText]); err != nil {
			return Name{}, notEnvelope(nil)
		}
		head = buf[:]
	}
	h, _, err := envelope.Parse(head)
	if err != nil {
		return Name{}, notEnvelope(nil)
	}
	k := o.ring.byID(h.KeyID)
	if k == nil {
		return Name{}, ErrInvalidCiphertext
	}
	return k.name, nil
}

// KeyNameByID finds the name of a key by its id; there is none while sealed.
func (v *Vault) KeyNameByID(id [16]byte) (Name, bool) {
	o, err := v.enter()
	if err != nil {
		return Name{}, false
	}
	defer v.mu.RUnlock()
	if k := o.ring.byID(id); k != nil {
		return k.name, true
	}
	return Name{}, false
}

// cryptoError turns an error of package crypto into the one that a user sees.
func cryptoError(err error) error {
	var domain *Error
	switch {
	case errors.As(err, &domain):
		return err
	case errors.Is(err, keytype.ErrTokenAge):
		return E(CodeExpired, "the token is older than the age that was asked for, or from the future").Because(err)
	case errors.Is(err, keytype.ErrDecrypt), errors.Is(err, envelope.ErrMalformed):
		return ErrInvalidCiphertext.Because(err)
	case errors.Is(err, keytype.ErrVerify):
		return ErrInvalidSignature.Because(err)
	case errors.Is(err, keytype.ErrPeerKey):
		return E(CodeInvalidPeerKey, "%v", err).Because(err)
	case errors.Is(err, keytype.ErrOptions):
		return E(CodeBadArgument, "%v", err).Because(err)
	}
	return fmt.Errorf("use a key: %w", err)
}
