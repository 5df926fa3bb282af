package store

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// A full disk kills a program inside Badger: it writes through memory maps of
// sparse files, and the kernel answers with SIGBUS. So nothing is written
// unless there is room for it first.
//
//	free >= floor     every batch
//	free >= lowWater  urgent batches
//	free <  lowWater  the ballast is given up; then urgent batches, if that helped
const lowWater = 2*memTableSize + 2<<20 // a new memtable file and a flush

// room keeps the limits and the ballast of one store directory.
type room struct {
	dir     string
	floor   int64
	ballast int64 // size of the ballast file; it may be given up
	held    bool  // the ballast is there
}

func newRoom(o Options) (*room, error) {
	_, total, err := space(o.Dir)
	if err != nil {
		return nil, err
	}
	r := &room{dir: o.Dir, floor: o.MinFree, ballast: o.Ballast}
	if r.floor <= 0 {
		r.floor = min(max(total/16, 16<<20), 64<<20)
	}
	if r.ballast <= 0 {
		r.ballast = min(max(total/16, 12<<20), 32<<20)
	}
	r.held, err = exists(o.Dir, fileBallast)
	return r, err
}

// state says what a batch could do now.
func (r *room) state() (State, int64) {
	free, _, err := space(r.dir)
	if err != nil || free < r.floor {
		return StateFull, free
	}
	return StateOK, free
}

// admit returns nil if n bytes may be written, for an urgent purpose or not,
// and ErrFull if not.
func (r *room) admit(n int64, urgent bool) error {
	n *= 4 // two journals, Badger's log and its table
	free, _, err := space(r.dir)
	if err != nil {
		return err
	}
	switch {
	case free >= r.floor+n:
		if !r.held && free >= r.floor+n+2*r.ballast {
			r.fill() //nolint:errcheck // tried again with the next batch; the batch itself needs no ballast
		}
		return nil
	case !urgent:
		return fmt.Errorf("%w: %d MiB free, %d MiB needed", ErrFull, free>>20, (r.floor+n+1<<20-1)>>20)
	case free >= lowWater+n:
		return nil
	}
	return r.release(lowWater + n)
}

// release gives up the ballast and returns nil if need bytes are free then.
func (r *room) release(need int64) error {
	if r.held {
		if err := removeFile(r.dir, fileBallast); err != nil {
			return err
		}
		r.held = false
	}
	free, _, err := space(r.dir)
	if err != nil {
		return err
	}
	if free < need {
		return fmt.Errorf("%w: %d MiB free, %d MiB needed", ErrFull, free>>20, (need+1<<20-1)>>20)
	}
	return nil
}

// fill writes the ballast. Its content is random, so that no file system
// compresses it away. Failing for want of space is no error.
func (r *room) fill() error {
	path := filepath.Join(r.dir, fileBallast)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|openNoFollow, 0o600)
	if err != nil {
		return fmt.Errorf("create ballast: %w", err)
	}
	defer f.Close()
	noise := rand.NewChaCha8([32]byte{1})
	buf := make([]byte, 1<<20)
	for n := r.ballast; n > 0; n -= int64(len(buf)) {
		noise.Read(buf) //nolint:errcheck // never fails
		if _, err := f.Write(buf[:min(n, int64(len(buf)))]); err != nil {
			if isFull(err) {
				return os.Remove(path)
			}
			return fmt.Errorf("write ballast: %w", err)
		}
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync ballast: %w", err)
	}
	r.held = true
	return syncDir(r.dir)
}
