package vault

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/vaultd/vaultd/crypto/kdf"
)

// The header is the one file that a vault opens with: it says which vault this
// is and holds the root key, wrapped once for each key slot. Its layout is
//
//	magic(8) format(2) length(4) vault-id(16) epoch(8)
//	critical-features optional-features slots
//	mac(32) checksum(32)
//
// in the codec of codec.go. The checksum is a plain SHA-256 over all before it
// and stays the last 32 bytes in every future format: it tells damage from a
// wrong password before any work is done. The mac, under a key from the root
// key, is what nobody can forge. A header is written in the oldest format that
// can say it, so that older programs open what they understand.
const (
	headerMagic     = "vaultd\x00H"
	headerFormat1   = 1 // password slots alone, without names
	headerFormat2   = 2 // slots of every kind
	maxHeaderLen    = 64 << 10
	maxHeaderSlots  = 16
	maxFeatures     = 32
	headerPrefixLen = 8 + 2 + 4 + 16
	headerTrailer   = 32 + 32
)

// Reasons why bytes are not a header that this program can use, or writes.
var (
	errHeaderBytes = errors.New("header is damaged")
	errHeaderNewer = errors.New("header was made by a newer vaultd")
	errHeaderLong  = errors.New("header would be longer than it may be")
)

// newerHeader is errHeaderNewer with what is newer in it.
type newerHeader struct{ what string }

func (e *newerHeader) Error() string { return e.what }
func (*newerHeader) Unwrap() error   { return errHeaderNewer }

// header is the decoded header file. encoded is what it was read from or
// written as, and sum its SHA-256 for the anchor.
type header struct {
	vaultID  [16]byte
	epoch    uint64 // rises by one with every replacement
	critical []string
	optional []string
	slots    []slot

	encoded []byte
}

// format is the oldest that can say what the header says.
func (h *header) format() uint16 {
	for i := range h.slots {
		if !h.slots[i].plain() {
			return headerFormat2
		}
	}
	return headerFormat1
}

// seal encodes the header under root; what it returns is also kept in h.
func (h *header) seal(root []byte) ([]byte, error) {
	b := append([]byte(nil), headerMagic...)
	format := h.format()
	b = appendU16(b, format)
	b = appendU32(b, 0) // the length, set below
	b = append(b, h.vaultID[:]...)
	b = appendU64(b, h.epoch)
	b = appendFeatures(b, h.critical)
	b = appendFeatures(b, h.optional)
	b = append(b, byte(len(h.slots)))
	for _, s := range h.slots {
		b = s.append(b, format)
	}
	length := len(b) + headerTrailer
	if length > maxHeaderLen {
		return nil, errHeaderLong
	}
	copy(b[10:14], appendU32(nil, uint32(length)))
	mac, err := h.mac(root, b)
	if err != nil {
		return nil, err
	}
	b = append(b, mac...)
	sum := sha256.Sum256(b)
	h.encoded = append(b, sum[:]...)
	return h.encoded, nil
}

// mac authenticates body, the header without its two trailers.
func (h *header) mac(root, body []byte) ([]byte, error) {
	key, err := kdf.HKDF(crypto.SHA256, root, h.vaultID[:], []byte("vaultd/1/header"), 32)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	m := hmac.New(sha256.New, key)
	m.Write(body)
	return m.Sum(nil), nil
}

// verify checks the mac of the header that h was read from.
func (h *header) verify(root []byte) error {
	body, rest := h.encoded[:len(h.encoded)-headerTrailer], h.encoded[len(h.encoded)-headerTrailer:]
	want, err := h.mac(root, body)
	if err != nil {
		return err
	}
	if !hmac.Equal(want, rest[:32]) {
		return errHeaderBytes
	}
	return nil
}

// hash identifies this very header in the anchor.
func (h *header) hash() [32]byte { return sha256.Sum256(h.encoded) }

// slot returns the slot with that id.
func (h *header) slot(id uint32) *slot {
	for i := range h.slots {
		if h.slots[i].id == id {
			return &h.slots[i]
		}
	}
	return nil
}

// labelled returns the slot that people call so.
func (h *header) labelled(label string) *slot {
	for i := range h.slots {
		if h.slots[i].label() == label {
			return &h.slots[i]
		}
	}
	return nil
}

// count is how many slots of a kind there are.
func (h *header) count(kind SlotKind) (n int) {
	for i := range h.slots {
		if h.slots[i].kind == kind {
			n++
		}
	}
	return n
}

// clone is a copy whose slots can be replaced.
func (h *header) clone() *header {
	c := *h
	c.slots, c.encoded = slices.Clone(h.slots), nil
	return &c
}

// parseHeader reads a header file. It returns errHeaderBytes for anything that
// is not exactly what some vaultd wrote, and errHeaderNewer for a whole header
// with a format or a critical feature that this program does not know.
func parseHeader(b []byte) (*header, error) {
	if len(b) < headerPrefixLen+headerTrailer || len(b) > maxHeaderLen || !bytes.HasPrefix(b, []byte(headerMagic)) {
		return nil, errHeaderBytes
	}
	body, trailer := b[:len(b)-32], b[len(b)-32:]
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], trailer) {
		return nil, errHeaderBytes
	}
	r := &reader{b: b[8 : len(b)-headerTrailer]}
	format := r.u16()
	if format != headerFormat1 && format != headerFormat2 {
		return nil, &newerHeader{newerText("its header", int(format), headerFormat2)}
	}
	r.check(r.u32() == uint32(len(b)))
	h := &header{vaultID: r.array16(), epoch: r.u64(), encoded: bytes.Clone(b)}
	h.critical, h.optional = readFeatures(r), readFeatures(r)
	if r.failed {
		return nil, errHeaderBytes
	}
	for _, f := range h.critical {
		if !slices.Contains(knownFeatures, f) {
			return nil, &newerHeader{fmt.Sprintf("it needs %q, which this vaultd does not know", f)}
		}
	}
	n := int(r.u8())
	r.check(n >= 1 && n <= maxHeaderSlots)
	for range n {
		if r.failed {
			break
		}
		s := readSlot(r, format)
		r.check(h.slot(s.id) == nil && h.labelled(s.label()) == nil)
		h.slots = append(h.slots, s)
	}
	r.check(h.format() == format && h.count(SlotPassword) <= maxPasswordSlots)
	if r.done() != nil {
		return nil, errHeaderBytes
	}
	return h, nil
}

func appendFeatures(b []byte, names []string) []byte {
	b = append(b, byte(len(names)))
	for _, n := range names {
		b = appendStr8(b, n)
	}
	return b
}

// readFeatures reads a sorted list of names without repetition.
func readFeatures(r *reader) []string {
	n := int(r.u8())
	r.check(n <= maxFeatures)
	var names []string
	for range n {
		s := r.str8()
		r.check(s != "" && (len(names) == 0 || names[len(names)-1] < s))
		if r.failed {
			return nil
		}
		names = append(names, s)
	}
	return names
}
