package exchange

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/vaultd/vaultd/crypto/keyenc"
)

// MaxMessage is the longest message that is read, in bytes of text.
const MaxMessage = 16 << 10

// A message before its text form:
//
//	"VXC"  version (1)  kind (1)
//	length of the body (2)  body: fields of tag (1), length (2), value
//	length of the signature (2)  signature
//	MAC (32), in accept and confirm only
//
// Numbers are big-endian. Fields come in ascending order of their tags, each
// once. Tags up to 0x7f must be known to the reader; others are passed over,
// though signed like the rest.
const (
	magic      = "VXC"
	version    = 1
	headSize   = len(magic) + 2
	macSize    = 32
	ignorable  = 0x80
	lengthSize = 2
)

// Kind is the step that a message is for.
type Kind byte

// The kinds. KindCompat is that of the compatibility protocol, whose messages
// have an encoding of their own.
const (
	KindOffer   Kind = 1
	KindAccept  Kind = 2
	KindConfirm Kind = 3
	KindCompat  Kind = 255
)

// String is the kind as the documents call it.
func (k Kind) String() string {
	switch k {
	case KindOffer:
		return "offer"
	case KindAccept:
		return "accept"
	case KindConfirm:
		return "confirm"
	case KindCompat:
		return "compat"
	}
	return fmt.Sprintf("kind %d", byte(k))
}

// labels are the PEM labels of the kinds.
var labels = map[Kind]string{
	KindOffer:   "VAULTD EXCHANGE OFFER",
	KindAccept:  "VAULTD EXCHANGE ACCEPT",
	KindConfirm: "VAULTD EXCHANGE CONFIRM",
}

// tag numbers a field.
type tag byte

// The fields. docs/PROTOCOL.md describes them.
const (
	tagID             tag = 0x01
	tagGroup          tag = 0x02
	tagName           tag = 0x03
	tagSPKI           tag = 0x04
	tagRecipient      tag = 0x05
	tagPurpose        tag = 0x06
	tagSessionType    tag = 0x07
	tagLifetime       tag = 0x08
	tagCreated        tag = 0x09
	tagExpires        tag = 0x0a
	tagNonce          tag = 0x0b
	tagEphemeral      tag = 0x0c
	tagOfferHash      tag = 0x0d
	tagAcceptHash     tag = 0x0e
	tagSessionExpires tag = 0x0f

	// Fields of stored state only.
	tagPeerFingerprint tag = 0x10
	tagPeerName        tag = 0x11
	tagOffer           tag = 0x12
	tagAccept          tag = 0x13
	tagSecret          tag = 0x14
	tagConfirmKey      tag = 0x15

	tagCount = 0x16
)

// rule is a field that must be there, with the bounds of its length.
type rule struct {
	tag      tag
	min, max int
}

var (
	ruleID        = rule{tagID, 16, 16}
	ruleName      = rule{tagName, 1, maxText}
	ruleSPKI      = rule{tagSPKI, 1, maxSPKI}
	ruleCreated   = rule{tagCreated, 8, 8}
	ruleNonce     = rule{tagNonce, 32, 32}
	ruleEphemeral = rule{tagEphemeral, 1, maxSPKI}
)

// schemas say what each kind of message holds: all of it, in this order.
var schemas = map[Kind][]rule{
	KindOffer: {
		ruleID,
		{tagGroup, 1, maxText},
		ruleName, ruleSPKI,
		{tagRecipient, 32, 32},
		{tagPurpose, 0, maxText},
		{tagSessionType, 1, maxText},
		{tagLifetime, 8, 8},
		ruleCreated,
		{tagExpires, 8, 8},
		ruleNonce, ruleEphemeral,
	},
	KindAccept: {
		ruleID, ruleName, ruleSPKI, ruleCreated, ruleNonce, ruleEphemeral, {tagOfferHash, 32, 32}, {tagSessionExpires, 8, 8},
	},
	KindConfirm: {
		ruleID, ruleCreated, {tagAcceptHash, 32, 32},
	},
}

// fields are the values of one message or state, by tag.
type fields [tagCount][]byte

// append writes the fields of a schema to b.
func (f *fields) append(b []byte, schema []rule) []byte {
	for _, r := range schema {
		b = append(b, byte(r.tag))
		b = appendBlock(b, f[r.tag])
	}
	return b
}

// parseFields reads b, which must hold the fields of the schema and may hold
// ignorable ones. The values are parts of b.
func parseFields(b []byte, schema []rule) (*fields, error) {
	f := new(fields)
	last := -1
	for len(b) > 0 {
		t := b[0]
		value, rest, ok := cutBlock(b[1:])
		if !ok || int(t) <= last {
			return nil, fmt.Errorf("%w: field %#02x is cut or out of order", ErrFormat, t)
		}
		last, b = int(t), rest
		if t >= ignorable {
			continue
		}
		if len(schema) > 0 && byte(schema[0].tag) < t {
			return nil, fmt.Errorf("%w: field %#02x is missing", ErrFormat, byte(schema[0].tag))
		}
		if len(schema) == 0 || byte(schema[0].tag) != t {
			return nil, fmt.Errorf("field %#02x: %w", t, ErrUnknownField)
		}
		if r := schema[0]; len(value) < r.min || len(value) > r.max {
			return nil, fmt.Errorf("%w: field %#02x has %d bytes", ErrFormat, t, len(value))
		}
		f[t], schema = value, schema[1:]
	}
	if len(schema) > 0 {
		return nil, fmt.Errorf("%w: field %#02x is missing", ErrFormat, byte(schema[0].tag))
	}
	return f, nil
}

