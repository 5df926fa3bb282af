package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Builder makes a store of records that come from elsewhere, in a directory of
// its own. It writes the journal and the keyring, as a crash would leave them:
// Badger's copy is built when the store is first opened. It takes no memory
// that grows with the number of records.
type Builder struct {
	o       Options
	lock    *Lock
	root    *rootKeys
	ring    *keyring
	sealer  *sealer
	journal *journal
	leaves  *leafHasher
	blinded func(ID) name
	state   state
	ops     []op
	size    int
}

// Build begins a store in o.Dir, which must not exist, as the given generation.
// Until Finish the directory counts as holding none. Close it in any case.
func Build(o Options, generation uint64) (b *Builder, err error) {
	if err := o.normalize(); err != nil {
		return nil, err
	}
	if err := os.Mkdir(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("create store directory: %w", err)
	}
	b = &Builder{o: o}
	defer func() {
		if err != nil {
			b.Close()
		}
	}()
	if err := CheckFS(o.Dir); err != nil {
		return b, err
	}
	if b.lock, err = LockDir(o.Dir); err != nil {
		return b, err
	}
	if err := writeFile(o.Dir, fileCreating, nil); err != nil {
		return b, notFull(err)
	}
	if b.root, err = deriveKeys(o.RootKey, o.VaultID); err != nil {
		return b, err
	}
	b.o.RootKey = nil
	b.ring = &keyring{generation: generation, term: uint32(generation), keys: newGenerationKeys(), created: o.Now()}
	if o.AnchorPath != "" {
		b.ring.flags |= flagAnchored
	}
	b.sealer = newSealer(b.ring.keys, b.ring.term, o.VaultID)
	b.leaves, b.blinded = newLeafHasher(b.root.digest), newBlinder(b.root.names)
	b.journal, err = createJournal(o.Dir, generation, o.VaultID, b.ring.keys)
	return b, notFull(err)
}

// notFull makes a full file system ErrFull.
func notFull(err error) error {
	if err != nil && isFull(err) && !errors.Is(err, ErrFull) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}

// Name is the blinded name of id, by which the items of snapshots are sorted.
func (b *Builder) Name(id ID) [16]byte { return b.blinded(id) }

// Put adds a live record with the number of the commit that wrote it. No ID may
// come twice.
func (b *Builder) Put(rec Record, seq uint64) error {
	if err := rec.check(); err != nil {
		return err
	}
	if len(rec.Body) > MaxBody || rec.Version == 0 {
		return fmt.Errorf("%w: a body of %d bytes, version %d", ErrTooLarge, len(rec.Body), rec.Version)
	}
	n := b.blinded(rec.ID)
	sealed := b.sealer.seal(make([]byte, 0, minSealed+len(rec.Path)+len(rec.Body)), n, statusLive, rec.Version, seq, rec.ID, rec.Body)
	e, _, err := parseEntry(sealed)
	if err != nil {
		return err
	}
	b.state.live++
	b.state.digest.add(b.leaves.leaf(n, e))
	b.ops = append(b.ops, op{n, sealed})
	if b.size += len(sealed); b.size < groupSize {
		return nil
	}
	return b.flush()
}

func (b *Builder) flush() error {
	if len(b.ops) == 0 {
		return nil
	}
	err := b.journal.write(payload{frameSnapshot, b.state, b.ops})
	b.ops, b.size = b.ops[:0], 0
	return notFull(err)
}

// Finish makes the store whole and durable, as of commit number seq, after it
// has read it back. Publish is called as by Create.
func (b *Builder) Finish(seq uint64, highWater time.Time) error {
	if err := b.flush(); err != nil {
		return err
	}
	b.state.seq = seq
	b.state.note(highWater)
	if err := b.journal.write(payload{kind: frameSnapshotEnd, state: b.state}); err != nil {
		return notFull(err)
	}
	if err := b.journal.trim(); err != nil {
		return notFull(err)
	}
	for _, file := range b.journal.names {
		at, err := walker{}.walk(b.o.Dir, file)
		if err != nil {
			return err
		}
		if at.frames != b.journal.frames || at.head != b.journal.head || at.end != b.journal.end {
			return corrupt(file, "does not read back as it was written")
		}
	}
	b.ring.baseSeq = seq
	if err := b.ring.save(b.o.Dir, b.root, b.o.VaultID); err != nil {
		return notFull(err)
	}
	if b.o.Publish != nil {
		if err := b.o.Publish(); err != nil {
			return notFull(err)
		}
	}
	return removeFile(b.o.Dir, fileCreating)
}

// WriteAnchor makes the anchor know the finished store, whatever it knew before.
func (b *Builder) WriteAnchor() error {
	if b.o.AnchorPath == "" {
		return nil
	}
	last, err := readAnchor(b.o.AnchorPath, b.root.anchor, b.o.VaultID)
	if err != nil && !errors.Is(err, errAnchorDamaged) {
		return err
	}
	a, err := openAnchor(b.o.AnchorPath, b.root.anchor, b.o.VaultID, last)
	if err != nil {
		return err
	}
	err = a.write(anchorMark{
		headerEpoch: b.o.HeaderEpoch, headerHash: b.o.HeaderHash, generation: b.ring.generation,
		seq: b.state.seq, frames: b.journal.frames, head: b.journal.head, highWater: b.state.highWater,
	})
	return errors.Join(err, a.close())
}

// Close lets go of the directory, whatever is in it. A second Close does nothing.
func (b *Builder) Close() {
	if b.journal != nil {
		b.journal.close()
	}
	if b.ring != nil {
		b.ring.keys.wipe()
	}
	if b.root != nil {
		b.root.wipe()
	}
	b.lock.Close() //nolint:errcheck // nothing was written to it
	b.lock = nil
}

// Known is how far a vault was known to be.
type Known struct {
	Generation, Seq uint64
	HeaderEpoch     uint64
	HighWater       time.Time
}

// KnownOf reads how far the anchor and the files of o.Dir, which need not exist,
// say that the vault was. Zero says that nothing is known.
func KnownOf(o Options) (k Known, err error) {
	root, err := deriveKeys(o.RootKey, o.VaultID)
	if err != nil {
		return k, err
	}
	defer root.wipe()
	generations, err := listGenerations(o.Dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return k, err
	}
	for _, g := range generations {
		k.Generation = max(k.Generation, g)
	}
	if o.AnchorPath == "" {
		return k, nil
	}
	mark, err := readAnchor(filepath.Clean(o.AnchorPath), root.anchor, o.VaultID)
	if errors.Is(err, errAnchorDamaged) || err == nil && mark == nil {
		return k, nil // of another vault, or of none
	}
	if err != nil {
		return k, err
	}
	k.Generation, k.Seq, k.HeaderEpoch = max(k.Generation, mark.generation), mark.seq, mark.headerEpoch
	if mark.highWater != 0 {
		k.HighWater = time.Unix(0, mark.highWater)
	}
	return k, nil
}
