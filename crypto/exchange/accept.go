package exchange

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"time"
)

// AcceptOptions are the responder's choices, which an offer must meet.
type AcceptOptions struct {
	Self Identity
	Sign Signer
	Peer Peer
	// Groups that are accepted; none given accepts every agreement type.
	Groups      []string
	Purpose     string
	SessionType string
	// Lifetime is the longest that the session key may live here, in whole
	// seconds; zero is no limit. The offer's counts if it is shorter.
	Lifetime time.Duration
	// Seen reports whether an exchange of this id was accepted before. The
	// caller remembers ids until the expiry of their offers. Nil remembers
	// nothing: a replayed offer is then answered again, with new keys, which is
	// harmless but untidy.
	Seen   func(id [16]byte) bool
	Now    time.Time
	Random io.Reader
}

// Accept answers an offer. It returns the text for the initiator and the state
// to keep until the confirmation comes. The state holds the session key, but
// Accept doesn't give it out: nobody has shown yet to know the other half.
func Accept(text []byte, o AcceptOptions) (reply []byte, p *Pending, err error) {
	if err := checkParty(o.Self, o.Peer, o.Now); err != nil {
		return nil, nil, err
	}
	if err := checkLifetime(o.Lifetime); err != nil {
		return nil, nil, err
	}
	offer, err := parseText(text, KindOffer)
	if err != nil {
		return nil, nil, err
	}
	if err := o.checkOffer(offer); err != nil {
		return nil, nil, err
	}
	var nonce [32]byte
	if _, err := io.ReadFull(o.Random, nonce[:]); err != nil {
		return nil, nil, fmt.Errorf("read randomness: %w", err)
	}
	group := offer.terms().Group
	secret, public, err := newEphemeral(group, o.Random)
	if err != nil {
		return nil, nil, err
	}
	defer clear(secret)
	var sessionExpires int64
	if d := shorter(offer.terms().Lifetime, o.Lifetime); d != 0 {
		sessionExpires = o.Now.Add(d).Unix()
	}
	offerHash := sha256.Sum256(offer.whole)
	accept := newMessage(KindAccept, &fields{
		tagID:             offer.fields[tagID],
		tagName:           []byte(o.Self.Name),
		tagSPKI:           bytes.Clone(o.Self.SPKI),
		tagCreated:        u64(o.Now.Unix()),
		tagNonce:          nonce[:],
		tagEphemeral:      public,
		tagOfferHash:      offerHash[:],
		tagSessionExpires: u64(sessionExpires),
	})
	shared, err := agree(group, secret, offer.fields[tagEphemeral])
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrPeerKey, err)
	}
	k, err := deriveKeys(shared, offer, accept)
	if err != nil {
		return nil, nil, err
	}
	defer clear(k.responder)
	transcript := acceptTranscript(offer, accept)
	signature, err := signWith(o.Sign, o.Self.SPKI, toSign(labelAccept, transcript))
	if err != nil {
		k.wipe()
		return nil, nil, err
	}
	reply = accept.seal(signature, confirmation(k.responder, transcript, signature))
	return reply, &Pending{
		role: RoleResponder, peer: o.Peer, offer: offer, accept: accept, secret: k.session, confirmKey: k.initiator,
	}, nil
}

// checkOffer decides whether an offer is acceptable. Who sent it and whether
// it is authentic come before everything that it says.
func (o *AcceptOptions) checkOffer(offer *message) error {
	if err := checkSender(offer, o.Self.Fingerprint(), o.Peer); err != nil {
		return err
	}
	if self := o.Self.Fingerprint(); !bytes.Equal(offer.fields[tagRecipient], self[:]) {
		return ErrWrongRecipient
	}
	if err := verify(offer.fields[tagSPKI], toSign(labelOffer, offerTranscript(offer)), offer.signature); err != nil {
		return err
	}
	created, expires := offer.time(tagCreated), offer.time(tagExpires)
	if err := notFromTheFuture(created, o.Now); err != nil {
		return err
	}
	if !o.Now.Before(expires) {
		return fmt.Errorf("%w: it was open until %v", ErrExpired, expires)
	}
	if expires.Sub(created) > MaxValidity {
		return fmt.Errorf("%w: an exchange may take %v at most", ErrFormat, MaxValidity)
	}
	terms := offer.terms()
	switch {
	case terms.Purpose != o.Purpose:
		return fmt.Errorf("%w: offered %q, expected %q", ErrPurpose, terms.Purpose, o.Purpose)
	case terms.SessionType != o.SessionType:
		return fmt.Errorf("%w: offered %q, expected %q", ErrSessionType, terms.SessionType, o.SessionType)
	case len(o.Groups) > 0 && !slices.Contains(o.Groups, terms.Group):
		return fmt.Errorf("group %q: %w", terms.Group, ErrGroup)
	}
	if _, err := agreementType(terms.Group); err != nil {
		return err
	}
	if o.Seen != nil && o.Seen(offer.id()) {
		return ErrReplayed
	}
	return nil
}

// checkSender compares the identity in an offer or accept with the expected
// one. One's own key as the sender is a message that came back.
func checkSender(m *message, self [32]byte, peer Peer) error {
	sender := m.identity()
	switch sender.Fingerprint() {
	case self:
		return ErrReflected
	case peer.Fingerprint:
	default:
		return ErrWrongPeer
	}
	if peer.Name != "" && sender.Name != peer.Name {
		return fmt.Errorf("%w: it calls itself %q, expected %q", ErrWrongPeer, sender.Name, peer.Name)
	}
	return nil
}
