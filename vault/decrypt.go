package vault

import (
	"bytes"
	"encoding/base64"
	"errors"
	"time"

	"github.com/vaultd/vaultd/crypto/envelope"
	"github.com/vaultd/vaultd/crypto/fernet"
	"github.com/vaultd/vaultd/crypto/keytype"
)

// Decrypt asks for the plaintext of a ciphertext.
type Decrypt struct {
	Key        Name // the key it must be under; may be zero for vd1, which names its key by itself
	Ciphertext []byte
	Binary     bool             // Ciphertext is in binary form, not text
	Context    envelope.Context // the one it was encrypted with
	Peer       *Peer            // who asks, for keys that require it; nil is nobody
	MaxAge     time.Duration    // Fernet: refuse older tokens; zero takes any
	Statement  *Statement       // when it was protected, for keys that open nothing else; nil is none
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
// expired. A context that is not what the key requires is bad_context. dst must
// not overlap the ciphertext.
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
	if k != nil {
		defer k.forgetRevoked(c.Statement)
	}
	if k == nil || k.sealsEnvelopes() {
		return o.openEnvelope(k, c, dst)
	}
	if k.typ.Asymmetric() {
		return o.openPublic(k, c, dst)
	}
	return o.openToken(k, c, dst)
}

// sealsEnvelopes reports whether ciphertexts of the key are vd1.
func (k *key) sealsEnvelopes() bool { return sealsEnvelopes(k.typ) }

func sealsEnvelopes(typ *keytype.Type) bool {
	return !typ.Asymmetric() && typ.Uses&keytype.UseEncrypt != 0 && typ.ID != keytype.IDFernet
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
		// Only of the owner's own keys it is told that there is one.
		return o.openForeign(k, under != nil && under.owner == k.owner, sealed, c, dst)
	case under == nil:
		return dst, Decrypted{}, ErrInvalidCiphertext
	}
	defer under.forgetRevoked(c.Statement)
	handle, number, err := o.acquireFor(under, h.Version, opProcess, keytype.UseDecrypt, c.Statement)
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
	bound, err := under.bind(c.Context, c.Peer)
	if err != nil {
		return dst, Decrypted{}, err
	}
	plaintext, err := envelope.Open(dst, aead, sealed, bound.Canonical())
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
func (o *opened) openForeign(k *key, known bool, sealed []byte, c Decrypt, dst []byte) ([]byte, Decrypted, error) {
	bound, err := k.bind(c.Context, c.Peer)
	if err != nil {
		return dst, Decrypted{}, err
	}
	var plaintext []byte
	number, err := o.newestThat(k, opProcess, keytype.UseDecrypt, c.Statement, func(h keytype.Key) (err error) {
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
	number, err := o.newestThat(k, opProcess, keytype.UseDecrypt, c.Statement, func(h keytype.Key) (err error) {
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
	defer clear(plaintext)
	if made, err := fernet.Time(token); c.Statement != nil && err == nil && made.After(c.Statement.ProtectedAt) {
		return dst, Decrypted{}, E(CodeBadArgument, "the token says that it was made at %s, after the time stated", made.Format(time.RFC3339))
	}
	return append(dst, plaintext...), Decrypted{k.name, number}, nil
}

// openPublic tries the versions of an RSA or HPKE key newest first.
func (o *opened) openPublic(k *key, c Decrypt, dst []byte) ([]byte, Decrypted, error) {
	raw := c.Ciphertext
	if !c.Binary {
		var err error
		if raw, err = base64.StdEncoding.Strict().AppendDecode(nil, bytes.TrimSpace(c.Ciphertext)); err != nil {
			return dst, Decrypted{}, E(CodeInvalidCiphertext, "the ciphertext is not in base64")
		}
	}
	bound, err := k.bind(c.Context, c.Peer)
	if err != nil {
		return dst, Decrypted{}, err
	}
	label := bound.Canonical()
	var plaintext []byte
	number, err := o.newestThat(k, opProcess, keytype.UseDecrypt, c.Statement, func(h keytype.Key) (err error) {
		switch h := h.(type) {
		case keytype.Decrypter:
			plaintext, err = h.DecryptOAEP(oaepHash, raw, label)
		case keytype.Opener:
			plaintext, err = h.OpenHPKE(label, raw)
		default:
			err = E(CodeWrongKeyUsage, "a key of type %s does not decrypt", k.typ.Name)
		}
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
// number. Versions that cannot have made it by their state are passed over. One
// that is suspended, or whose destruction is set, may have: when no other has,
// that is the answer.
func (o *opened) newestThat(k *key, op operation, need keytype.Use, st *Statement, fn func(keytype.Key) error) (uint32, error) {
	k.mu.RLock()
	newest := uint32(len(k.rec.versions))
	k.mu.RUnlock()
	var miss, gone, closed error
	var closedAt uint32
	for n := newest; n > 0; n-- {
		h, _, err := o.reach(k, n, op, need, st)
		switch codeOf(err) {
		case "":
		case CodeKeyDestroyed, CodeNotYetValid, CodeExpired:
			if gone == nil || errors.Is(gone, ErrKeyDestroyed) {
				gone = err
			}
			continue
		case CodeSuspended, CodePendingDestruction:
			if closed == nil {
				closed, closedAt = err, n
			}
			continue
		default:
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
	switch {
	case closed != nil:
		o.reportAttempt(k, closedAt, need, closed)
		return 0, closed
	case miss == nil:
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
