package secret

import (
	"math/bits"
	"sync"
	"unsafe"
)

const (
	minClass   = 5  // 32 bytes
	maxClass   = 12 // 4 KiB; longer secrets get a mapping of their own
	firstChunk = 16 << 10
	maxChunk   = 1 << 20
)

// arena hands out slots of power-of-two sizes from chunks of locked memory. A
// slot that comes back is wiped and used again; chunks stay, since the number
// of secrets that a vault holds hardly shrinks.
type arena struct {
	mu     sync.Mutex // guards everything below
	free   [maxClass + 1][]*byte
	chunks [maxClass + 1]int
	large  map[*byte]region // secrets longer than the largest class, by first byte
	began  bool
	worst  protection // the weakest memory that was handed out
}

// protection says how well memory is guarded; more is better.
type protection uint8

const (
	heap     protection = iota // memory like any other
	unlocked                   // outside the heap, but locking was refused
	locked                     // never swapped
	hidden                     // locked, and out of reach of the kernel's own mappings
)

func (p protection) String() string {
	return [...]string{"heap", "unlocked", "mlock", "memfd_secret"}[p]
}

// region is one mapping from the operating system.
type region struct {
	mem   []byte // usable part, zeroed
	guard protection
	unmap func() // nil when the garbage collector owns mem
}

var shared arena

// Locked reports whether every secret handed out so far lies in locked memory.
func Locked() bool { return shared.weakest() >= locked }

// Protection names the weakest kind of memory that a secret has been given so
// far: "memfd_secret", "mlock", "unlocked" or "heap".
func Protection() string { return shared.weakest().String() }

func class(n int) int { return max(minClass, bits.Len(uint(n-1))) }

func (a *arena) weakest() protection {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.began { // nothing handed out yet: the first chunk answers
		a.grow(minClass)
	}
	return a.worst
}

// take returns n zero bytes, n > 0.
func (a *arena) take(n int) *byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := class(n)
	if c > maxClass {
		r := a.obtain(n)
		if a.large == nil {
			a.large = make(map[*byte]region)
		}
		p := unsafe.SliceData(r.mem)
		a.large[p] = r
		return p
	}
	if len(a.free[c]) == 0 {
		a.grow(c)
	}
	last := len(a.free[c]) - 1
	p := a.free[c][last]
	a.free[c] = a.free[c][:last]
	return p
}

// give wipes the n bytes at p and takes them back.
func (a *arena) give(p *byte, n int) {
	Wipe(unsafe.Slice(p, n))
	a.mu.Lock()
	defer a.mu.Unlock()
	c := class(n)
	if c <= maxClass {
		a.free[c] = append(a.free[c], p)
		return
	}
	r := a.large[p]
	delete(a.large, p)
	if r.unmap != nil {
		r.unmap()
	}
}

// grow cuts a new chunk into slots of class c. Chunks double, so that a small
// vault stays within the 64 KiB that old systems allow to be locked, and a large
// one does not run out of mappings.
func (a *arena) grow(c int) {
	r := a.obtain(min(firstChunk<<min(a.chunks[c], 16), maxChunk))
	a.chunks[c]++
	// From the end, so that slots are handed out in ascending order.
	for at := len(r.mem) - 1<<c; at >= 0; at -= 1 << c {
		a.free[c] = append(a.free[c], &r.mem[at])
	}
}

func (a *arena) obtain(n int) region {
	r := mapRegion(n)
	if !a.began || r.guard < a.worst {
		a.began, a.worst = true, r.guard
	}
	return r
}

// heapRegion is the last resort: memory like any other.
func heapRegion(n int) region {
	return region{mem: make([]byte, n), guard: heap}
}
