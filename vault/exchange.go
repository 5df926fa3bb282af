package vault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/vaultd/vaultd/crypto/exchange"
	"github.com/vaultd/vaultd/crypto/keytype"
	"github.com/vaultd/vaultd/internal/secret"
	"github.com/vaultd/vaultd/vault/store"
)

// ExchangeTerms are one side's part of an exchange: who signs, who the peer
// must be, and what becomes of the result.
type ExchangeTerms struct {
	SigningKey  Name          // RSA, ECDSA or Ed25519, of the same owner as the session key
	SessionKey  Name          // what the result is stored as; must be free
	SessionType string        // empty is fernet
	SessionTTL  time.Duration // zero is the type's default
	Purpose     string        // both sides must name the same; compat: info of HKDF
	// Who the peer is: its signing key, or that key's fingerprint. A compat
	// exchange needs the key itself in every step but the offer.
	PeerPublicKey   []byte // SubjectPublicKeyInfo, PEM or DER
	PeerFingerprint string
	Compat          bool // the messages of the original system
}

// OfferExchange asks for the first message of an exchange.
type OfferExchange struct {
	ExchangeTerms
	Group string // "x25519" (the default), "p256", "p384" or "ffdh-2048"
}

// AcceptExchange asks for the answer to an offer.
type AcceptExchange struct {
	ExchangeTerms
	Message []byte
}

// ExchangeMessage is a message for the peer.
type ExchangeMessage struct {
	Message []byte
	ID      string
	Expires time.Time // when the answer comes too late
	Session *KeyInfo  // compat answers only: the result, stored already
	Signer  uint32    // version of the signing key that signed it
}

// party is ExchangeTerms after everything in them was checked.
type party struct {
	ExchangeTerms
	typ    *keytype.Type
	peer   [32]byte
	spki   []byte // of the peer; nil when only its fingerprint is known
	signer *key
}

// OfferExchange starts an exchange and returns the message for the peer. What
// is needed for the answer is kept, sealed, until it expires. A compat offer
// replaces an earlier one of the same owner to the same peer, since compat
// answers do not say which they are to.
func (v *Vault) OfferExchange(ctx context.Context, c OfferExchange) (ExchangeMessage, error) {
	o, err := v.enter()
	if err != nil {
		return ExchangeMessage{}, err
	}
	defer v.mu.RUnlock()
	p, err := o.party(c.ExchangeTerms)
	if err != nil {
		return ExchangeMessage{}, err
	}
	o.exchanges.mu.Lock()
	defer o.exchanges.mu.Unlock()
	if c.Compat {
		return o.offerCompat(ctx, p, c.Group)
	}
	if c.Group == "" {
		c.Group = "x25519"
	}
	if typ, ok := keytype.Lookup(c.Group); !ok || typ.Uses&keytype.UseAgree == 0 {
		return ExchangeMessage{}, E(CodeBadArgument, "%q is no group to exchange keys in", clip(c.Group)).
			WithHint("one of: x25519, p256, p384, ffdh-2048")
	}
	var text []byte
	var pending *exchange.Pending
	version, err := o.signing(p, func(self exchange.Identity, sign exchange.Signer) (err error) {
		text, pending, err = exchange.Offer(exchange.OfferOptions{
			Self: self, Sign: sign, Peer: exchange.Peer{Fingerprint: p.peer},
			Terms: exchange.Terms{Group: c.Group, Purpose: p.Purpose, SessionType: p.typ.Name, Lifetime: p.SessionTTL},
			Now:   o.clock.now(), Random: o.random,
		})
		return err
	})
	if err != nil {
		return ExchangeMessage{}, err
	}
	defer pending.Wipe()
	return o.keepPending(ctx, p, version, exchangeID{pending.ID(), initiator}, pending, text)
}

