package vault

import (
	"time"

	"github.com/vaultd/vaultd/crypto/keytype"
)

// Bounds on exchange records.
const (
	maxPendingLen = 64 << 10
	exchangeIDLen = 16
)

// exchangeState says how far an exchange has come.
type exchangeState uint8

const (
	exchangePending  exchangeState = 1 // waits for the peer's next message
	exchangeFinished exchangeState = 2 // remembered, so that a replay is told
)

// exchangeRecord is an exchange under way, with the ephemeral key that it
// needs, or the memory of one.
type exchangeRecord struct {
	state   exchangeState
	compat  bool
	owner   string
	created time.Time
	expires time.Time // of the exchange, or of its memory

	// What follows is empty once it is finished.
	signer  Name // the key that signs for us
	version uint32
	session Name // what the result is stored as
	typ     uint16
	ttl     time.Duration // of the result; zero is none
	peer    [32]byte      // fingerprint of the peer's signing key
	info    string        // compat: of HKDF; empty is the default
	pending []byte        // state of the protocol, with the ephemeral private key
}

func (x *exchangeRecord) append(b []byte) []byte {
	b = append(b, recordFormat, byte(x.state))
	b = appendBool(b, x.compat)
	b = appendStr8(b, x.owner)
	b = appendTime(b, x.created)
	b = appendTime(b, x.expires)
	if x.state == exchangeFinished {
		return b
	}
	b = appendStr8(b, x.signer.owner)
	b = appendStr8(b, x.signer.key)
	b = appendU32(b, x.version)
	b = appendStr8(b, x.session.owner)
	b = appendStr8(b, x.session.key)
	b = appendU16(b, x.typ)
	b = appendDuration(b, x.ttl)
	b = append(b, x.peer[:]...)
	b = appendStr8(b, x.info)
	return appendBytes32(b, x.pending)
}

// parseExchangeRecord reads a record; pending stays part of b.
func parseExchangeRecord(b []byte) (*exchangeRecord, error) {
	r := &reader{b: b}
	r.check(r.u8() == recordFormat)
	x := &exchangeRecord{state: exchangeState(r.u8()), compat: r.bool(), owner: r.str8(), created: r.time(), expires: r.time()}
	r.check(validOwner(x.owner) && !x.created.IsZero() && !x.expires.IsZero())
	switch x.state {
	case exchangePending:
		x.signer = readName(r)
		x.version = r.u32()
		x.session = readName(r)
		x.typ, x.ttl, x.peer, x.info = r.u16(), r.duration(), r.array32(), r.str8()
		x.pending = r.bytes32(maxPendingLen)
		_, known := keytype.ByID(x.typ)
		r.check(known && x.version > 0)
	case exchangeFinished:
	default:
		r.fail()
	}
	if err := r.done(); err != nil {
		return nil, err
	}
	return x, nil
}

func readName(r *reader) Name {
	n := Name{r.str8(), r.str8()}
	r.check(validOwner(n.owner) && validKeyName(n.key))
	return n
}
