package store

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// journals checks both copies with the key and returns what they hold. With
// Repair it puts together a whole journal from the good frames of both and
// replaces both. It returns no index when no whole journal can be had.
func (c *checker) journals() (*index, survey, error) {
	names := journalNames(c.ring.generation)
	s := c.store()
	var good [2]*index
	var at [2]survey
	var findings []int
	for i, file := range names {
		x, found, err := s.replay(file, walker{})
		var damage *ErrCorrupt
		switch {
		case errors.As(err, &damage):
			findings = append(findings, c.damagedAt(file, found.end, damage.What))
			continue
		case err != nil:
			return nil, survey{}, err
		}
		if what := c.journalDamage(found); what != "" {
			findings = append(findings, c.damagedAt(file, found.end, what))
			continue
		}
		good[i], at[i] = x, found
	}
	if good[0] != nil && good[1] != nil {
		short, long := 0, 1
		if at[0].frames > at[1].frames {
			short, long = 1, 0
		}
		if at[long].frames <= at[short].frames+1 {
			return good[long], at[long], nil
		}
		findings = append(findings, c.damagedAt(names[short], at[short].end, "ends before the other copy"))
		good[short] = nil
	}
	if len(findings) > 0 && c.o.Repair {
		x, merged, err := c.merge(names)
		if err != nil {
			return nil, survey{}, err
		}
		if x != nil {
			c.repaired(findings...)
			return x, merged, nil
		}
	}
	for i, x := range good {
		if x != nil {
			return x, at[i], nil
		}
	}
	return nil, survey{}, nil
}

func (c *checker) damagedAt(file string, offset int64, what string) int {
	i := c.damaged(file, "%s", what)
	c.report.Findings[i].Offset = offset
	return i
}

// journalDamage says what is wrong with a copy that was whole as far as it
// went.
func (c *checker) journalDamage(at survey) string {
	if c.clean != nil {
		if at.end != c.clean.length || at.size != c.clean.length || at.frames != c.clean.frames || at.head != c.clean.head {
			return "changed since the store was closed"
		}
		return ""
	}
	if at.junk >= 0 {
		if later, err := laterFrame(c.o.Dir, at.file, at.end, at.frames); err != nil || later >= 0 {
			return "a frame is damaged, others follow"
		}
	}
	return ""
}

// merge writes a journal of every frame that is whole in either copy, checks
// it, and puts it in the place of both.
func (c *checker) merge(names [2]string) (*index, survey, error) {
	dir := c.o.Dir
	tmp := names[0] + suffixTmp
	os.Remove(filepath.Join(dir, tmp)) //nolint:errcheck // writing it fails if it is still there
	if err := c.mergeInto(tmp, names); err != nil {
		return nil, survey{}, err
	}
	defer os.Remove(filepath.Join(dir, tmp)) //nolint:errcheck // gone if it was renamed
	s := c.store()
	x, at, err := s.replay(tmp, walker{})
	var damage *ErrCorrupt
	if errors.As(err, &damage) {
		return nil, survey{}, nil
	}
	if err != nil {
		return nil, survey{}, err
	}
	if c.clean != nil && (at.frames != c.clean.frames || at.head != c.clean.head) {
		return nil, survey{}, nil
	}
	for _, file := range names { // a frame that follows the merged ones would be lost
		if found, err := exists(dir, file); err != nil || !found {
			continue
		}
		later, err := laterFrame(dir, file, 0, at.frames)
		if err != nil {
			return nil, survey{}, err
		}
		if later >= 0 {
			return nil, survey{}, nil
		}
	}
	second := names[1] + suffixTmp
	os.Remove(filepath.Join(dir, second)) //nolint:errcheck // copying fails if it is still there
	if err := copyFile(filepath.Join(dir, tmp), filepath.Join(dir, second)); err != nil {
		return nil, survey{}, err
	}
	for _, r := range [2][2]string{{tmp, names[0]}, {second, names[1]}} {
		if err := os.Rename(filepath.Join(dir, r[0]), filepath.Join(dir, r[1])); err != nil {
			return nil, survey{}, err
		}
	}
	at.file = names[0]
	return x, at, syncDir(dir)
}

