package shares

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"fmt"
	"slices"
)

// The written form is base32 (RFC 4648) of
//
//	version(1) threshold(1) index(1) set(6) value(32) checksum(4)
//
// in twelve groups of six. Its alphabet has neither 0 nor 1, 8 nor 9, which a
// hand takes for letters.
const (
	textVersion = 1
	checkLen    = 4
	payloadLen  = 3 + idLen + SecretLen
	letters     = (payloadLen + checkLen) * 8 / 5
	groupLen    = 6
	maxTextLen  = 4 * letters // with as much space between as anybody types
	checkLabel  = "vaultd/1/share/checksum"
	digestLabel = "vaultd/1/share/digest"
)

var (
	// ErrNotShare says that the text is no share at all.
	ErrNotShare = errors.New("not a share")
	// ErrTypo says that the text was a share before something in it was mistyped.
	ErrTypo = errors.New("the checksum of the share is wrong: something in it is mistyped")
	// ErrNewer says that a newer vaultd wrote the share.
	ErrNewer = errors.New("the share is from a newer vaultd")
)

// AppendText appends the written form. It is as secret as the share.
func (s *Share) AppendText(b []byte) []byte {
	raw := s.payload(make([]byte, 0, payloadLen+checkLen))
	raw = append(raw, checksum(raw)...)
	text := base32.StdEncoding.AppendEncode(make([]byte, 0, letters), raw)
	b = slices.Grow(b, letters+letters/groupLen) // at once, so that no copy is left behind
	for i := 0; i < len(text); i += groupLen {
		if i > 0 {
			b = append(b, '-')
		}
		b = append(b, text[i:i+groupLen]...)
	}
	clear(raw)
	clear(text)
	return b
}

// Parse reads the written form, in either case and with spaces, hyphens and
// line ends anywhere. It returns ErrNotShare, ErrTypo or ErrNewer.
func Parse(text []byte) (Share, error) {
	if len(text) > maxTextLen {
		return Share{}, fmt.Errorf("%w: it is too long", ErrNotShare)
	}
	packed := make([]byte, 0, len(text))
	defer func() { clear(packed) }()
	for _, c := range text {
		switch {
		case c == ' ' || c == '-' || c == '\t' || c == '\r' || c == '\n':
			continue
		case 'a' <= c && c <= 'z':
			c -= 'a' - 'A'
		case 'A' <= c && c <= 'Z' || '2' <= c && c <= '7':
		default: // the character itself stays out of the error: it may be part of another secret
			return Share{}, fmt.Errorf("%w: it has letters and the digits 2 to 7, and nothing else", ErrNotShare)
		}
		packed = append(packed, c)
	}
	if len(packed) != letters {
		return Share{}, fmt.Errorf("%w: it has %d characters, not %d", ErrNotShare, letters, len(packed))
	}
	raw := make([]byte, payloadLen+checkLen)
	defer clear(raw)
	if _, err := base32.StdEncoding.Decode(raw, packed); err != nil {
		return Share{}, ErrNotShare
	}
	payload := raw[:payloadLen]
	if subtle.ConstantTimeCompare(checksum(payload), raw[payloadLen:]) != 1 {
		return Share{}, ErrTypo
	}
	if payload[0] != textVersion {
		return Share{}, ErrNewer
	}
	s := Share{Threshold: payload[1], Index: payload[2], Set: ID(payload[3:]), value: [SecretLen]byte(payload[3+idLen:])}
	if !s.possible() || scalars.NewScalar().UnmarshalBinary(s.value[:]) != nil {
		s.Wipe()
		return Share{}, ErrNotShare
	}
	return s, nil
}

// payload appends all that the share is.
func (s *Share) payload(b []byte) []byte {
	b = append(b, textVersion, s.Threshold, s.Index)
	b = append(b, s.Set[:]...)
	return append(b, s.value[:]...)
}

// checksum finds mistyped letters. It is no protection: who has a share can
// make another with a right checksum.
func checksum(payload []byte) []byte {
	h := sha256.New()
	h.Write([]byte(checkLabel))
	h.Write(payload)
	return h.Sum(nil)[:checkLen]
}
