package store

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
)

// A sealed record, the same bytes in the journal and in Badger:
//
//	 0   1  status: 1 live, 2 deleted, 3 state record
//	 1   4  term of the record key
//	 5   8  version of the record
//	13   8  sequence number of the commit that wrote it
//	21  12  nonce
//	33   n  AES-256-GCM ciphertext of: kind (1), path length (2), path, body
//	33+n 16 tag
//
// Integers are big-endian. Associated data: recordLabel, vault id (16), name
// (16), bytes 0 to 20. A deleted record has an empty body.
const (
	recordLabel  = "vaultd/1/record\x00"
	recordPrefix = 21
	recordHeader = recordPrefix + nonceSize
	recordFixed  = 3 // kind and path length
	minSealed    = recordHeader + recordFixed + tagSize
	maxSealed    = minSealed + MaxPath + MaxBody
)

type status byte

const (
	statusLive    status = 1
	statusDeleted status = 2
	statusState   status = 3
)

// entry is what the store remembers of a record: enough to prove that the
// bytes Badger gives back are the ones last committed.
type entry struct {
	version uint64
	seq     uint64
	tag     [tagSize]byte
	size    uint32 // sealed bytes
	status  status
}

var errRecord = errors.New("sealed record is malformed")

// parseEntry reads the clear part of a sealed record. Nothing of it is
// authenticated until the record is opened or the frame around it was.
func parseEntry(sealed []byte) (entry, uint32, error) {
	if len(sealed) < minSealed || len(sealed) > maxSealed {
		return entry{}, 0, errRecord
	}
	e := entry{
		status:  status(sealed[0]),
		version: binary.BigEndian.Uint64(sealed[5:]),
		seq:     binary.BigEndian.Uint64(sealed[13:]),
		size:    uint32(len(sealed)),
		tag:     [tagSize]byte(sealed[len(sealed)-tagSize:]),
	}
	if e.status < statusLive || e.status > statusState {
		return entry{}, 0, errRecord
	}
	return e, binary.BigEndian.Uint32(sealed[1:]), nil
}

// sealer seals and opens records of one generation.
type sealer struct {
	aead cipher.AEAD
	term uint32
	aad  []byte // label and vault id
}

func newSealer(k *generationKeys, term uint32, vaultID [16]byte) *sealer {
	return &sealer{newAEAD(k.record), term, append([]byte(recordLabel), vaultID[:]...)}
}

const recordAADSize = len(recordLabel) + 16 + 16 + recordPrefix

func (s *sealer) associated(dst []byte, n name, prefix []byte) []byte {
	dst = append(dst, s.aad...)
	dst = append(dst, n[:]...)
	return append(dst, prefix...)
}

// seal appends the sealed record to dst.
func (s *sealer) seal(dst []byte, n name, st status, version, seq uint64, id ID, body []byte) []byte {
	start := len(dst)
	dst = append(dst, byte(st))
	dst = binary.BigEndian.AppendUint32(dst, s.term)
	dst = binary.BigEndian.AppendUint64(dst, version)
	dst = binary.BigEndian.AppendUint64(dst, seq)
	var nonce [nonceSize]byte
	rand.Read(nonce[:]) //nolint:errcheck // never fails
	dst = append(dst, nonce[:]...)
	plain := len(dst)
	dst = append(dst, byte(id.Kind))
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(id.Path)))
	dst = append(dst, id.Path...)
	dst = append(dst, body...)
	var buf [recordAADSize]byte
	aad := s.associated(buf[:0], n, dst[start:start+recordPrefix])
	return s.aead.Seal(dst[:plain], nonce[:], dst[plain:], aad)
}

// open authenticates a sealed record and returns what is in it; the body
// lies in dst's array when that is large enough.
func (s *sealer) open(dst []byte, n name, sealed []byte) (Record, entry, error) {
	e, term, err := parseEntry(sealed)
	if err != nil {
		return Record{}, entry{}, err
	}
	if term != s.term {
		return Record{}, entry{}, errors.New("record belongs to another key term")
	}
	var buf [recordAADSize]byte
	aad := s.associated(buf[:0], n, sealed[:recordPrefix])
	plain, err := s.aead.Open(dst[:0], sealed[recordPrefix:recordHeader], sealed[recordHeader:], aad)
	if err != nil {
		return Record{}, entry{}, errors.New("record does not authenticate")
	}
	length := int(binary.BigEndian.Uint16(plain[1:]))
	if len(plain) < recordFixed+length {
		return Record{}, entry{}, errRecord
	}
	return Record{
		ID:      ID{Kind(plain[0]), string(plain[recordFixed : recordFixed+length])},
		Version: e.version,
		Body:    plain[recordFixed+length:],
	}, e, nil
}
