package exchange

import (
	"bytes"
	"fmt"
	"io"
	"time"
)

// OfferOptions are the initiator's choices.
type OfferOptions struct {
	Self  Identity
	Sign  Signer
	Peer  Peer
	Terms Terms
	// Validity is how long the whole exchange may take, up to MaxValidity;
	// zero is DefaultValidity.
	Validity time.Duration
	Now      time.Time
	Random   io.Reader
}

// Offer starts an exchange. It returns the text for the peer and the state to
// keep until the answer comes, which holds the ephemeral private key. It
// returns ErrOptions, ErrGroup or ErrSigningKey for options that can't be
// used, and ErrReflected when the peer's key is one's own.
func Offer(o OfferOptions) (text []byte, p *Pending, err error) {
	if o.Validity == 0 {
		o.Validity = DefaultValidity
	}
	if err := checkParty(o.Self, o.Peer, o.Now); err != nil {
		return nil, nil, err
	}
	if err := o.Terms.check(); err != nil {
		return nil, nil, err
	}
	if o.Validity < time.Second || o.Validity > MaxValidity {
		return nil, nil, fmt.Errorf("%w: validity %v", ErrOptions, o.Validity)
	}
	var random [16 + 32]byte
	if _, err := io.ReadFull(o.Random, random[:]); err != nil {
		return nil, nil, fmt.Errorf("read randomness: %w", err)
	}
	secret, public, err := newEphemeral(o.Terms.Group, o.Random)
	if err != nil {
		return nil, nil, err
	}
	f := &fields{
		tagID:          random[:16],
		tagGroup:       []byte(o.Terms.Group),
		tagName:        []byte(o.Self.Name),
		tagSPKI:        bytes.Clone(o.Self.SPKI),
		tagRecipient:   bytes.Clone(o.Peer.Fingerprint[:]),
		tagPurpose:     []byte(o.Terms.Purpose),
		tagSessionType: []byte(o.Terms.SessionType),
		tagLifetime:    u64(int64(o.Terms.Lifetime / time.Second)),
		tagCreated:     u64(o.Now.Unix()),
		tagExpires:     u64(o.Now.Add(o.Validity).Unix()),
		tagNonce:       random[16:],
		tagEphemeral:   public,
	}
	m := newMessage(KindOffer, f)
	signature, err := signWith(o.Sign, o.Self.SPKI, toSign(labelOffer, offerTranscript(m)))
	if err != nil {
		clear(secret)
		return nil, nil, err
	}
	text = m.seal(signature, nil)
	return text, &Pending{role: RoleInitiator, peer: o.Peer, offer: m, secret: secret}, nil
}

// checkParty checks what both sides give about themselves and the peer.
func checkParty(self Identity, peer Peer, now time.Time) error {
	if err := self.check(); err != nil {
		return err
	}
	if peer.Fingerprint == ([32]byte{}) || !validText(peer.Name) {
		return fmt.Errorf("%w: the peer's fingerprint is missing or its name is no text", ErrOptions)
	}
	if peer.Fingerprint == self.Fingerprint() {
		return fmt.Errorf("%w: the peer's signing key is one's own", ErrReflected)
	}
	return checkNow(now)
}

// newEphemeral makes a key of the group: the private encoding, which the
// caller wipes, and the SubjectPublicKeyInfo.
func newEphemeral(group string, random io.Reader) (private, public []byte, err error) {
	t, err := agreementType(group)
	if err != nil {
		return nil, nil, err
	}
	private, err = t.Generate(random)
	if err != nil {
		return nil, nil, err
	}
	k, err := t.Parse(private)
	if err != nil {
		clear(private)
		return nil, nil, err
	}
	defer k.Wipe()
	return private, k.Public(), nil
}
