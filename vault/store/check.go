package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
)

// CheckOptions says what Check looks at. Without RootKey it checks structure
// only: lengths, checksums, and that the copies agree.
type CheckOptions struct {
	Dir         string
	Lock        *Lock // of Dir, if the caller holds it
	AnchorPath  string
	VaultID     [16]byte
	RootKey     []byte // nil: structure only
	HeaderHash  [32]byte
	HeaderEpoch uint64
	Repair      bool // needs RootKey
	Log         *slog.Logger

	// Visit, if set, sees every live record of a copy that verifies once, in
	// no order and never concurrently; none where no copy does or RootKey is
	// nil. Its error ends Check. Body is valid only during the call.
	Visit func(Record) error
}

// Check examines a closed store and, with Repair, restores what a good copy is
// left of. It changes nothing otherwise. The error says that the check could
// not be made (ErrNoStore, ErrLocked, ErrPermissions, ErrWrongKey, a read
// error); damage is in the report.
func Check(o CheckOptions) (*Report, error) {
	if o.Repair && o.RootKey == nil {
		return nil, errors.New("repair needs the root key")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if err := checkDir(o.Dir); err != nil {
		return nil, err
	}
	if found, err := findStore(o.Dir); err != nil {
		return nil, err
	} else if !found {
		return nil, fmt.Errorf("%w: %s", ErrNoStore, o.Dir)
	}
	if o.Lock == nil {
		lock, err := LockDir(o.Dir)
		if err != nil {
			return nil, err
		}
		defer lock.Close()
	}
	c := &checker{o: o, report: &Report{Complete: o.RootKey != nil}}
	if incomplete, err := Incomplete(o.Dir); err != nil {
		return nil, err
	} else if incomplete {
		c.find(Finding{File: fileCreating, Offset: -1, What: "creation was interrupted: there is no store yet"})
		return c.report, nil
	}
	if err := refuseNewer(o.Dir, o.AnchorPath); err != nil {
		return nil, err
	}
	if o.RootKey == nil {
		return c.report, c.structure()
	}
	root, err := deriveKeys(o.RootKey, o.VaultID)
	if err != nil {
		return nil, err
	}
	defer root.wipe()
	c.root = root
	err = c.complete()
	if c.ring != nil {
		c.ring.keys.wipe()
	}
	return c.report, err
}

type checker struct {
	o      CheckOptions
	report *Report
	root   *rootKeys
	ring   *keyring
	clean  *attestation
}

func (c *checker) find(f Finding) { c.report.Findings = append(c.report.Findings, f) }

// damaged notes damage of a whole file and returns the finding, so that a
// repair can be marked.
func (c *checker) damaged(file string, format string, args ...any) int {
	c.find(Finding{File: file, Offset: -1, What: fmt.Sprintf(format, args...), Severity: Damage})
	return len(c.report.Findings) - 1
}

// repaired marks findings as put right.
func (c *checker) repaired(indexes ...int) {
	for _, i := range indexes {
		c.report.Findings[i].Repaired = true
	}
}

// structure checks what can be checked without a key.
func (c *checker) structure() error {
	dir := c.o.Dir
	for _, file := range []string{fileKeyring, fileKeyringBackup} {
		_, err := readKeyring(dir, file)
		if err := c.noteCorrupt(err); err != nil {
			return err
		}
	}
	b, err := readFile(dir, fileClean, maxClean)
	if !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			c.report.Clean = true
			if cerr := checkClean(b); cerr != nil {
				err = corrupt(fileClean, "%v", cerr)
			}
		}
		if err := c.noteCorrupt(err); err != nil {
			return err
		}
	}
	generations, err := listGenerations(dir)
	if err != nil {
		return err
	}
	if len(generations) == 0 {
		c.damaged("journal", "missing")
	}
	for _, g := range generations {
		if err := c.structureOf(g); err != nil {
			return err
		}
	}
	return nil
}

// structureOf compares the two copies of a generation's journal.
func (c *checker) structureOf(generation uint64) error {
	names := journalNames(generation)
	var both [2]survey
	for i, file := range names {
		s, err := walker{}.walk(c.o.Dir, file)
		if err := c.noteCorrupt(err); err != nil {
			return err
		}
		if err != nil {
			return nil
		}
		both[i] = s
		if s.junk >= 0 && c.report.Clean {
			c.find(Finding{File: file, Offset: s.end, What: "frame is damaged", Severity: Damage})
		}
		if s.junk >= 0 && !c.report.Clean {
			at, err := laterFrame(c.o.Dir, file, s.end, s.frames)
			if err != nil {
				return err
			}
			if at >= 0 {
				c.find(Finding{File: file, Offset: s.end, What: "frame is damaged, others follow", Severity: Damage})
			}
		}
	}
	a, b := both[0], both[1]
	if a.frames == b.frames && a.head != b.head {
		c.damaged(names[1], "differs from the other copy")
	}
	if apart := int64(a.frames) - int64(b.frames); apart > 1 || apart < -1 || (c.report.Clean && apart != 0) {
		short := a
		if b.frames < a.frames {
			short = b
		}
		c.find(Finding{File: short.file, Offset: short.end, What: "ends before the other copy", Severity: Damage})
	}
	return nil
}

