//go:build linux

package faultfs

import "math/rand/v2"

const (
	pageSize   = 4096
	sectorSize = 512
)

type page [pageSize]byte

// content is the bytes of one file, as programs see them and as a power cut
// would leave them. A page that is in both maps under the same pointer is
// never changed in place.
type content struct {
	pages map[int64]*page
	size  int64

	synced     map[int64]*page
	syncedSize int64
	dirty      map[int64]struct{} // page numbers that differ from synced
}

func newContent() *content {
	return &content{pages: map[int64]*page{}, synced: map[int64]*page{}, dirty: map[int64]struct{}{}}
}

// contentOf is durable from the start.
func contentOf(data []byte) *content {
	c := newContent()
	c.write(0, data)
	c.sync()
	return c
}

func (c *content) read(off int64, buf []byte) int {
	if off >= c.size {
		return 0
	}
	n := int(min(int64(len(buf)), c.size-off))
	for done := 0; done < n; {
		number, within := (off+int64(done))/pageSize, (off+int64(done))%pageSize
		part := min(n-done, int(pageSize-within))
		if p := c.pages[number]; p != nil {
			copy(buf[done:done+part], p[within:])
		} else {
			clear(buf[done : done+part])
		}
		done += part
	}
	return n
}

func (c *content) write(off int64, data []byte) {
	for len(data) > 0 {
		within := off % pageSize
		part := min(len(data), int(pageSize-within))
		copy(c.own(off / pageSize)[within:], data[:part])
		off, data = off+int64(part), data[part:]
		c.size = max(c.size, off)
	}
}

// own returns the page for changing: a copy where the durable side holds it too.
func (c *content) own(number int64) *page {
	p := c.pages[number]
	switch {
	case p == nil:
		p = new(page)
	case p == c.synced[number]:
		fresh := *p
		p = &fresh
	}
	c.pages[number] = p
	c.dirty[number] = struct{}{}
	return p
}

func (c *content) truncate(size int64) {
	if size < c.size {
		for number := range c.pages {
			if number*pageSize >= size {
				delete(c.pages, number)
				c.dirty[number] = struct{}{}
			}
		}
		if within := size % pageSize; within != 0 && c.pages[size/pageSize] != nil {
			clear(c.own(size / pageSize)[within:])
		}
	}
	c.size = size
}

// growth is how many bytes of new pages a write would take.
func (c *content) growth(off, length int64) int64 {
	var need int64
	for number := off / pageSize; number*pageSize < off+length; number++ {
		if c.pages[number] == nil {
			need += pageSize
		}
	}
	return need
}

// allocate makes the pages of a range, zero where they were not.
func (c *content) allocate(off, length int64) {
	for number := off / pageSize; number*pageSize < off+length; number++ {
		if c.pages[number] == nil {
			c.own(number)
		}
	}
}

func (c *content) sync() {
	for number := range c.dirty {
		if p := c.pages[number]; p != nil {
			c.synced[number] = p
		} else {
			delete(c.synced, number)
		}
	}
	clear(c.dirty)
	c.syncedSize = c.size
}

// forget drops the knowledge that pages wait to be written, as Linux does when
// writing them back failed: programs still read them, a later fsync that
// succeeds does not make them durable.
func (c *content) forget() { clear(c.dirty) }

func (c *content) bytes() []byte {
	b := make([]byte, c.size)
	c.read(0, b)
	return b
}

// afterCut is what a disk holds after the power went.
func (c *content) afterCut(loss Loss, rng *rand.Rand) []byte {
	left := &content{pages: map[int64]*page{}, size: c.syncedSize}
	for number, p := range c.synced {
		left.pages[number] = p
	}
	if loss == AllLost {
		return left.bytes()
	}
	for _, number := range sortedKeys(c.dirty) {
		fresh := c.pages[number]
		if fresh == nil {
			fresh = new(page)
		}
		switch {
		case loss == Torn && rng.IntN(3) == 0:
			left.pages[number] = tear(left.pages[number], fresh, rng)
		case rng.IntN(2) == 0:
			left.pages[number] = fresh
		}
	}
	if c.size != c.syncedSize {
		low, high := min(c.size, c.syncedSize), max(c.size, c.syncedSize)
		switch rng.IntN(3) {
		case 0:
			left.size = c.size
		case 1:
			left.size = low + rng.Int64N(high-low+1)
		}
	}
	return left.bytes()
}

// tear makes a page of whole sectors, each from one of the two.
func tear(old, fresh *page, rng *rand.Rand) *page {
	torn := new(page)
	if old != nil {
		*torn = *old
	}
	for at := 0; at < pageSize; at += sectorSize {
		if rng.IntN(2) == 0 {
			copy(torn[at:at+sectorSize], fresh[at:])
		}
	}
	return torn
}
