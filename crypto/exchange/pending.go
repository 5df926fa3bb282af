package exchange

import (
	"bytes"
	"fmt"
	"time"
)

// Role is which side of an exchange one is.
type Role byte

// The roles.
const (
	RoleInitiator Role = 1
	RoleResponder Role = 2
)

// String is "initiator" or "responder".
func (r Role) String() string {
	if r == RoleInitiator {
		return "initiator"
	}
	return "responder"
}

// Pending is an exchange that waits for its next message. It holds secrets:
// the initiator's ephemeral private key, or the responder's session key. It
// is not safe for concurrent use.
type Pending struct {
	role       Role
	peer       Peer
	offer      *message
	accept     *message // of the responder
	secret     []byte   // ephemeral private key, or session key; nil once wiped
	confirmKey []byte   // of the responder: checks the initiator's MAC
}

// ID names the exchange, on both sides.
func (p *Pending) ID() [16]byte { return p.offer.id() }

// Role is the side that one has in it.
func (p *Pending) Role() Role { return p.role }

// Expires is when the next message comes too late.
func (p *Pending) Expires() time.Time { return p.offer.time(tagExpires) }

// Terms are those of the offer.
func (p *Pending) Terms() Terms { return p.offer.terms() }

// Peer is who the exchange is with.
func (p *Pending) Peer() Peer { return p.peer }

// Self is one's own identity in it.
func (p *Pending) Self() Identity {
	m := p.offer
	if p.role == RoleResponder {
		m = p.accept
	}
	i := m.identity()
	i.SPKI = bytes.Clone(i.SPKI)
	return i
}

// Wipe overwrites the secrets and ends the exchange.
func (p *Pending) Wipe() {
	clear(p.secret)
	clear(p.confirmKey)
	p.secret, p.confirmKey = nil, nil
}

const pendingMagic = "VXP"

// maxSecret is the longest private key in its canonical encoding.
const maxSecret = 1024

// maxBinary bounds a message in stored state: what MaxMessage of text can hold.
const maxBinary = MaxMessage / 4 * 3

var pendingSchemas = map[Role][]rule{
	RoleInitiator: {
		{tagPeerFingerprint, 32, 32}, {tagPeerName, 0, maxText}, {tagOffer, 1, maxBinary}, {tagSecret, 1, maxSecret},
	},
	RoleResponder: {
		{tagPeerFingerprint, 32, 32},
		{tagPeerName, 0, maxText},
		{tagOffer, 1, maxBinary},
		{tagAccept, 1, maxBinary},
		{tagSecret, SessionKeySize, SessionKeySize},
		{tagConfirmKey, 32, 32},
	},
}

// Marshal encodes the state, secrets included: seal it before it is stored, and
// wipe it. It returns ErrFinished once there is nothing left to keep.
func (p *Pending) Marshal() ([]byte, error) {
	if p.secret == nil {
		return nil, ErrFinished
	}
	f := &fields{
		tagPeerFingerprint: p.peer.Fingerprint[:],
		tagPeerName:        []byte(p.peer.Name),
		tagOffer:           p.offer.whole,
		tagSecret:          p.secret,
		tagConfirmKey:      p.confirmKey,
	}
	if p.accept != nil {
		f[tagAccept] = p.accept.whole
	}
	// Enough room at once, so that growing leaves no copy of the secrets.
	b := make([]byte, 0, 2*MaxMessage)
	b = append(b, pendingMagic...)
	b = append(b, version, byte(p.role))
	return f.append(b, pendingSchemas[p.role]), nil
}

// UnmarshalPending reads what Marshal wrote and copies it. Everything else is
// ErrState. It does not authenticate: that is what sealing is for.
func UnmarshalPending(b []byte) (*Pending, error) {
	if len(b) > 2*MaxMessage || len(b) < headSize || string(b[:len(pendingMagic)]) != pendingMagic || b[len(pendingMagic)] != version {
		return nil, ErrState
	}
	role := Role(b[headSize-1])
	schema, known := pendingSchemas[role]
	if !known {
		return nil, ErrState
	}
	f, err := parseFields(bytes.Clone(b[headSize:]), schema)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrState, err)
	}
	p := &Pending{
		role: role,
		peer: Peer{Fingerprint: [32]byte(f[tagPeerFingerprint]), Name: string(f[tagPeerName])},
		// Copies of their own: what parsed them stays as it is until it is collected.
		secret: bytes.Clone(f[tagSecret]), confirmKey: bytes.Clone(f[tagConfirmKey]),
	}
	clear(f[tagSecret])
	clear(f[tagConfirmKey])
	if p.offer, err = parseStored(f[tagOffer], KindOffer); err != nil {
		return nil, err
	}
	if role == RoleResponder {
		if p.accept, err = parseStored(f[tagAccept], KindAccept); err != nil {
			return nil, err
		}
		if p.accept.id() != p.offer.id() {
			return nil, ErrState
		}
	}
	return p, nil
}

func parseStored(b []byte, kind Kind) (*message, error) {
	m, err := parseMessage(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrState, err)
	}
	if m.kind != kind {
		return nil, ErrState
	}
	return m, nil
}
