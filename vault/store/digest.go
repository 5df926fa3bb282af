package store

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"math/bits"

	"github.com/vaultd/vaultd/internal/secret"
)

// digest is a keyed hash of a set, MSet-Add-Hash of Clarke, Devadas, van
// Dijk, Gassend and Suh (ASIACRYPT 2003): the sum modulo 2^256 of
// HMAC-SHA-256(digest key, leaf). It takes one addition to add a record and
// one subtraction to drop it, whatever the order.
//
// A leaf is name (16), status (1), version (8), sequence number (8), AEAD tag
// (16); the tag stands for the content.
type digest [4]uint64 // least significant word first

func (d *digest) add(x digest) {
	var c uint64
	for i := range d {
		d[i], c = bits.Add64(d[i], x[i], c)
	}
}

func (d *digest) sub(x digest) {
	var b uint64
	for i := range d {
		d[i], b = bits.Sub64(d[i], x[i], b)
	}
}

// append writes the sum as a 256-bit big-endian integer.
func (d digest) append(dst []byte) []byte {
	for i := len(d) - 1; i >= 0; i-- {
		dst = binary.BigEndian.AppendUint64(dst, d[i])
	}
	return dst
}

func parseDigest(b []byte) (d digest) {
	for i := range d {
		d[i] = binary.BigEndian.Uint64(b[8*(len(d)-1-i):])
	}
	return d
}

// leafHasher computes leaves; it is not for concurrent use.
type leafHasher struct {
	mac hash.Hash
	buf []byte
}

func newLeafHasher(key *secret.Bytes) *leafHasher {
	return &leafHasher{mac: hmac.New(sha256.New, key.Bytes())}
}

func (h *leafHasher) leaf(n name, e entry) digest {
	b := append(h.buf[:0], n[:]...)
	b = append(b, byte(e.status))
	b = binary.BigEndian.AppendUint64(b, e.version)
	b = binary.BigEndian.AppendUint64(b, e.seq)
	b = append(b, e.tag[:]...)
	h.mac.Reset()
	h.mac.Write(b)
	h.buf = h.mac.Sum(b[:0])
	return parseDigest(h.buf)
}
