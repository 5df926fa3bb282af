package store

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// A journal file is a header, frames, and zeros to its end:
//
//	header (64 bytes)
//	 0   8  magic "VDJRNL\x00\x01"
//	 8   8  generation
//	16  16  vault id
//	32  28  zero
//	60   4  CRC-32C of bytes 0 to 59
//
//	frame
//	 0   4  magic "VDFR"
//	 4   4  n, length of the sealed payload
//	 8   8  number of the frame, 0 for the first
//	16  12  nonce
//	28   4  CRC-32C of bytes 0 to 27
//	32   n  AES-256-GCM ciphertext and tag of the payload
//	32+n 4  CRC-32C of the ciphertext and tag
//
// Associated data of a frame: frameLabel, the chain hash before it, its bytes
// 0 to 15. The chain starts as SHA-256(journalLabel ‖ header) and goes on as
// SHA-256(chain ‖ frame). So a frame opens only behind the very frames that
// were there when it was written. The CRCs authenticate nothing: they let a
// check without the key tell damage from an unused tail, and where a frame
// ends.
//
//	payload
//	 0   1  kind: 1 snapshot part, 2 end of the snapshot, 3 commit
//	 1  64  state after the frame; in a snapshot part sequence number and time
//	        are zero
//	65   4  number of records
//	69      for each: name (16), length (4), sealed record
const (
	journalMagic      = "VDJRNL\x00\x01"
	frameMagic        = "VDFR"
	journalLabel      = "vaultd/1/journal\x00"
	frameLabel        = "vaultd/1/frame\x00"
	journalHeaderSize = 64
	frameHeaderSize   = 32
	frameOverhead     = frameHeaderSize + tagSize + 4
	payloadFixed      = 1 + stateSize + 4
	opFixed           = 16 + 4

	// maxPayload bounds what is read into memory at once. A batch of MaxBatch
	// bytes fits: each record adds less than the 128 bytes it was counted for.
	maxPayload = MaxBatch + 1<<20
)

type frameKind byte

const (
	frameSnapshot    frameKind = 1
	frameSnapshotEnd frameKind = 2
	frameCommit      frameKind = 3
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type chain [sha256.Size]byte

func (c chain) next(frame []byte) (next chain) {
	h := sha256.New()
	h.Write(c[:])
	h.Write(frame)
	h.Sum(next[:0])
	return next
}

func journalHeader(generation uint64, vaultID [16]byte) []byte {
	b := make([]byte, 0, journalHeaderSize)
	b = append(b, journalMagic...)
	b = binary.BigEndian.AppendUint64(b, generation)
	b = append(b, vaultID[:]...)
	b = append(b, make([]byte, 28)...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func chainStart(header []byte) chain {
	return sha256.Sum256(append([]byte(journalLabel), header...))
}

// checkJournalHeader tells what is wrong with a journal's first bytes,
// without a key.
func checkJournalHeader(b []byte) error {
	switch {
	case len(b) < journalHeaderSize:
		return errors.New("shorter than its header")
	case string(b[:len(journalMagic)]) != journalMagic:
		return errors.New("not a journal, or of a newer version")
	case crc32.Checksum(b[:60], castagnoli) != binary.BigEndian.Uint32(b[60:]):
		return errors.New("header checksum is wrong")
	}
	return nil
}

// op is one sealed record on its way to disk.
type op struct {
	name   name
	sealed []byte
}

// payload is what a frame carries.
type payload struct {
	kind  frameKind
	state state
	ops   []op
}

func (p payload) size() int {
	n := payloadFixed
	for _, o := range p.ops {
		n += opFixed + len(o.sealed)
	}
	return n
}

func (p payload) append(dst []byte) []byte {
	dst = append(dst, byte(p.kind))
	dst = p.state.append(dst)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(p.ops)))
	for _, o := range p.ops {
		dst = append(dst, o.name[:]...)
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(o.sealed)))
		dst = append(dst, o.sealed...)
	}
	return dst
}

var errPayload = errors.New("frame payload is malformed")

