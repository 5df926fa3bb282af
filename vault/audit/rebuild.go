package audit

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"
)

func leafIndex(seq int64) int64 { return tlog.StoredHashIndex(0, seq) }

func hashBytes(n int64) int64 { return tlog.StoredHashCount(n) * tlog.HashSize }

func rootAt(n int64, h *hashFile) (tlog.Hash, error) {
	return tlog.TreeHash(n, storedHashes{h})
}

// rebuild computes the hash file again from the records, in their order, and
// returns how many there are. If there are fewer than the atLeast that the
// present file is right about, it keeps the present file: then records are
// missing, and their hashes are all that is left of them.
func (l *Log) rebuild(segments []segment, atLeast int64) (int64, error) {
	path := l.hashes.path + tempSuffix
	n, err := computeHashes(l.dir, segments, path)
	if err != nil || n < atLeast {
		return atLeast, errors.Join(err, os.Remove(path))
	}
	if atLeast > 0 {
		// It is right up to there, so the new one must say the same.
		old, err := rootAt(atLeast, l.hashes)
		if err != nil {
			return 0, err
		}
		f, err := os.Open(path)
		if err != nil {
			return 0, err
		}
		now, err := tlog.TreeHash(atLeast, storedHashes{f})
		if err = errors.Join(err, f.Close()); err != nil {
			return 0, err
		}
		if now != old {
			return atLeast, os.Remove(path)
		}
	}
	if err := errors.Join(l.hashes.f.Close(), os.Rename(path, l.hashes.path), syncDir(l.dir)); err != nil {
		return 0, err
	}
	l.hashes.rest = nil
	return n, l.hashes.open(0)
}

// computeHashes writes the hash file of the records of segments to path. It
// ends before the first segment that does not follow the one before.
func computeHashes(dir string, segments []segment, path string) (n int64, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	out := bufio.NewWriterSize(f, 1<<20)
	var edge frontier
	leaf := newLeafHasher()
	var buf []byte
	for _, s := range segments {
		if s.first != edge.size {
			break
		}
		if err := eachLine(dir, s, func(_ int64, line []byte) error {
			buf = edge.add(leaf.sum(line), buf[:0])
			_, err := out.Write(buf)
			return err
		}); err != nil {
			return 0, errors.Join(err, f.Close())
		}
	}
	return edge.size, errors.Join(out.Flush(), f.Sync(), f.Close())
}

func eachLine(dir string, s segment, each func(at int64, line []byte) error) error {
	in, err := s.open(dir)
	if err != nil {
		return err
	}
	_, err = lines(in, each)
	return errors.Join(err, in.Close())
}

// readCheckpoints reads the newest checkpoint and the history of all. It also
// says how many bytes of an incomplete one end the history.
func readCheckpoints(dir string) (newest Checkpoint, history []Checkpoint, torn int64, problems []Problem) {
	data, err := readSmall(filepath.Join(dir, newestName), maxNote)
	if err == nil {
		newest, err = ParseCheckpoint(data)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		problems = append(problems, Problem{-1, err.Error(), newestName})
	}
	data, err = readSmall(filepath.Join(dir, historyName), maxHistory)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		problems = append(problems, Problem{-1, err.Error(), historyName})
	}
	notes, rest := splitHistory(data)
	for _, n := range notes {
		c, err := ParseCheckpoint(n)
		if err != nil {
			problems = append(problems, Problem{-1, err.Error(), historyName})
			continue
		}
		history = append(history, c)
	}
	return newest, history, int64(len(rest)), problems
}

// maxHistory bounds what is read of the history: more than a million checkpoints.
const maxHistory = 256 << 20
