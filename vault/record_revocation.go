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
	fingerprints [][32]byte // of all versions that the key had
}

func (t *revocationRecord) append(b []byte) []byte {
	b = append(b, recordFormat)
	b = append(b, t.id[:]...)
	b = appendStr8(b, t.name.owner)
	b = appendStr8(b, t.name.key)
	b = appendTime(b, t.time)
	b = appendStr8(b, t.by)
	b = appendStr16(b, t.reason)
	b = appendU16(b, uint16(len(t.fingerprints)))
	for i := range t.fingerprints {
		b = append(b, t.fingerprints[i][:]...)
	}
	return b
}

func parseRevocationRecord(b []byte) (*revocationRecord, error) {
	r := &reader{b: b}
	r.check(r.u8() == recordFormat)
	t := &revocationRecord{id: r.array16(), name: Name{r.str8(), r.str8()}, time: r.time(), by: r.str8(), reason: r.str16()}
	r.check(validOwner(t.name.owner) && validKeyName(t.name.key) && !t.time.IsZero() && len(t.reason) <= MaxReasonLen)
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