// AcceptExchange answers an offer and returns the message for the peer, who
// has to confirm it: only FinishExchange gives the key. In a compat exchange
// there is no confirmation, and the key is stored at once.
func (v *Vault) AcceptExchange(ctx context.Context, c AcceptExchange) (ExchangeMessage, error) {
	o, err := v.enter()
	if err != nil {
		return ExchangeMessage{}, err
	}
	defer v.mu.RUnlock()
	p, err := o.party(c.ExchangeTerms)
	if err != nil {
		return ExchangeMessage{}, err
	}
	o.exchanges.mu.Lock()
	defer o.exchanges.mu.Unlock()
	if c.Compat {
		return o.acceptCompat(ctx, p, c.Message)
	}
	var text []byte
	var pending *exchange.Pending
	version, err := o.signing(p, func(self exchange.Identity, sign exchange.Signer) (err error) {
		text, pending, err = exchange.Accept(c.Message, exchange.AcceptOptions{
			Self: self, Sign: sign, Peer: exchange.Peer{Fingerprint: p.peer},
			Purpose: p.Purpose, SessionType: p.typ.Name, Lifetime: p.SessionTTL,
			Seen: func(id [16]byte) bool {
				_, seen := o.exchanges.all[exchangeID{id, responder}]
				return seen
			},
			Now: o.clock.now(), Random: o.random,
		})
		return err
	})
	if err != nil {
		return ExchangeMessage{}, err
	}
	defer pending.Wipe()
	return o.keepPending(ctx, p, version, exchangeID{pending.ID(), responder}, pending, text)
}

// party checks everything that both sides say about themselves.
func (o *opened) party(t ExchangeTerms) (*party, error) {
	p := &party{ExchangeTerms: t}
	switch {
	case t.SigningKey.IsZero() || t.SessionKey.IsZero():
		return nil, E(CodeBadArgument, "an exchange names a signing key and a session key")
	case len(t.Purpose) > 255 || !printable(t.Purpose):
		return nil, E(CodeBadArgument, "a purpose has up to 255 bytes of printable UTF-8")
	case t.SigningKey.owner != t.SessionKey.owner:
		return nil, E(CodeBadArgument, "the signing key and the session key are of one owner")
	}
	if t.SessionType == "" {
		p.SessionType = "fernet"
	}
	var err error
	if p.typ, err = typeNamed(p.SessionType); err != nil {
		return nil, err
	}
	if p.typ.Asymmetric() {
		return nil, E(CodeBadArgument, "the result of an exchange is a symmetric key, not %s", p.typ.Name)
	}
	if p.typ.ID == keytype.IDAES256SIV {
		return nil, E(CodeBadArgument, "an exchange gives 32 bytes, and a key of type %s has 64", p.typ.Name)
	}
	if p.SessionTTL == 0 {
		p.SessionTTL = p.typ.DefaultTTL
	}
	if p.SessionTTL < 0 || p.SessionTTL > MaxTTL || p.SessionTTL%time.Second != 0 {
		return nil, E(CodeBadArgument, "a session key lives for a number of seconds, up to 100 years")
	}
	if err := p.identifyPeer(); err != nil {
		return nil, err
	}
	if o.discredited(p.peer) {
		return nil, E(CodeRevoked, "the peer's signing key is revoked")
	}
	if err := o.mayCreate(t.SessionKey); err != nil {
		return nil, err
	}
	p.signer, err = o.ring.lookup(t.SigningKey)
	return p, err
}

// identifyPeer settles whose signature counts.
func (p *party) identifyPeer() error {
	if len(p.PeerPublicKey) > 0 {
		var err error
		if p.spki, err = publicKeyDER(p.PeerPublicKey); err != nil {
			return err
		}
		p.peer = spkiFingerprint(p.spki)
	}
	if p.PeerFingerprint != "" {
		f, err := keytype.ParseFingerprint(p.PeerFingerprint)
		if err != nil {
			return E(CodeBadArgument, "%q is no fingerprint", clip(p.PeerFingerprint))
		}
		if p.spki != nil && f != p.peer {
			return E(CodeBadArgument, "the peer's public key has another fingerprint than the one given")
		}
		p.peer = f
	}
	if p.peer == [32]byte{} {
		return E(CodeBadArgument, "an exchange needs the peer's signing key or its fingerprint").
			WithHint("compare the fingerprint with the peer by another way than the messages")
	}
	return nil
}