// parsePayload reads a payload. The records lie in b's array.
func parsePayload(b []byte) (payload, error) {
	if len(b) < payloadFixed {
		return payload{}, errPayload
	}
	p := payload{kind: frameKind(b[0])}
	if p.kind < frameSnapshot || p.kind > frameCommit {
		return payload{}, errPayload
	}
	var err error
	if p.state, err = parseState(b[1 : 1+stateSize]); err != nil {
		return payload{}, err
	}
	count := binary.BigEndian.Uint32(b[1+stateSize:])
	b = b[payloadFixed:]
	if uint64(count)*(opFixed+minSealed) > uint64(len(b)) {
		return payload{}, errPayload
	}
	p.ops = make([]op, 0, count)
	for range count {
		if len(b) < opFixed {
			return payload{}, errPayload
		}
		o := op{name: name(b[:16])}
		n := binary.BigEndian.Uint32(b[16:])
		b = b[opFixed:]
		if n < minSealed || n > maxSealed || uint64(n) > uint64(len(b)) {
			return payload{}, errPayload
		}
		o.sealed, b = b[:n:n], b[n:]
		p.ops = append(p.ops, o)
	}
	if len(b) != 0 {
		return payload{}, errPayload
	}
	return p, nil
}

// appendFrame seals p as frame number and appends it to dst.
func appendFrame(dst []byte, aead cipher.AEAD, c chain, number uint64, p payload) []byte {
	start := len(dst)
	dst = append(dst, frameMagic...)
	dst = binary.BigEndian.AppendUint32(dst, uint32(p.size()+tagSize))
	dst = binary.BigEndian.AppendUint64(dst, number)
	var nonce [nonceSize]byte
	rand.Read(nonce[:]) //nolint:errcheck // never fails
	dst = append(dst, nonce[:]...)
	dst = binary.BigEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
	body := len(dst)
	dst = p.append(dst)
	dst = aead.Seal(dst[:body], nonce[:], dst[body:], frameAAD(c, dst[start:start+16]))
	return binary.BigEndian.AppendUint32(dst, crc32.Checksum(dst[body:], castagnoli))
}

func frameAAD(c chain, prefix []byte) []byte {
	b := make([]byte, 0, len(frameLabel)+len(c)+16)
	b = append(b, frameLabel...)
	b = append(b, c[:]...)
	return append(b, prefix...)
}

// frameHeader is the part of a frame that tells where it ends.
type frameHeader struct {
	sealed int // bytes of the sealed payload
	number uint64
}

func (h frameHeader) size() int64 { return frameHeaderSize + int64(h.sealed) + 4 }

// parseFrameHeader reads a frame's header and checks its CRC and bounds.
func parseFrameHeader(b []byte) (frameHeader, bool) {
	if len(b) < frameHeaderSize || string(b[:4]) != frameMagic ||
		crc32.Checksum(b[:28], castagnoli) != binary.BigEndian.Uint32(b[28:]) {
		return frameHeader{}, false
	}
	n := binary.BigEndian.Uint32(b[4:])
	if n < payloadFixed+tagSize || n > maxPayload+tagSize {
		return frameHeader{}, false
	}
	return frameHeader{int(n), binary.BigEndian.Uint64(b[8:])}, true
}

// frameIntact checks the CRC over the sealed payload of a whole frame.
func frameIntact(frame []byte) bool {
	end := len(frame) - 4
	return crc32.Checksum(frame[frameHeaderSize:end], castagnoli) == binary.BigEndian.Uint32(frame[end:])
}

// openFrame authenticates a whole frame behind c and parses it, overwriting
// the ciphertext.
func openFrame(aead cipher.AEAD, c chain, frame []byte) (payload, error) {
	sealed := frame[frameHeaderSize : len(frame)-4]
	plain, err := aead.Open(sealed[:0], frame[16:28], sealed, frameAAD(c, frame[:16]))
	if err != nil {
		return payload{}, errors.New("frame does not authenticate")
	}
	return parsePayload(plain)
}

func allZero(b []byte) bool {
	return len(bytes.TrimLeft(b, "\x00")) == 0
}
