package audit

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// VerifyOptions of Verify.
type VerifyOptions struct {
	// Key is the verifier key, kept elsewhere, in the form of audit.pub. Empty:
	// the directory's own audit.pub is believed, which finds damage, but not
	// somebody who could replace the whole directory.
	Key string
	// Against is a checkpoint kept elsewhere, which the log must contain.
	Against *Checkpoint
}

// Report is what Verify found.
type Report struct {
	Head              // computed from the records, up to the first gap
	Records     int64 // lines read
	Segments    int
	Bytes       int64 // of lines, uncompressed
	Checkpoints int   // read from history and newest
	Covered     int64 // records under the newest checkpoint that verifies
	Key         string
	TornBytes   int64 // of an incomplete last line; not a sign of tampering
	FirstBad    int64 // first record that is not as it was written, or -1
	Problems    []Problem
	Took        time.Duration
}

// OK reports whether nothing was found.
func (r *Report) OK() bool { return len(r.Problems) == 0 }

// First is the problem with the first bad record, or any when no record is bad.
func (r *Report) First() (Problem, bool) {
	if r.OK() {
		return Problem{}, false
	}
	return r.Problems[0], true
}

// Verify reads a whole log, which may be in use, and says whether it is what
// was written: no record edited, removed, inserted, moved or cut off, up to the
// newest checkpoint by its signature, and beyond it by the hash file, which
// nobody signed yet. It needs 64 bytes of memory for each record. The error is
// about reading; what is wrong with the log is in the Report.
func Verify(dir string, o VerifyOptions) (Report, error) {
	started := time.Now()
	v := &verification{dir: dir, opts: o, first: -1}
	v.report.FirstBad = -1
	err := v.run()
	v.conclude()
	v.report.Took = time.Since(started)
	return v.report, err
}

type verification struct {
	dir         string
	opts        VerifyOptions
	report      Report
	checkpoints []Checkpoint // that verify, by size
	signed      bool         // there is a key, so that the log has signatures
	stored      []byte       // the hash file
	tree        tree         // of the records before the first gap
	differ      []int64      // records unlike their stored hash, ascending
	ends        int64        // the sequence number after the last line
	first       int64        // the first bad record so far, or -1
}

func (v *verification) problem(seq int64, where, what string) {
	earliest := seq >= 0 && (v.first < 0 || seq < v.first)
	if earliest {
		v.first = seq
	}
	if earliest || len(v.report.Problems) < maxProblems {
		v.report.Problems = append(v.report.Problems, Problem{seq, what, where})
	}
}

func (v *verification) run() error {
	// The order matters while the log is being written: what is read first may
	// be behind what is read later, and never ahead.
	if err := v.readCheckpoints(); err != nil {
		return err
	}
	var err error
	if v.stored, err = os.ReadFile(filepath.Join(v.dir, hashesName)); errors.Is(err, os.ErrNotExist) {
		v.problem(-1, hashesName, "is missing; the daemon computes it again when it opens the log")
	} else if err != nil {
		return err
	}
	segments, err := listSegments(v.dir)
	if err != nil {
		return err
	}
	scans, err := scanAll(v.dir, segments)
	if err != nil {
		return err
	}
	v.join(segments, scans)
	v.tree.build()
	v.report.Head = Head{v.tree.size(), v.tree.root(v.tree.size())}
	v.compareCheckpoints()
	v.compareStored()
	v.compareKept()
	return nil
}

func (v *verification) readCheckpoints() error {
	v.report.Key = PublicKey(v.dir)
	if v.opts.Key != "" {
		given := strings.TrimSpace(v.opts.Key)
		if v.report.Key != "" && v.report.Key != given {
			v.problem(-1, publicName, "is not the key that was given")
		}
		v.report.Key = given
	}
	newest, all, _, problems := readCheckpoints(v.dir)
	v.report.Problems = append(v.report.Problems, problems...)
	if newest.Note != nil {
		all = append(all, newest)
	}
	v.report.Checkpoints = len(all)
	if v.report.Key == "" {
		if len(all) > 0 {
			v.problem(-1, publicName, "is missing, so that no checkpoint can be verified")
		}
		return nil
	}
	verifier, err := note.NewVerifier(v.report.Key)
	if err != nil {
		if v.opts.Key != "" {
			return fmt.Errorf("verifier key: %w", err)
		}
		v.problem(-1, publicName, "is not a verifier key")
		return nil
	}
	v.signed = true
	for i, c := range all {
		where := historyName
		if i == len(all)-1 && newest.Note != nil {
			where = newestName
		}
		if err := c.verified(verifier); err != nil {
			v.problem(-1, where, err.Error())
			continue
		}
		v.checkpoints = append(v.checkpoints, c)
	}
	if len(v.checkpoints) == 0 {
		v.problem(-1, newestName, "there is a key, but no checkpoint that verifies")
	}
	slices.SortFunc(v.checkpoints, func(a, b Checkpoint) int { return cmp.Compare(a.Size, b.Size) })
	return nil
}