// mergeInto writes the header and then each frame from the first copy in
// which it is whole, until neither has one.
func (c *checker) mergeInto(tmp string, names [2]string) error {
	header := journalHeader(c.ring.generation, c.o.VaultID)
	out, err := os.OpenFile(filepath.Join(c.o.Dir, tmp), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	var files []*os.File
	for _, file := range names {
		f, _, err := openRegular(filepath.Join(c.o.Dir, file), os.O_RDONLY)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		defer f.Close()
		files = append(files, f)
	}
	w := bufio.NewWriterSize(out, 256<<10)
	w.Write(header) //nolint:errcheck // Flush tells
	aead := newAEAD(c.ring.keys.journal)
	head := chainStart(header)
	offset := int64(len(header))
	for number := uint64(0); ; number++ {
		var frame []byte
		for _, f := range files {
			b := readFrame(f, offset, number)
			if b == nil {
				continue
			}
			if _, err := openFrame(aead, head, append([]byte(nil), b...)); err == nil {
				frame = b
				break
			}
		}
		if frame == nil {
			break
		}
		head = head.next(frame)
		offset += int64(len(frame))
		w.Write(frame) //nolint:errcheck // Flush tells
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return out.Sync()
}

// readFrame returns the frame at an offset, or nil if there is no whole one.
func readFrame(f *os.File, offset int64, number uint64) []byte {
	var head [frameHeaderSize]byte
	if _, err := f.ReadAt(head[:], offset); err != nil {
		return nil
	}
	h, ok := parseFrameHeader(head[:])
	info, err := f.Stat()
	if !ok || h.number != number || err != nil || h.size() > info.Size()-offset {
		return nil
	}
	b := make([]byte, h.size())
	if _, err := io.ReadFull(io.NewSectionReader(f, offset, h.size()), b); err != nil || !frameIntact(b) {
		return nil
	}
	return b
}

// badger checks Badger's copy against the journal. Its repair is to withdraw
// the attestation: the next Open builds Badger anew.
func (c *checker) badger(x *index, attestation int) error {
	var findings []int
	if attestation >= 0 {
		findings = append(findings, attestation)
	}
	if c.clean != nil {
		if c.clean.state != x.state {
			findings = append(findings, c.damaged(fileClean, "attests another commit than the journal's last"))
		}
		err := c.badgerFiles()
		if err == nil {
			err = c.badgerRecords(x)
		}
		var damage *ErrCorrupt
		if errors.As(err, &damage) {
			findings = append(findings, c.damaged(damage.Where, "%s", damage.What))
		} else if err != nil {
			return err
		}
	}
	if len(findings) == 0 || !c.o.Repair || !c.journalsEqual() {
		return nil
	}
	if err := removeFile(c.o.Dir, fileClean); err != nil {
		return err
	}
	c.report.Clean = false
	c.repaired(findings...)
	for i, f := range c.report.Findings { // the single records and files of it
		if strings.HasPrefix(f.File, dbName(c.ring.generation)) {
			c.repaired(i)
		}
	}
	return nil
}

// journalsEqual reports that every damage found so far in a journal was
// repaired, so that it can be relied on alone.
func (c *checker) journalsEqual() bool {
	for _, f := range c.report.Findings {
		if strings.HasPrefix(f.File, prefixJournal) && f.Severity > Note && !f.Repaired {
			return false
		}
	}
	return true
}

func (c *checker) badgerFiles() error {
	db := dbName(c.ring.generation)
	found, err := exists(c.o.Dir, db)
	if err != nil {
		return err
	}
	if !found {
		return corrupt(db, "missing")
	}
	sums, err := sumFiles(filepath.Join(c.o.Dir, db), false)
	if err != nil {
		return err
	}
	return compareFiles(db, c.clean.files, sums)
}

// withCopy opens a copy of Badger's directory, since opening it changes it.
// Its files must have been compared with the attestation.
func (c *checker) withCopy(fn func(*engine) error) error {
	tmp := filepath.Join(c.o.Dir, dirCheck)
	if err := os.RemoveAll(tmp); err != nil {
		return err
	}
	defer os.RemoveAll(tmp) //nolint:errcheck // the next Open removes leftovers
	if err := copyDir(filepath.Join(c.o.Dir, dbName(c.ring.generation)), tmp); err != nil {
		return fmt.Errorf("copy badger: %w", err)
	}
	e, err := openEngine(tmp, c.ring.keys.badger.Bytes(), c.o.Log, func(error) {})
	if err != nil {
		return corrupt(dbName(c.ring.generation), "%v", err)
	}
	err = fn(e)
	return errors.Join(err, e.close())
}

// badgerRecords opens every record in Badger and compares it with the journal.
func (c *checker) badgerRecords(x *index) error {
	db := dbName(c.ring.generation)
	sealer := newSealer(c.ring.keys, c.ring.term, c.o.VaultID)
	return c.withCopy(func(e *engine) error {
		var mu sync.Mutex
		seen := 0
		err := e.scan(2, func(_ int, n name, sealed []byte) error {
			_, got, err := sealer.open(nil, n, sealed)
			mu.Lock()
			defer mu.Unlock()
			if n == stateName {
				return nil
			}
			seen++
			want, known := x.entries[n]
			switch {
			case err != nil:
				c.find(Finding{File: db, Offset: -1, Record: fmt.Sprintf("%x", n), What: err.Error(), Severity: Damage})
				return corrupt(db, "a record does not open")
			case !known || got != want:
				c.find(Finding{File: db, Offset: -1, Record: fmt.Sprintf("%x", n), What: "not the one in the journal", Severity: Damage})
				return corrupt(db, "a record differs from the journal")
			}
			return nil
		})
		if err == nil && seen != len(x.entries) {
			err = corrupt(db, "%d records, the journal has %d", seen, len(x.entries))
		}
		return err
	})
}
