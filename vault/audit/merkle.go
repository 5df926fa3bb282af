package audit

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"math/bits"
	"sort"

	"golang.org/x/mod/sumdb/tlog"
)

// maxRecords is more than a log will ever have. Larger numbers are not
// believed, wherever they stand, so that arithmetic on them is safe.
const maxRecords = 1 << 53

// Head is the state of the tree after Size records.
type Head struct {
	Size int64
	Root tlog.Hash
}

// leafHasher computes RFC 6962 leaf hashes without allocating.
type leafHasher struct{ h hash.Hash }

func newLeafHasher() leafHasher { return leafHasher{sha256.New()} }

var leafPrefix = []byte{0}

func (l leafHasher) sum(line []byte) (out tlog.Hash) {
	l.h.Reset()
	l.h.Write(leafPrefix)
	l.h.Write(line)
	l.h.Sum(out[:0])
	return out
}

// frontier is the right edge of the tree: for every bit set in size, the root
// of the complete subtree of that height. Appending needs nothing else, so it
// never reads what was written before.
type frontier struct {
	size  int64
	nodes [63]tlog.Hash
}

// add appends the leaf, and the hashes that have to be stored for it (those
// that tlog.StoredHashes names, in its order) to out.
func (f *frontier) add(leaf tlog.Hash, out []byte) []byte {
	out = append(out, leaf[:]...)
	level := 0
	for n := f.size; n&1 == 1; n >>= 1 {
		leaf = tlog.NodeHash(f.nodes[level], leaf)
		out = append(out, leaf[:]...)
		level++
	}
	f.nodes[level] = leaf
	f.size++
	return out
}

func (f *frontier) head() Head {
	if f.size == 0 {
		return Head{Root: sha256.Sum256(nil)}
	}
	level := bits.TrailingZeros64(uint64(f.size))
	root := f.nodes[level]
	for level++; level < bits.Len64(uint64(f.size)); level++ {
		if f.size>>level&1 == 1 {
			root = tlog.NodeHash(f.nodes[level], root)
		}
	}
	return Head{f.size, root}
}

// loadFrontier reads the right edge of a tree of n records.
func loadFrontier(n int64, r tlog.HashReader) (frontier, error) {
	f := frontier{size: n}
	var levels []int
	var indexes []int64
	for level := range bits.Len64(uint64(n)) {
		if n>>level&1 == 1 {
			levels = append(levels, level)
			indexes = append(indexes, tlog.StoredHashIndex(level, n>>level-1))
		}
	}
	hashes, err := r.ReadHashes(indexes)
	if err != nil {
		return f, err
	}
	for i, level := range levels {
		f.nodes[level] = hashes[i]
	}
	return f, nil
}

// storedHashes reads the hashes of a tree from their file, by stored hash index.
type storedHashes struct{ r io.ReaderAt }

// ReadHashes implements tlog.HashReader.
func (s storedHashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		if n, err := s.r.ReadAt(hashes[i][:], x*tlog.HashSize); n < tlog.HashSize {
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, fmt.Errorf("read hash %d of %s: %w", x, hashesName, err)
		}
	}
	return hashes, nil
}

// storedLeaves is the number of records that a hash file of so many bytes is
// for: the largest whose hashes are all there.
func storedLeaves(size int64) int64 {
	count := size / tlog.HashSize
	// More than half of the hashes are leaves.
	low := count / 2
	return low + int64(sort.Search(65, func(i int) bool { return tlog.StoredHashCount(low+int64(i)+1) > count }))
}