// message is one message of the default protocol.
type message struct {
	kind Kind
	*fields
	signed    []byte // head and body: what signature and MAC cover
	signature []byte
	mac       []byte
	whole     []byte
}

// newMessage encodes what is to be signed.
func newMessage(kind Kind, f *fields) *message {
	head := append([]byte(magic), version, byte(kind))
	return &message{kind: kind, fields: f, signed: appendBlock(head, f.append(nil, schemas[kind]))}
}

// seal adds signature and MAC and returns the text.
func (m *message) seal(signature, mac []byte) []byte {
	m.signature, m.mac = signature, mac
	m.whole = append(appendBlock(bytes.Clone(m.signed), signature), mac...)
	return keyenc.EncodePEM(labels[m.kind], m.whole)
}

// parseText reads the text form of a message of the given kind.
func parseText(text []byte, want Kind) (*message, error) {
	m, err := parseAnyText(text)
	if err != nil {
		return nil, err
	}
	if m.kind != want {
		return nil, fmt.Errorf("%w: got %v, want %v", ErrKind, m.kind, want)
	}
	return m, nil
}

func parseAnyText(text []byte) (*message, error) {
	if len(text) > MaxMessage {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrFormat, MaxMessage)
	}
	label, whole, err := keyenc.DecodePEM(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	m, err := parseMessage(whole)
	if err != nil {
		return nil, err
	}
	if label != labels[m.kind] {
		return nil, fmt.Errorf("%w: label %q on a message of kind %v", ErrFormat, label, m.kind)
	}
	return m, nil
}

// parseMessage reads the binary form.
func parseMessage(whole []byte) (*message, error) {
	if len(whole) < headSize || string(whole[:len(magic)]) != magic {
		return nil, fmt.Errorf("%w: no exchange message", ErrFormat)
	}
	if v := whole[len(magic)]; v != version {
		return nil, fmt.Errorf("%w: %d", ErrVersion, v)
	}
	m := &message{kind: Kind(whole[headSize-1]), whole: whole}
	schema, known := schemas[m.kind]
	if !known {
		return nil, fmt.Errorf("%w: %v", ErrFormat, m.kind)
	}
	body, rest, ok := cutBlock(whole[headSize:])
	if !ok {
		return nil, fmt.Errorf("%w: body is cut", ErrFormat)
	}
	m.signed = whole[:headSize+lengthSize+len(body)]
	if m.signature, rest, ok = cutBlock(rest); !ok || len(m.signature) == 0 || len(m.signature) > maxSignature {
		return nil, fmt.Errorf("%w: signature is cut or too long", ErrFormat)
	}
	if m.kind != KindOffer {
		m.mac = rest
	}
	if m.kind == KindOffer && len(rest) != 0 || m.kind != KindOffer && len(rest) != macSize {
		return nil, fmt.Errorf("%w: wrong length after the signature", ErrFormat)
	}
	var err error
	if m.fields, err = parseFields(body, schema); err != nil {
		return nil, err
	}
	return m, m.checkValues()
}

// checkValues checks texts and numbers, which are right by length already.
func (m *message) checkValues() error {
	for _, t := range []tag{tagName, tagPurpose, tagSessionType, tagGroup} {
		if !validText(string(m.fields[t])) {
			return fmt.Errorf("%w: field %#02x is no text", ErrFormat, byte(t))
		}
	}
	for t, limit := range map[tag]uint64{
		tagCreated: maxTime, tagExpires: maxTime, tagSessionExpires: maxTime, tagLifetime: uint64(MaxLifetime / time.Second),
	} {
		if v := m.fields[t]; v != nil && binary.BigEndian.Uint64(v) > limit {
			return fmt.Errorf("%w: field %#02x is out of range", ErrFormat, byte(t))
		}
	}
	return nil
}

// appendBlock appends the length of v in two bytes, and v. Everything that is
// written is far shorter than 64 KiB: its parts are bounded.
func appendBlock(b, v []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(v)))
	return append(b, v...)
}

// cutBlock takes apart what appendBlock writes.
func cutBlock(b []byte) (v, rest []byte, ok bool) {
	if len(b) < lengthSize {
		return nil, nil, false
	}
	n := int(binary.BigEndian.Uint16(b))
	if b = b[lengthSize:]; len(b) < n {
		return nil, nil, false
	}
	return b[:n:n], b[n:], true
}
