package audit

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// segment is a file of consecutive records.
type segment struct {
	first int64 // sequence number of its first record
	name  string
	gz    bool
	size  int64 // of the file
}

func segmentName(first int64) string { return fmt.Sprintf("audit-%020d.jsonl", first) }

const (
	compressedSuffix = ".gz"
	readBuffer       = 64 << 10
)

func parseSegmentName(name string) (s segment, ok bool) {
	plain, gz := strings.CutSuffix(name, compressedSuffix)
	digits, isSegment := strings.CutPrefix(plain, "audit-")
	digits, isLines := strings.CutSuffix(digits, ".jsonl")
	first, err := strconv.ParseInt(digits, 10, 64)
	if !isSegment || !isLines || err != nil || first < 0 || first >= maxRecords || segmentName(first) != plain {
		return s, false
	}
	return segment{first: first, name: name, gz: gz}, true
}

// listSegments returns the segments of a directory in the order of their
// records. Of a segment that is there in both forms, it returns the plain one:
// the other was being written.
func listSegments(dir string) ([]segment, error) {
	// A directory that changes while it is read may show neither the old nor
	// the new name of a file. So it is read until it looks the same twice.
	segments, err := listOnce(dir)
	for range 100 {
		if err != nil {
			break
		}
		var again []segment
		again, err = listOnce(dir)
		if err == nil && slices.EqualFunc(segments, again, func(a, b segment) bool { return a.name == b.name }) {
			return again, nil
		}
		segments = again
	}
	return segments, err
}

func listOnce(dir string) ([]segment, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var segments []segment
	for _, e := range entries {
		s, ok := parseSegmentName(e.Name())
		if !ok {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, os.ErrNotExist) {
			continue // just compressed; the next reading shows it
		}
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() {
			return nil, fmt.Errorf("%s is not a file", e.Name())
		}
		s.size = info.Size()
		segments = append(segments, s)
	}
	slices.SortStableFunc(segments, func(a, b segment) int {
		switch {
		case a.first != b.first:
			return int(min(1, max(-1, a.first-b.first)))
		case a.gz == b.gz:
			return 0
		case b.gz:
			return -1
		}
		return 1
	})
	return slices.CompactFunc(segments, func(a, b segment) bool { return a.first == b.first }), nil
}

// open opens the segment's lines. A segment that was compressed since it was
// listed is found under its new name.
func (s segment) open(dir string) (io.ReadCloser, error) {
	f, err := os.Open(filepath.Join(dir, s.name))
	if errors.Is(err, os.ErrNotExist) && !s.gz {
		s.name, s.gz = s.name+compressedSuffix, true
		f, err = os.Open(filepath.Join(dir, s.name))
	}
	if err != nil || !s.gz {
		return f, err
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", s.name, err), f.Close())
	}
	return unzipped{z, f}, nil
}

type unzipped struct {
	*gzip.Reader
	f *os.File
}

// Close says nothing of damage, which Read has said.
func (u unzipped) Close() error { return u.f.Close() }

// lines calls each with every complete line of r, without its newline, and
// where the line begins. A line that is too long to be one is given cut; that
// is enough for it not to be the record it was. It returns how many bytes of
// an incomplete line follow the last.
func lines(r io.Reader, each func(at int64, line []byte) error) (torn int64, err error) {
	in := bufio.NewReaderSize(r, readBuffer)
	var at int64
	for {
		line, err := in.ReadSlice('\n')
		length := int64(len(line))
		first := line
		if err == bufio.ErrBufferFull {
			first = append([]byte(nil), line...)
			for err == bufio.ErrBufferFull {
				line, err = in.ReadSlice('\n')
				length += int64(len(line))
			}
		}
		if err == io.EOF {
			return length, nil
		}
		if err != nil {
			return length, err
		}
		if first[len(first)-1] == '\n' {
			first = first[:len(first)-1]
		}
		if err := each(at, first); err != nil {
			return 0, err
		}
		at += length
	}
}
