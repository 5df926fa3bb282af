package vault

import (
	"slices"
	"time"
)

// maxOwnerRevocations bounds an owner's history.
const maxOwnerRevocations = 100

// ownerRecord is an owner with every revocation it ever had, oldest first.
// Only the last can be in force.
type ownerRecord struct {
	created     time.Time
	revocations []ownerRevocation
}

type ownerRevocation struct {
	time         time.Time
	by           string
	reason       string
	reinstated   time.Time // zero while in force
	reinstatedBy string
}

// revoked returns the revocation in force, nil when there is none.
func (o *ownerRecord) revoked() *ownerRevocation {
	if n := len(o.revocations); n > 0 && o.revocations[n-1].reinstated.IsZero() {
		return &o.revocations[n-1]
	}
	return nil
}

func (o *ownerRecord) clone() *ownerRecord {
	return &ownerRecord{created: o.created, revocations: slices.Clone(o.revocations)}
}

func (o *ownerRecord) append(b []byte) []byte {
	b = append(b, recordFormat)
	b = appendTime(b, o.created)
	b = append(b, byte(len(o.revocations)))
	for i := range o.revocations {
		v := &o.revocations[i]
		b = appendTime(b, v.time)
		b = appendStr8(b, v.by)
		b = appendStr16(b, v.reason)
		b = appendTime(b, v.reinstated)
		b = appendStr8(b, v.reinstatedBy)
	}
	return b
}

func parseOwnerRecord(b []byte) (*ownerRecord, error) {
	r := &reader{b: b}
	r.check(r.u8() == recordFormat)
	o := &ownerRecord{created: r.time()}
	r.check(!o.created.IsZero())
	n := int(r.u8())
	r.check(n <= maxOwnerRevocations)
	for i := range n {
		v := ownerRevocation{time: r.time(), by: r.str8(), reason: r.str16(), reinstated: r.time(), reinstatedBy: r.str8()}
		r.check(!v.time.IsZero() && len(v.reason) <= MaxReasonLen)
		r.check(!v.reinstated.IsZero() || i == n-1)
		if r.failed {
			break
		}
		o.revocations = append(o.revocations, v)
	}
	if err := r.done(); err != nil {
		return nil, err
	}
	return o, nil
}
