package audit

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"golang.org/x/mod/sumdb/tlog"
)

// chunkSize is how much of a segment is read and hashed at a time.
const chunkSize = 4 << 20

// scan is what was found in one segment.
type scan struct {
	chunks []chunk
	torn   int64
	err    error // the file's content could not be decoded to its end
}

// chunk is a run of whole lines: what they claim to be, -1 for nothing, and
// what they are.
type chunk struct {
	seqs   []int64
	hashes []tlog.Hash
	bytes  int64
	torn   int64 // bytes of an incomplete line at the end of the file
}

func (c *chunk) add(leaf leafHasher, line []byte) {
	seq, ok := claimedSeq(line)
	if !ok || seq >= maxRecords {
		seq = -1
	}
	c.seqs = append(c.seqs, seq)
	c.hashes = append(c.hashes, leaf.sum(line))
	c.bytes += int64(len(line)) + 1
}

// scanAll reads segments with all processors: plain ones in chunks, and
// compressed ones each by one goroutine.
func scanAll(dir string, segments []segment) ([]scan, error) {
	scans := make([]scan, len(segments))
	failures := make([]error, len(segments))
	type job struct{ segment, chunk int }
	var jobs []job
	for i, s := range segments {
		n := 1
		if !s.gz {
			n = int(s.size/chunkSize) + 1
		}
		scans[i].chunks = make([]chunk, n)
		for k := range n {
			jobs = append(jobs, job{i, k})
		}
	}
	queue := make(chan job, len(jobs))
	for _, j := range jobs {
		queue <- j
	}
	close(queue)
	var mu sync.Mutex // guards failures and the scans' torn and err
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			leaf := newLeafHasher()
			for j := range queue {
				s := segments[j.segment]
				c, decode, err := scanChunk(dir, s, int64(j.chunk), leaf)
				scans[j.segment].chunks[j.chunk] = c
				mu.Lock()
				scans[j.segment].torn += c.torn
				failures[j.segment] = errors.Join(failures[j.segment], err)
				scans[j.segment].err = errors.Join(scans[j.segment].err, decode)
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	for i, s := range segments {
		if !s.gz && errors.Is(failures[i], os.ErrNotExist) {
			// It was compressed meanwhile, which gave it another name.
			s.name, s.gz = s.name+compressedSuffix, true
			var c chunk
			c, scans[i].err, failures[i] = scanChunk(dir, s, 0, newLeafHasher())
			scans[i].chunks, scans[i].torn = []chunk{c}, c.torn
		}
	}
	return scans, errors.Join(failures...)
}

func scanChunk(dir string, s segment, n int64, leaf leafHasher) (c chunk, decode, err error) {
	if !s.gz {
		c, err = scanPlain(dir, s, n, leaf)
		return c, nil, err
	}
	in, err := s.open(dir)
	if errors.Is(err, gzip.ErrHeader) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return c, err, nil
	}
	if err != nil {
		return c, nil, err
	}
	c.torn, decode = lines(in, func(_ int64, line []byte) error {
		c.add(leaf, line)
		return nil
	})
	return c, decode, in.Close()
}

// scanPlain reads the lines that begin in the n-th chunk of a segment.
func scanPlain(dir string, s segment, n int64, leaf leafHasher) (c chunk, err error) {
	f, err := os.Open(filepath.Join(dir, s.name))
	if err != nil {
		return c, err
	}
	defer f.Close()
	start, end := n*chunkSize, min((n+1)*chunkSize, s.size)
	from := max(0, start-1) // a line begins at start if the byte before ends one
	data := make([]byte, end-from)
	read, err := f.ReadAt(data, from)
	if data = data[:read]; err != nil && err != io.EOF {
		return c, err
	}
	if start > 0 {
		i := bytes.IndexByte(data, '\n')
		if i < 0 {
			return c, nil // inside one endless line
		}
		data = data[i+1:]
	}
	for len(data) > 0 {
		i := bytes.IndexByte(data, '\n')
		if i < 0 {
			break
		}
		c.add(leaf, data[:i])
		data = data[i+1:]
	}
	if len(data) == 0 {
		return c, nil
	}
	// The last line goes on in the next chunk, or has no end.
	torn, err := lines(io.NewSectionReader(f, end-int64(len(data)), s.size-end+int64(len(data))), func(at int64, line []byte) error {
		if at > 0 {
			return errFirstLine
		}
		c.add(leaf, line)
		return nil
	})
	if len(data) > 0 && (err == nil || err == errFirstLine) {
		c.torn = torn
		if err == errFirstLine {
			c.torn = 0
		}
		return c, nil
	}
	return c, err
}

var errFirstLine = errors.New("only the first line is wanted")
