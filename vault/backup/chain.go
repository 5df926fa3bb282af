package backup

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/vaultd/vaultd/internal/secret"
)

// ErrChain says that backups do not build on each other.
var ErrChain = errors.New("the backups do not build on each other")

// Chain is a full backup and those that build on it, oldest first, read as one:
// the vault as the last one saw it.
type Chain struct {
	readers  []*Reader
	heads    []Entry // the next entry of each
	live     []bool  // that there is one
	total    uint64
	contents hash.Hash
	buf      []byte
}

// NewChain reads the headers, and refuses files of different vaults, or that do
// not build on each other in the order given.
func NewChain(files []File, key []byte) (*Chain, error) {
	if len(files) == 0 {
		return nil, errors.New("no backup")
	}
	c := &Chain{heads: make([]Entry, len(files)), live: make([]bool, len(files)), contents: sha256.New()}
	for i, f := range files {
		r, err := NewReader(f, key)
		if err != nil {
			return nil, fmt.Errorf("backup %d: %w", i+1, err)
		}
		c.readers = append(c.readers, r)
	}
	for i, r := range c.readers {
		h := r.Header
		switch {
		case i == 0 && h.Content != Full:
			return nil, fmt.Errorf("%w: the first is not a full one", ErrChain)
		case i == 0:
		case h.Content == Full:
			return nil, fmt.Errorf("%w: backup %d is a full one, and must be the first or be left out", ErrChain, i+1)
		case h.VaultID != c.readers[0].Header.VaultID:
			return nil, fmt.Errorf("%w: backup %d is of another vault", ErrChain, i+1)
		case h.BaseHash != c.readers[i-1].Hash || h.BaseSeq != c.readers[i-1].Header.Seq:
			return nil, fmt.Errorf("%w: backup %d does not build on the one before it: one is missing, or they are out of order", ErrChain, i+1)
		}
	}
	for i := range c.readers {
		if err := c.advance(i); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Last is the newest of the backups.
func (c *Chain) Last() *Reader { return c.readers[len(c.readers)-1] }

func (c *Chain) advance(i int) error {
	e, err := c.readers[i].Next()
	c.heads[i], c.live[i] = e, err == nil
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("backup %d: %w", i+1, err)
	}
	return nil
}

// Next returns the next record that lives in the end, in the order of names;
// its body is overwritten by the next call. After the last it returns io.EOF,
// if every file is whole and the whole is what the last backup saw.
func (c *Chain) Next() (Entry, error) {
	for {
		name, any := c.smallest()
		if !any {
			return Entry{}, c.verdict()
		}
		e, found, err := c.pick(name)
		if err != nil {
			return Entry{}, err
		}
		if found {
			secret.Wipe(c.buf)
			c.buf = e.append(c.buf[:0])
			c.contents.Write(c.buf)
			c.total++
			e.Body = c.buf[len(c.buf)-len(e.Body):] // the reader's is overwritten by its next
		}
		for i := range c.readers {
			if c.live[i] && c.heads[i].Name == name {
				if err := c.advance(i); err != nil {
					return Entry{}, err
				}
			}
		}
		if found {
			return e, nil
		}
	}
}

func (c *Chain) smallest() (n Name, any bool) {
	for i, h := range c.heads {
		if c.live[i] && (!any || bytes.Compare(h.Name[:], n[:]) < 0) {
			n, any = h.Name, true
		}
	}
	return n, any
}

// pick decides what the files, the newest first, say of the record of that name.
func (c *Chain) pick(n Name) (Entry, bool, error) {
	kept := false
	for i := len(c.readers) - 1; i >= 0; i-- {
		if !c.live[i] || c.heads[i].Name != n {
			if c.readers[i].Header.Content == Changes {
				continue
			}
			break // a list of all that there is does not have it
		}
		switch e := c.heads[i]; e.Kind {
		case Live:
			return e, true, nil
		case Kept:
			kept = true
			continue
		}
		break
	}
	if kept {
		return Entry{}, false, damaged("a record that was kept is missing from those before")
	}
	return Entry{}, false, nil
}

func (c *Chain) verdict() error {
	end := c.Last().end
	if c.total != end.total || Hash(c.contents.Sum(nil)) != end.contents {
		return damaged("the records do not add up to what the last backup saw")
	}
	return io.EOF
}

// HighWater is the latest time that the vault had seen; known at the end.
func (c *Chain) HighWater() time.Time { return c.Last().HighWater() }

// Wipe overwrites the content that was read last.
func (c *Chain) Wipe() {
	for _, r := range c.readers {
		r.Wipe()
	}
	secret.Wipe(c.buf[:cap(c.buf)])
}