// noteCorrupt turns an *ErrCorrupt into a finding and passes other errors on.
func (c *checker) noteCorrupt(err error) error {
	var damage *ErrCorrupt
	if errors.As(err, &damage) {
		c.damaged(damage.Where, "%s", damage.What)
		return nil
	}
	return err
}

// listGenerations returns the generations of the journals that are there.
func listGenerations(dir string) ([]uint64, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []uint64
	seen := map[uint64]bool{}
	for _, e := range list {
		g, ok := generationOf(e.Name())
		if ok && !e.IsDir() && !seen[g] {
			seen[g] = true
			all = append(all, g)
		}
	}
	return all, nil
}

// complete checks everything with the key, in the order in which later parts
// depend on earlier ones.
func (c *checker) complete() error {
	if err := c.keyring(); err != nil || c.ring == nil {
		return err
	}
	attestation, err := c.attestation()
	if err != nil {
		return err
	}
	x, at, err := c.journals()
	if err != nil {
		return err
	}
	if x == nil {
		return c.salvage()
	}
	c.report.Records, c.report.Seq = int(x.state.live), x.state.seq
	if err := c.badger(x, attestation); err != nil {
		return err
	}
	if err := c.visit(x, at); err != nil {
		return err
	}
	return c.anchor(x, at)
}

// keyring finds a keyring that counts.
func (c *checker) keyring() error {
	dir := c.o.Dir
	type copyOf struct {
		file    string
		raw     []byte
		ring    *keyring
		finding int
	}
	both := [2]copyOf{{file: fileKeyring, finding: -1}, {file: fileKeyringBackup, finding: -1}}
	for i := range both {
		k := &both[i]
		raw, err := readKeyring(dir, k.file)
		if err == nil {
			k.ring, err = decodeKeyring(raw, c.root, c.o.VaultID)
			if errors.Is(err, ErrWrongKey) {
				return err
			}
		}
		k.raw = raw
		var damage *ErrCorrupt
		if errors.As(err, &damage) {
			k.finding = c.damaged(k.file, "%s", damage.What)
		} else if err != nil {
			return err
		}
	}
	good := &both[0]
	other := &both[1]
	switch {
	case good.ring == nil && other.ring == nil:
		c.find(Finding{File: fileKeyring, Offset: -1, What: "no copy is left: its keys are gone", Severity: Loss})
		return nil
	case good.ring == nil:
		good, other = other, good
	case other.ring != nil && other.ring.generation > good.ring.generation:
		good.finding = c.damaged(good.file, "older than its backup")
		good, other = other, good
	case other.ring != nil && !bytes.Equal(good.raw, other.raw):
		c.find(Finding{File: other.file, Offset: -1, What: "older than the keyring; a rewrite was interrupted"})
	}
	if other.ring != nil {
		other.ring.keys.wipe()
	}
	c.ring = good.ring
	if !c.o.Repair || other.finding < 0 {
		return nil
	}
	for _, file := range journalNames(c.ring.generation) {
		if found, err := exists(dir, file); err != nil {
			return err
		} else if !found {
			c.find(Finding{File: good.file, Offset: -1, What: "only an older keyring is left", Severity: Loss})
			return nil
		}
	}
	if err := writeFile(dir, other.file, good.raw); err != nil {
		return fmt.Errorf("restore %s: %w", other.file, err)
	}
	c.repaired(other.finding)
	return nil
}

// attestation reads "clean" and returns the index of its finding, or -1.
func (c *checker) attestation() (int, error) {
	a, err := readClean(c.o.Dir, c.root.clean, c.o.VaultID, c.ring.generation)
	var damage *ErrCorrupt
	if errors.As(err, &damage) {
		return c.damaged(damage.Where, "%s", damage.What), nil
	}
	c.clean, c.report.Clean = a, a != nil
	return -1, err
}

// anchor compares the store with its anchor. It is never repaired: only an
// administrator can accept a rollback.
func (c *checker) anchor(x *index, at survey) error {
	if c.o.AnchorPath == "" {
		return nil
	}
	s := c.store()
	s.ring = c.ring
	mark, err := s.loadAnchor()
	if err == nil && mark != nil {
		var head chain
		w := walker{}
		if mark.generation == c.ring.generation {
			w.markAt, w.mark = mark.frames, &head
		}
		if _, err := w.walk(c.o.Dir, at.file); err != nil {
			return err
		}
		err = s.checkAnchor(mark, x.state, at, head)
	}
	if errors.Is(err, ErrRolledBack) {
		c.find(Finding{File: c.o.AnchorPath, Offset: -1, What: err.Error(), Severity: Damage})
		return nil
	}
	return err
}

// store is enough of a Store for the parts that Check shares with Open.
func (c *checker) store() *Store {
	o := Options{
		Dir: c.o.Dir, AnchorPath: c.o.AnchorPath, VaultID: c.o.VaultID, Log: c.o.Log,
		HeaderHash: c.o.HeaderHash, HeaderEpoch: c.o.HeaderEpoch,
	}
	s := newStore(o, c.root)
	s.ring = c.ring
	return s
}
