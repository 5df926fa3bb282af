package store

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// salvage is the last resort when neither copy of the journal, nor both
// together, make a whole one: if Badger is still byte for byte what an orderly
// close attested, its records become the snapshot of a new generation.
func (c *checker) salvage() error {
	file := journalNames(c.ring.generation)[0]
	lost := func(what string) error {
		c.find(Finding{File: file, Offset: -1, What: what, Severity: Loss})
		return nil
	}
	if c.clean == nil {
		return lost("no whole journal is left, and Badger was not attested")
	}
	err := c.badgerFiles()
	var damage *ErrCorrupt
	if errors.As(err, &damage) {
		c.damaged(damage.Where, "%s", damage.What)
		return lost("no whole journal is left, and Badger is damaged too")
	}
	if err != nil {
		return err
	}
	if !c.o.Repair && c.o.Visit == nil {
		return nil
	}
	err = c.withCopy(func(e *engine) error {
		if c.o.Repair {
			if err := c.newGeneration(e); err != nil {
				return err
			}
		}
		return c.visitEngine(e)
	})
	if errors.As(err, &damage) {
		c.damaged(damage.Where, "%s", damage.What)
		return lost("no whole journal is left, and Badger's records do not add up")
	}
	if err != nil || !c.o.Repair {
		return err
	}
	for i := range c.report.Findings {
		c.repaired(i)
	}
	c.report.Records, c.report.Seq, c.report.Clean = int(c.clean.state.live), c.clean.state.seq, false
	return nil
}

// newGeneration writes a journal from Badger's records under new keys and puts
// its keyring in place. The next Open drops what the old generation left.
func (c *checker) newGeneration(from *engine) (err error) {
	dir := c.o.Dir
	old := newSealer(c.ring.keys, c.ring.term, c.o.VaultID)
	ring := &keyring{
		generation: c.ring.generation + 1,
		term:       c.ring.term + 1,
		flags:      c.ring.flags,
		keys:       newGenerationKeys(),
		baseSeq:    c.clean.state.seq,
		baseHead:   c.clean.head,
		created:    time.Now(),
	}
	defer ring.keys.wipe()
	sealer := newSealer(ring.keys, ring.term, c.o.VaultID)
	for _, file := range journalNames(ring.generation) {
		if err := os.RemoveAll(filepath.Join(dir, file)); err != nil {
			return err
		}
	}
	j, err := createJournal(dir, ring.generation, c.o.VaultID, ring.keys)
	if err != nil {
		return err
	}
	defer j.close()

	leaves := newLeafHasher(c.root.digest)
	before := newIndex(leaves, 0) // what Badger holds, to compare with what was attested
	x := newIndex(leaves, 0)
	var ops []op
	size := 0
	flush := func() error {
		err := j.write(payload{frameSnapshot, x.state, ops})
		ops, size = nil, 0
		return err
	}
	var mu sync.Mutex
	err = from.scan(1, func(_ int, n name, sealed []byte) error {
		mu.Lock()
		defer mu.Unlock()
		rec, e, err := old.open(nil, n, sealed)
		if err != nil {
			return corrupt(dbName(c.ring.generation), "record %x: %v", n, err)
		}
		if n == stateName {
			return nil
		}
		before.put(n, e)
		if e.status != statusLive {
			return nil
		}
		again := sealer.seal(nil, n, statusLive, e.version, e.seq, rec.ID, rec.Body)
		e, _, _ = parseEntry(again)
		x.put(n, e)
		ops = append(ops, op{n, again})
		if size += len(again); size >= groupSize {
			return flush()
		}
		return nil
	})
	if err != nil {
		return err
	}
	before.state.seq, before.state.highWater = c.clean.state.seq, c.clean.state.highWater
	if before.state != c.clean.state {
		return corrupt(dbName(c.ring.generation), "records do not add up to what was attested")
	}
	if err := flush(); err != nil {
		return err
	}
	x.state.seq, x.state.highWater = c.clean.state.seq, c.clean.state.highWater
	if err := j.write(payload{frameSnapshotEnd, x.state, nil}); err != nil {
		return err
	}
	if err := j.sync(); err != nil {
		return err
	}
	if err := syncDir(dir); err != nil {
		return err
	}
	if err := ring.save(dir, c.root, c.o.VaultID); err != nil {
		return err
	}
	return removeFile(dir, fileClean)
}
