package audit

import (
	"runtime"
	"slices"
	"sync"

	"golang.org/x/mod/sumdb/tlog"
)

// tree is a Merkle tree in memory, level by level, of complete subtrees only,
// and knows which file each record is in.
type tree struct {
	levels [][]tlog.Hash
	starts []int64 // first record of each file
	files  []string
}

func (t *tree) size() int64 {
	if len(t.levels) == 0 {
		return 0
	}
	return int64(len(t.levels[0]))
}

func (t *tree) add(leaf tlog.Hash, file string) {
	if len(t.levels) == 0 {
		t.levels = [][]tlog.Hash{nil}
	}
	if len(t.files) == 0 || t.files[len(t.files)-1] != file {
		t.files = append(t.files, file)
		t.starts = append(t.starts, t.size())
	}
	t.levels[0] = append(t.levels[0], leaf)
}

// where is the file of a record.
func (t *tree) where(seq int64) string {
	i, found := slices.BinarySearch(t.starts, seq)
	if !found {
		i--
	}
	if i < 0 {
		return ""
	}
	return t.files[i]
}

// build computes the levels above the leaves, with all processors.
func (t *tree) build() {
	for len(t.levels) > 0 && len(t.levels[len(t.levels)-1]) > 1 {
		below := t.levels[len(t.levels)-1]
		above := make([]tlog.Hash, len(below)/2)
		inParallel(len(above), func(from, to int) {
			for i := from; i < to; i++ {
				above[i] = tlog.NodeHash(below[2*i], below[2*i+1])
			}
		})
		t.levels = append(t.levels, above)
	}
}

// root is the root of the tree of the first n records.
func (t *tree) root(n int64) tlog.Hash {
	root, err := tlog.TreeHash(n, t)
	if err != nil {
		panic(err) // ReadHashes has no errors
	}
	return root
}

// ReadHashes implements tlog.HashReader.
func (t *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		level, n := tlog.SplitStoredHashIndex(x)
		hashes[i] = t.levels[level][n]
	}
	return hashes, nil
}

// compareInner counts the hashes above the leaves that a hash file has wrong,
// of subtrees below record limit.
func (t *tree) compareInner(stored []byte, limit int64) (wrong int64) {
	have := int64(len(stored)) / tlog.HashSize
	for level := 1; level < len(t.levels); level++ {
		for n, h := range t.levels[level] {
			if int64(n+1)<<level > limit {
				break
			}
			x := tlog.StoredHashIndex(level, int64(n))
			if x < have && string(storedHash(stored, x)) != string(h[:]) {
				wrong++
			}
		}
	}
	return wrong
}

func inParallel(n int, f func(from, to int)) {
	const least = 1 << 12
	step := max(least, n/runtime.GOMAXPROCS(0)+1)
	var wait sync.WaitGroup
	for from := 0; from < n; from += step {
		wait.Go(func() { f(from, min(n, from+step)) })
	}
	wait.Wait()
}
