package vault

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/vaultd/vaultd/vault/store"
)

// LiveCheck verifies a vault while it is used: every byte of its files up to one
// commit, every record, and every key's material. It is not for concurrent use.
type LiveCheck struct {
	v      *Vault
	o      *opened
	snap   *store.Snapshot
	check  *recordCheck
	report CheckReport
	step   int
	seen   uint64

	versions, materials, deks int
}

// One call of Step goes through checkSteps times checkStep records. Whoever seals
// the vault waits for one checkStep: opening the material of a large RSA key takes
// a millisecond.
const (
	checkStep  = 100
	checkSteps = 20
)

// maxFindings bounds a report. More of them say nothing new.
const maxFindings = 1000

// BeginCheck begins a check. Close it in any case. There can be one at a time,
// and no backup meanwhile. Errors: sealed, busy.
func (v *Vault) BeginCheck(ctx context.Context) (*LiveCheck, error) {
	headers := v.checkHeaders()
	o, snap, err := v.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer v.mu.RUnlock()
	c := &LiveCheck{
		v: v, o: o, snap: snap, check: newRecordCheck(o.header.vaultID),
		report: CheckReport{Findings: headers, Complete: true, Sequence: snap.Seq()},
	}
	c.check.fetch = func(id store.ID) ([]byte, bool) {
		rec, err := snap.Get(id)
		return rec.Body, err == nil
	}
	return c, nil
}

// checkHeaders compares the header files with the header in force.
func (v *Vault) checkHeaders() (found []Finding) {
	v.admin.Lock() // no password is being changed
	defer v.admin.Unlock()
	if v.opened == nil { // changes only under v.admin
		return nil
	}
	for _, name := range []string{headerName, headerBackupName} {
		is := v.files.read(name)
		what := ""
		switch {
		case is.err != nil:
			what = describeCopy(is.err)
		case is.header.hash() != v.opened.header.hash() && (name == headerName || !v.custody.behind):
			what = "is not what the vault wrote"
		}
		if what != "" {
			found = append(found, Finding{File: name, Offset: -1, What: what, Severity: SeverityDamage})
		}
	}
	return found
}

// Step checks some more and reports whether it was the last.
func (c *LiveCheck) Step(ctx context.Context) (done bool, err error) {
	var found []Finding
	switch c.step { // the files are read without holding up a seal
	case 0:
		found, err = c.snap.CheckKeyring(ctx)
	case 1, 2:
		found, err = c.snap.CheckJournal(ctx, c.step-1)
	default:
		for n := 0; n < checkSteps && !done && err == nil && ctx.Err() == nil; n++ {
			done, err = c.records(ctx)
		}
	}
	if err != nil {
		return false, snapshotError(err)
	}
	if c.step < 3 {
		c.step++
	}
	c.find(found...)
	return done, nil
}

func (c *LiveCheck) find(found ...Finding) {
	room := maxFindings - len(c.report.Findings)
	c.report.Findings = append(c.report.Findings, found[:min(room, len(found))]...)
}

func (c *LiveCheck) records(ctx context.Context) (done bool, err error) {
	if err := c.v.inside(c.o); err != nil {
		return false, err
	}
	defer c.v.mu.RUnlock()
	for range checkStep {
		if ctx.Err() != nil {
			return false, nil
		}
		item, err := c.snap.Next()
		if errors.Is(err, io.EOF) {
			return true, c.finish()
		}
		if err != nil {
			damage := c.snap.Damaged(item, err)
			if damage == nil {
				return false, err
			}
			c.find(*damage)
			if item.Name == [16]byte{} { // the verdict, or nothing can be read on
				return true, c.finish()
			}
			continue
		}
		if !item.Deleted {
			c.seen++
			c.record(item.Record)
		}
	}
	return false, nil
}

// record checks what one record says, and that what belongs to it is there.
func (c *LiveCheck) record(rec store.Record) {
	l := newLoader() // of this record alone
	if err := l.take(rec); err != nil {
		c.check.find("record of kind %d, %q: %v", rec.Kind, rec.Path, err)
	}
	switch rec.Kind {
	case kindMaterial:
		c.materials++
	case kindDEK:
		c.deks++
	case kindToken:
		if err := c.token(rec); err != nil {
			c.check.find("registered ciphertext %q: %v", rec.Path, err)
		}
	}
	for _, k := range l.keys {
		if _, known := c.check.fetch(ownerRecordID(k.name.owner)); !known {
			c.check.find("owner %s has keys but no record", k.name.owner)
		}
		if body, revoked := c.check.fetch(revocationRecordID(k.id)); revoked {
			if t, err := parseRevocationRecord(body); err == nil {
				c.check.tombstone(k, t)
			}
		}
		for i := range k.rec.versions {
			if err := c.check.version(k, uint32(i+1)); err != nil {
				c.check.find("key %s (%s), version %d: %v", k.name, k.id, i+1, err)
			}
			c.versions++
		}
	}
	c.find(c.check.findings...)
	c.check.findings = nil
}

// token checks that a registered ciphertext is of a key, and of a version of it. Of
// those in memory none has left since the snapshot.
func (c *LiveCheck) token(rec store.Record) error {
	s, err := parseToken(rec.Body)
	if err != nil {
		return nil // is reported already
	}
	id, _, ok := parseVersionPath(rec.Path)
	k := c.o.ring.byID(id)
	switch {
	case !ok || k == nil:
		return errors.New("it is of a key that is not there")
	case k.tracked == nil:
		return errors.New("its key is not one that tracks them")
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	if int(s.version) > len(k.rec.versions) {
		return fmt.Errorf("it needs version %d of a key with %d", s.version, len(k.rec.versions))
	}
	return nil
}

// finish counts.
func (c *LiveCheck) finish() error {
	c.report.Records = int(c.seen) //nolint:gosec // a count
	if len(c.report.Findings) == 0 && (c.deks != c.versions || c.materials != c.versions) {
		c.find(Finding{
			File: "records", Offset: -1, Severity: SeverityLoss,
			What: fmt.Sprintf("%d versions of keys have %d materials and %d data-encryption keys", c.versions, c.materials, c.deks),
		})
	}
	c.snap.Close()
	return nil
}

// Report is what was found so far.
func (c *LiveCheck) Report() *CheckReport { return &c.report }

// Progress tells how many records were gone through.
func (c *LiveCheck) Progress() (seen, total uint64) { return c.seen, c.snap.Records() }

// Close ends it.
func (c *LiveCheck) Close() { c.snap.Close() }
