package exchange

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"time"
)

// Session is the result of an exchange.
type Session struct {
	Key       []byte    // 32 bytes, which the caller wipes
	Type      string    // key type that both sides agreed on
	Expires   time.Time // the same on both sides; zero is never
	Purpose   string
	Group     string
	Peer      Identity // verified
	ID        [16]byte
	Initiator bool
}

// Wipe overwrites the key.
func (s *Session) Wipe() { clear(s.Key) }

// Confirm takes the accept and ends the exchange for the initiator. It returns
// the text for the responder, who has no session key without it, and the
// session. After an error the exchange stays open, so that a forged answer
// can't end it; after success p is wiped.
func (p *Pending) Confirm(text []byte, now time.Time, sign Signer) (reply []byte, s *Session, err error) {
	if err := p.ready(RoleInitiator, now); err != nil {
		return nil, nil, err
	}
	accept, err := parseText(text, KindAccept)
	if err != nil {
		return nil, nil, err
	}
	if err := p.checkAccept(accept, now); err != nil {
		return nil, nil, err
	}
	shared, err := agree(p.Terms().Group, p.secret, accept.fields[tagEphemeral])
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrPeerKey, err)
	}
	k, err := deriveKeys(shared, p.offer, accept)
	if err != nil {
		return nil, nil, err
	}
	defer k.wipe()
	if !hmac.Equal(accept.mac, confirmation(k.responder, acceptTranscript(p.offer, accept), accept.signature)) {
		return nil, nil, fmt.Errorf("key confirmation: %w", ErrTampered)
	}
	acceptHash := sha256.Sum256(accept.whole)
	confirm := newMessage(KindConfirm, &fields{
		tagID:         p.offer.fields[tagID],
		tagCreated:    u64(now.Unix()),
		tagAcceptHash: acceptHash[:],
	})
	transcript := confirmTranscript(p.offer, accept, confirm)
	signature, err := signWith(sign, p.offer.fields[tagSPKI], toSign(labelConfirm, transcript))
	if err != nil {
		return nil, nil, err
	}
	reply = confirm.seal(signature, confirmation(k.initiator, transcript, signature))
	s = p.session(accept, bytes.Clone(k.session), accept.identity())
	p.Wipe()
	return reply, s, nil
}

// checkAccept decides whether an accept is the peer's answer to our offer.
func (p *Pending) checkAccept(accept *message, now time.Time) error {
	if accept.id() != p.ID() {
		return ErrWrongExchange
	}
	if err := checkSender(accept, p.Self().Fingerprint(), p.peer); err != nil {
		return err
	}
	if err := verify(accept.fields[tagSPKI], toSign(labelAccept, acceptTranscript(p.offer, accept)), accept.signature); err != nil {
		return p.explain(accept, err)
	}
	if bytes.Equal(accept.fields[tagEphemeral], p.offer.fields[tagEphemeral]) ||
		bytes.Equal(accept.fields[tagNonce], p.offer.fields[tagNonce]) {
		return fmt.Errorf("%w: own ephemeral values", ErrReflected)
	}
	offerHash := sha256.Sum256(p.offer.whole)
	if !bytes.Equal(accept.fields[tagOfferHash], offerHash[:]) {
		return ErrTampered
	}
	created, expires := accept.time(tagCreated), accept.time(tagSessionExpires)
	if err := notFromTheFuture(created, now); err != nil {
		return err
	}
	if limit := p.Terms().Lifetime; limit != 0 && (expires.IsZero() || expires.After(created.Add(limit))) {
		return fmt.Errorf("%w: the session key would live longer than offered", ErrFormat)
	}
	return sessionAlive(accept, now)
}

// explain tells an answer to a changed copy of our offer, which carries a good
// signature over what its sender saw, from a changed answer.
func (p *Pending) explain(accept *message, err error) error {
	if offerHash := sha256.Sum256(p.offer.whole); !bytes.Equal(accept.fields[tagOfferHash], offerHash[:]) {
		return fmt.Errorf("%w: the answer is to another offer than ours", ErrTampered)
	}
	return err
}

// Finish takes the confirmation and ends the exchange for the responder. After
// an error the exchange stays open; after success p is wiped.
func (p *Pending) Finish(text []byte, now time.Time) (*Session, error) {
	if err := p.ready(RoleResponder, now); err != nil {
		return nil, err
	}
	confirm, err := parseText(text, KindConfirm)
	if err != nil {
		return nil, err
	}
	if confirm.id() != p.ID() {
		return nil, ErrWrongExchange
	}
	acceptHash := sha256.Sum256(p.accept.whole)
	if !bytes.Equal(confirm.fields[tagAcceptHash], acceptHash[:]) {
		return nil, ErrTampered
	}
	transcript := confirmTranscript(p.offer, p.accept, confirm)
	if err := verify(p.offer.fields[tagSPKI], toSign(labelConfirm, transcript), confirm.signature); err != nil {
		return nil, err
	}
	if !hmac.Equal(confirm.mac, confirmation(p.confirmKey, transcript, confirm.signature)) {
		return nil, fmt.Errorf("key confirmation: %w", ErrTampered)
	}
	if err := notFromTheFuture(confirm.time(tagCreated), now); err != nil {
		return nil, err
	}
	if err := sessionAlive(p.accept, now); err != nil {
		return nil, err
	}
	s := p.session(p.accept, bytes.Clone(p.secret), p.offer.identity())
	p.Wipe()
	return s, nil
}

// ready checks that p may take the next message.
func (p *Pending) ready(role Role, now time.Time) error {
	if p.role != role {
		return fmt.Errorf("%w: this side is the %v", ErrKind, p.role)
	}
	if p.secret == nil {
		return ErrFinished
	}
	if err := checkNow(now); err != nil {
		return err
	}
	if expires := p.Expires(); !now.Before(expires) {
		return fmt.Errorf("%w: it was open until %v", ErrExpired, expires)
	}
	return nil
}

// sessionAlive refuses a session key that would be stored expired.
func sessionAlive(accept *message, now time.Time) error {
	if expires := accept.time(tagSessionExpires); !expires.IsZero() && !now.Before(expires) {
		return fmt.Errorf("%w: its session key would have lived until %v", ErrExpired, expires)
	}
	return nil
}

func (p *Pending) session(accept *message, key []byte, peer Identity) *Session {
	terms := p.Terms()
	return &Session{
		Key:       key,
		Type:      terms.SessionType,
		Expires:   accept.time(tagSessionExpires),
		Purpose:   terms.Purpose,
		Group:     terms.Group,
		Peer:      Identity{Name: peer.Name, SPKI: bytes.Clone(peer.SPKI)},
		ID:        p.ID(),
		Initiator: p.role == RoleInitiator,
	}
}
