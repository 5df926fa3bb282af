package store

import (
	"encoding/binary"
	"errors"
	"time"
)

// state is what a commit leaves behind, written with every frame and into
// Badger, so that a lost record is noticed by count and digest:
//
//	 0   8  sequence number of the last commit
//	 8   8  live records
//	16   8  deleted records still held
//	24  32  set digest over both
//	56   8  high-water mark of time, nanoseconds since 1970 (signed)
type state struct {
	seq       uint64
	live      uint64
	deleted   uint64
	digest    digest
	highWater int64
}

const stateSize = 64

func (s state) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, s.seq)
	dst = binary.BigEndian.AppendUint64(dst, s.live)
	dst = binary.BigEndian.AppendUint64(dst, s.deleted)
	dst = s.digest.append(dst)
	return binary.BigEndian.AppendUint64(dst, uint64(s.highWater))
}

func parseState(b []byte) (state, error) {
	if len(b) != stateSize {
		return state{}, errors.New("state has a wrong length")
	}
	return state{
		seq:       binary.BigEndian.Uint64(b),
		live:      binary.BigEndian.Uint64(b[8:]),
		deleted:   binary.BigEndian.Uint64(b[16:]),
		digest:    parseDigest(b[24:56]),
		highWater: int64(binary.BigEndian.Uint64(b[56:])),
	}, nil
}

func (s *state) note(t time.Time) {
	if !t.IsZero() {
		s.highWater = max(s.highWater, t.UnixNano())
	}
}
