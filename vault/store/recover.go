package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"
)

// recover reads the journal of a store that was not closed in order.
//
// A commit is written to both copies and fsynced before it is acknowledged and
// before the next is begun. So both copies hold every acknowledged frame, and
// they differ by at most the one frame that was under way. If one copy ends
// more than a frame before the other, it is damaged. If they end together or
// one frame apart, the longer one counts: a frame that is whole is taken even
// if nobody heard of it. What lies behind is cut off, unless a later frame is
// found in it.
func (s *Store) recover(w walker) (survey, *index, error) {
	dir := s.opts.Dir
	names := journalNames(s.ring.generation)
	var both [2]survey
	var g errgroup.Group
	for i, file := range names {
		g.Go(func() (err error) {
			both[i], err = walker{skipHash: true}.walk(dir, file)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return survey{}, nil, err
	}
	long, short := both[0], both[1]
	if short.frames > long.frames {
		long, short = short, long
	}
	if long.frames > short.frames+1 {
		return survey{}, nil, corrupt(short.file, "damaged at byte %d: the other copy has %d more frames",
			short.end, long.frames-short.frames)
	}
	for _, c := range both {
		if c.junk < 0 {
			continue
		}
		at, err := laterFrame(dir, c.file, c.end, long.frames)
		if err != nil {
			return survey{}, nil, err
		}
		if at >= 0 {
			return survey{}, nil, corrupt(c.file, "damaged at byte %d: a later frame follows at byte %d", c.end, at)
		}
	}
	if diff, err := samePrefix(dir, names, short.end); err != nil {
		return survey{}, nil, err
	} else if diff >= 0 {
		return survey{}, nil, corrupt(names[1], "the two copies of the journal differ at byte %d", diff)
	}
	x, at, err := s.replay(long.file, w)
	if err != nil {
		return survey{}, nil, err
	}
	if at.frames != long.frames {
		return survey{}, nil, fmt.Errorf("%s changed while it was read", long.file)
	}
	if short.frames < long.frames || long.junk >= 0 || short.junk >= 0 {
		s.opts.Log.Warn("journal ends in an unfinished commit; it is completed or cut off",
			"file", short.file, "frames", long.frames, "missing", long.frames-short.frames)
	}
	s.short = short
	return at, x, nil
}

// replay authenticates every frame of one copy and rebuilds the index from it.
func (s *Store) replay(file string, w walker) (*index, survey, error) {
	r := replayer{x: newIndex(newLeafHasher(s.root.digest), 0), base: s.ring.baseSeq}
	aead := newAEAD(s.ring.keys.journal)
	w.frame = func(before chain, at int64, frame []byte) error {
		p, err := openFrame(aead, before, frame)
		if err == nil {
			err = r.next(p)
		}
		if err != nil {
			return corrupt(file, "frame at byte %d: %v", at, err)
		}
		return nil
	}
	at, err := w.walk(s.opts.Dir, file)
	if err != nil {
		return nil, at, err
	}
	if !r.complete {
		return nil, at, corrupt(file, "the snapshot it begins with is not complete (whole up to byte %d)", at.end)
	}
	return r.x, at, nil
}

// replayer applies frames in order and checks the state that each promises.
type replayer struct {
	x        *index
	base     uint64
	complete bool // the end of the snapshot was seen
}

func (r *replayer) next(p payload) error {
	var want uint64 // in a snapshot part
	switch {
	case p.kind == frameCommit && r.complete:
		want = r.x.state.seq + 1
	case p.kind == frameCommit:
		return errors.New("commit before the end of the snapshot")
	case r.complete:
		return errors.New("snapshot after its end")
	case p.kind == frameSnapshotEnd:
		want = r.base
	}
	if p.state.seq != want {
		return fmt.Errorf("commit %d where %d was expected", p.state.seq, want)
	}
	for _, o := range p.ops {
		e, _, err := parseEntry(o.sealed)
		if err != nil {
			return err
		}
		if e.status == statusState {
			return errRecord
		}
		r.x.put(o.name, e)
	}
	r.x.state.seq, r.x.state.highWater = p.state.seq, p.state.highWater
	if r.x.state != p.state {
		return errors.New("records do not add up to the state")
	}
	r.complete = r.complete || p.kind == frameSnapshotEnd
	return nil
}

// rebuild makes both journals equal and fills a fresh Badger directory with
// the records that count.
func (s *Store) rebuild(x *index, at survey) error {
	dir := s.opts.Dir
	db := filepath.Join(dir, dbName(s.ring.generation))
	if err := engineBusy(db); err != nil {
		return err
	}
	if err := os.RemoveAll(db); err != nil {
		return fmt.Errorf("drop unattested badger: %w", err)
	}
	if err := syncDir(dir); err != nil {
		return err
	}
	if err := s.room.admit(x.bytes/2, true); err != nil {
		return err
	}
	var err error
	if s.engine, err = s.openEngine(s.ring); err != nil {
		return err
	}
	load := s.engine.newLoader()
	aead := newAEAD(s.ring.keys.journal)
	_, err = walker{frame: func(before chain, _ int64, frame []byte) error {
		p, err := openFrame(aead, before, frame)
		if err != nil {
			return corrupt(at.file, "%v", err)
		}
		for _, o := range p.ops {
			e, _, err := parseEntry(o.sealed)
			if err != nil {
				return err
			}
			if x.entries[o.name] != e {
				continue // superseded
			}
			if err := load.put(o.name, o.sealed); err != nil {
				return err
			}
		}
		return nil
	}}.walk(dir, at.file)
	if err == nil {
		state := s.sealer.stateRecord(x.state)
		err = load.put(state.name, state.sealed)
	}
	if err == nil {
		err = load.flush()
	}
	s.rebuilt = true
	return err
}

// mendJournal gives the shorter copy the frame that only the longer one has.
func mendJournal(dir string, short survey, long survey) error {
	if short.frames >= long.frames {
		return nil
	}
	src, _, err := openRegular(filepath.Join(dir, long.file), os.O_RDONLY)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, _, err := openRegular(filepath.Join(dir, short.file), os.O_RDWR)
	if err != nil {
		return err
	}
	defer dst.Close()
	if err := dst.Truncate(short.end); err != nil {
		return err
	}
	if _, err := dst.Seek(short.end, io.SeekStart); err != nil {
		return err
	}
	if _, err := io.Copy(dst, io.NewSectionReader(src, short.end, long.end-short.end)); err != nil {
		return err
	}
	return dst.Sync()
}

// renewJournal writes the first end bytes of a copy over themselves and fsyncs
// them. What recover has read may exist in memory alone: after an fsync that
// failed, Linux keeps the pages for reading and takes them for written, and no
// later fsync writes them. Only a new write does. The copies are renewed one
// after the other, so that a power cut in between finds one of them whole.
func renewJournal(dir, file string, end int64) error {
	f, _, err := openRegular(filepath.Join(dir, file), os.O_RDWR)
	if err != nil {
		return err
	}
	defer f.Close()
	buf := make([]byte, min(end, 1<<20))
	for at := int64(0); at < end; at += int64(len(buf)) {
		buf = buf[:min(int64(len(buf)), end-at)]
		if _, err := f.ReadAt(buf, at); err != nil {
			return err
		}
		if _, err := f.WriteAt(buf, at); err != nil {
			return err
		}
	}
	return f.Sync()
}
