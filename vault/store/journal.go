package store

import (
	"crypto/cipher"
	"fmt"
	"os"
	"path/filepath"
)

// journalStep is how far a journal is filled with zeros ahead of its end, so
// that a commit overwrites space it already has: a full disk shows before a
// frame is begun.
const journalStep = 256 << 10

// journal appends to both copies of a generation's journal. After an error it
// must not be used again, ErrFull excepted: what a failed write or fsync left
// behind is unknown.
type journal struct {
	names  [2]string
	files  [2]*os.File
	aead   cipher.AEAD
	end    int64 // bytes in use
	size   int64 // bytes allocated in both files
	head   chain
	frames uint64
	buf    []byte
}

// createJournal makes both files with their header. They are durable after
// the first sync.
func createJournal(dir string, generation uint64, vaultID [16]byte, keys *generationKeys) (*journal, error) {
	j := &journal{names: journalNames(generation), aead: newAEAD(keys.journal)}
	header := journalHeader(generation, vaultID)
	for i, file := range j.names {
		f, err := os.OpenFile(filepath.Join(dir, file), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			j.close()
			return nil, fmt.Errorf("create journal: %w", err)
		}
		j.files[i] = f
		if _, err := f.WriteAt(header, 0); err != nil {
			j.close()
			return nil, fmt.Errorf("write journal header: %w", err)
		}
	}
	j.end, j.size, j.head = journalHeaderSize, journalHeaderSize, chainStart(header)
	return j, nil
}

// openJournal opens both files for appending behind what at describes. They
// are cut there first: what lay behind was never acknowledged.
func openJournal(dir string, generation uint64, keys *generationKeys, at survey) (*journal, error) {
	j := &journal{
		names: journalNames(generation), aead: newAEAD(keys.journal),
		end: at.end, size: at.end, head: at.head, frames: at.frames,
	}
	for i, file := range j.names {
		f, info, err := openRegular(filepath.Join(dir, file), os.O_RDWR)
		if err != nil {
			j.close()
			return nil, fmt.Errorf("open journal: %w", err)
		}
		j.files[i] = f
		if info.Size() == at.end {
			continue
		}
		if err = f.Truncate(at.end); err == nil {
			err = f.Sync()
		}
		if err != nil {
			j.close()
			return nil, fmt.Errorf("cut journal: %w", err)
		}
	}
	return j, nil
}

// write appends a frame to both copies; it is durable only after sync. ErrFull
// means that nothing was written.
func (j *journal) write(p payload) error {
	j.buf = appendFrame(j.buf[:0], j.aead, j.head, j.frames, p)
	if err := j.reserve(int64(len(j.buf))); err != nil {
		return err
	}
	for i, f := range j.files {
		if _, err := f.WriteAt(j.buf, j.end); err != nil {
			return fmt.Errorf("write %s: %w", j.names[i], err)
		}
	}
	j.head = j.head.next(j.buf)
	j.end += int64(len(j.buf))
	j.frames++
	if cap(j.buf) > 1<<20 {
		j.buf = nil
	}
	return nil
}

// reserve makes room for n more bytes in both copies.
func (j *journal) reserve(n int64) error {
	if j.end+n <= j.size {
		return nil
	}
	size := (j.end + n + journalStep - 1) / journalStep * journalStep
	zeros := make([]byte, size-j.size)
	for i, f := range j.files {
		_, err := f.WriteAt(zeros, j.size)
		if err == nil {
			continue
		}
		if !isFull(err) {
			return fmt.Errorf("extend %s: %w", j.names[i], err)
		}
		for _, f := range j.files {
			if err := f.Truncate(j.size); err != nil {
				return fmt.Errorf("cut journal on a full disk: %w", err)
			}
		}
		return fmt.Errorf("%w: no room for the journal", ErrFull)
	}
	j.size = size
	return nil
}

// sync makes both copies durable.
func (j *journal) sync() error {
	second := make(chan error, 1)
	go func() { second <- j.files[1].Sync() }()
	err := j.files[0].Sync()
	if err2 := <-second; err == nil {
		err = err2
	}
	if err != nil {
		return fmt.Errorf("sync journal: %w", err)
	}
	return nil
}

// trim gives back the unused space behind the last frame, durably.
func (j *journal) trim() error {
	for _, f := range j.files {
		if err := f.Truncate(j.end); err != nil {
			return fmt.Errorf("trim journal: %w", err)
		}
	}
	j.size = j.end
	return j.sync()
}

func (j *journal) close() {
	for _, f := range j.files {
		if f != nil {
			f.Close()
		}
	}
}