// compareCheckpoints holds the tree against what was signed.
func (v *verification) compareCheckpoints() {
	have, good := v.tree.size(), int64(0)
	for _, c := range v.checkpoints {
		if c.Size > have {
			// A gap before it has been named already, unless it is at the end.
			if have == v.ends {
				v.problem(have, newestName, fmt.Sprintf("the log ends here, but a checkpoint covers %d records: its end was cut off", c.Size))
			}
			break
		}
		if v.tree.root(c.Size) != c.Root {
			v.problem(v.firstDifference(good, c.Size), v.tree.where(good), fmt.Sprintf("not the record that was signed (checkpoint for %d records)", c.Size))
			break
		}
		good = c.Size
	}
	v.report.Covered = good
}

// firstDifference narrows down which record below a checkpoint is bad: the
// hash file knows, unless it was changed as well.
func (v *verification) firstDifference(from, to int64) int64 {
	i, _ := slices.BinarySearch(v.differ, from)
	if i < len(v.differ) && v.differ[i] < to {
		return v.differ[i]
	}
	return from
}

// compareStored holds the hash file against the tree.
func (v *verification) compareStored() {
	damaged := int64(0)
	for _, seq := range v.differ {
		if seq < v.report.Covered {
			damaged++ // the record is as signed, so its hash is not
			continue
		}
		if seq != v.first {
			v.problem(seq, v.tree.where(seq), "not the record that was written (by the hash file)")
		}
	}
	leaves := storedLeaves(int64(len(v.stored)))
	if v.first < 0 && leaves > v.ends {
		v.problem(v.ends, hashesName, fmt.Sprintf("the log ends here, but the hash file has %d records: its end was cut off", leaves))
	}
	right := v.report.Covered
	if v.first < 0 {
		right = v.tree.size()
	}
	damaged += v.tree.compareInner(v.stored, right)
	if damaged > 0 {
		v.problem(-1, hashesName, fmt.Sprintf("%d hashes are wrong; the daemon computes them again when it opens the log", damaged))
	}
	if int64(len(v.stored)) < hashBytes(v.report.Covered) {
		v.problem(-1, hashesName, "is too short; the daemon computes it again when it opens the log")
	}
}

// compareKept holds the log against a checkpoint kept elsewhere.
func (v *verification) compareKept() {
	kept := v.opts.Against
	if kept == nil {
		return
	}
	if v.report.Key != "" {
		if err := kept.Verified(v.report.Key); err != nil {
			v.problem(-1, "", "the checkpoint kept elsewhere: "+err.Error())
		}
	}
	switch have := v.tree.size(); {
	case kept.Size > have:
		v.problem(have, "", fmt.Sprintf("the log ends here, but a checkpoint kept elsewhere covers %d records: its end was cut off or it was rolled back", kept.Size))
	case v.tree.root(kept.Size) != kept.Root:
		// Everything the log says of itself fits together: it is another log.
		v.problem(v.firstDifference(0, kept.Size), "", fmt.Sprintf("the first %d records are not those of the checkpoint kept elsewhere", kept.Size))
	}
}

// conclude puts the problem with the first bad record first.
func (v *verification) conclude() {
	order := func(p Problem) int64 {
		if p.Seq < 0 {
			return math.MaxInt64
		}
		return p.Seq
	}
	slices.SortStableFunc(v.report.Problems, func(a, b Problem) int { return cmp.Compare(order(a), order(b)) })
	if p, any := v.report.First(); any {
		v.report.FirstBad = p.Seq
	}
}