// discredited reports whether a signing key is known here as revoked.
func (o *opened) discredited(fingerprint [32]byte) bool {
	for _, r := range o.ring.revocations("") {
		if r.inForce && slices.Contains(r.Fingerprints, fingerprint) {
			return true
		}
	}
	return false
}

// signing runs fn with our identity and a signer under the newest version of
// the signing key, whose number it returns.
func (o *opened) signing(p *party, fn func(exchange.Identity, exchange.Signer) error) (uint32, error) {
	return o.signingWith(p.signer, 0, fn)
}

// signingWith is signing with a given version of a key.
func (o *opened) signingWith(k *key, version uint32, fn func(exchange.Identity, exchange.Signer) error) (uint32, error) {
	h, number, err := o.acquire(k, version, opProtect, keytype.UseSign)
	if err != nil {
		return 0, err
	}
	defer k.mu.RUnlock()
	s, ok := h.(keytype.Signer)
	if !ok {
		return 0, E(CodeWrongKeyUsage, "a key of type %s does not sign", k.typ.Name)
	}
	err = fn(exchange.Identity{Name: k.name.String(), SPKI: h.Public()}, func(message []byte) ([]byte, error) {
		return s.Sign(o.random, message, keytype.SignOptions{})
	})
	return number, exchangeError(err)
}

// marshaler is the state of either protocol.
type marshaler interface{ Marshal() ([]byte, error) }

// keepPending stores what the peer's next message needs. The caller holds o.exchanges.mu.
func (o *opened) keepPending(ctx context.Context, p *party, version uint32, id exchangeID, state marshaler, text []byte, replaces ...exchangeID) (ExchangeMessage, error) {
	owner := p.SessionKey.owner
	if o.exchanges.pendingOf(owner)-len(replaces) >= maxExchanges {
		return ExchangeMessage{}, E(CodeQuotaExceeded, "owner %s has %d exchanges under way", owner, maxExchanges)
	}
	blob, err := state.Marshal()
	if err != nil {
		return ExchangeMessage{}, fmt.Errorf("keep an exchange: %w", err)
	}
	defer secret.Wipe(blob)
	now := o.clock.stamp()
	rec := &exchangeRecord{
		state: exchangePending, compat: p.Compat, owner: owner, created: now, expires: now.Add(exchange.DefaultValidity),
		signer: p.SigningKey, version: version, session: p.SessionKey, typ: p.typ.ID, ttl: p.SessionTTL, peer: p.peer, pending: blob,
	}
	if p.Compat {
		rec.info = p.Purpose
	}
	if s, ok := state.(*exchange.Pending); ok {
		rec.expires = s.Expires()
	}
	body := rec.append(nil)
	defer secret.Wipe(body)
	gone := append(o.exchanges.stale(now), replaces...)
	err = o.commit(ctx, store.Batch{Puts: []store.Put{{ID: id.recordID(), Body: body}}, Deletes: recordIDs(gone)})
	if errors.Is(err, store.ErrConflict) {
		return ExchangeMessage{}, ErrReplayed
	}
	if err != nil {
		return ExchangeMessage{}, storeError(err)
	}
	o.exchanges.drop(gone)
	o.exchanges.all[id] = rec.entry()
	return ExchangeMessage{Message: text, ID: id.String(), Expires: rec.expires, Signer: version}, nil
}

// drop takes what is gone from the store out of the index. The caller holds x.mu.
func (x *exchanges) drop(gone []exchangeID) {
	for _, id := range gone {
		delete(x.all, id)
	}
}
