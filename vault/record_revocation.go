package vault

import "time"

// revocationRecord is the tombstone of a revoked key. It stands by itself, so
// that it outlives the key's record.
type revocationRecord struct {
	id           KeyID
	name         Name
	time         time.Time
	by           string
	reason       string
	code         RevocationReason
	compromised  time.Time  // since when others may have the key; zero unless that is the reason
	fingerprints [][32]byte // of all versions that the key had

	version uint64 // of the record in the store
}

// revocationFormatCode is the format of a tombstone with a reason code; one
// whose reason is not said has the format before it.
const revocationFormatCode = 2

func (t *revocationRecord) append(b []byte) []byte {
	format := byte(recordFormat)
	if t.code != ReasonUnspecified {
		format = revocationFormatCode
	}
	b = append(b, format)
	b = append(b, t.id[:]...)
	b = appendStr8(b, t.name.owner)
	b = appendStr8(b, t.name.key)
	b = appendTime(b, t.time)
	b = appendStr8(b, t.by)
	b = appendStr16(b, t.reason)
	if format == revocationFormatCode {
		b = append(b, byte(t.code))
		b = appendTime(b, t.compromised)
	}
	b = appendU16(b, uint16(len(t.fingerprints)))
	for i := range t.fingerprints {
		b = append(b, t.fingerprints[i][:]...)
	}
	return b
}

func parseRevocationRecord(b []byte) (*revocationRecord, error) {
	r := &reader{b: b}
	format := r.u8()
	r.check(format == recordFormat || format == revocationFormatCode)
	t := &revocationRecord{id: r.array16(), name: Name{r.str8(), r.str8()}, time: r.time(), by: r.str8(), reason: r.str16()}
	r.check(validOwner(t.name.owner) && validKeyName(t.name.key) && !t.time.IsZero() && len(t.reason) <= MaxReasonLen)
	if format == revocationFormatCode {
		t.code, t.compromised = RevocationReason(r.u8()), r.time()
		r.check(t.code != ReasonUnspecified && t.code.known() && t.compromised.IsZero() == (t.code != ReasonKeyCompromise))
	}
	n := int(r.u16())
	r.check(n >= 1 && n <= MaxVersions && len(r.b) == 32*n)
	if r.failed {
		return nil, errMalformed
	}
	t.fingerprints = make([][32]byte, n)
	for i := range t.fingerprints {
		t.fingerprints[i] = r.array32()
	}
	if err := r.done(); err != nil {
		return nil, err
	}
	return t, nil
}
