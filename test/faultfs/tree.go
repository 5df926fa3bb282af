//go:build linux

package faultfs

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"syscall"
	"time"
)

// Model says when a name becomes durable.
type Model uint8

// The models.
const (
	// Ext4 commits every earlier change of the name space, in order, with any
	// fsync of a file or directory, as a file system with one journal does.
	Ext4 Model = iota
	// Posix keeps a change of a directory only once that directory was synced,
	// which is all that the standard promises.
	Posix
)

func (m Model) String() string { return [...]string{"ext4", "posix"}[m] }

// Loss says what a power cut does to what was not synced.
type Loss uint8

// The losses.
const (
	AllLost  Loss = iota // nothing of it is there
	SomeKept             // each page and each change of a name is there or not, at random
	Torn                 // and pages may be mixed from old and new sectors
)

func (l Loss) String() string { return [...]string{"all-lost", "some-kept", "torn"}[l] }

// inode is a file or directory. Directories have children and no content.
type inode struct {
	id       uint64
	mode     uint32 // with the type bits
	uid, gid uint32
	mtime    time.Time
	links    int

	content  *content
	children map[string]*inode
	synced   map[string]*inode // the durable side of children, without what the log holds

	parent *inode // where it was last linked, for paths in fault rules
	name   string
}

func (n *inode) isDir() bool { return n.children != nil }

func (n *inode) path() string {
	if n.parent == nil {
		return "/"
	}
	return path.Join(n.parent.path(), n.name)
}

// change is one entry in the log of the name space: node leaves (from, old)
// and appears at (to, name); either side may be absent.
type change struct {
	node      *inode
	from, to  *inode
	old, name string
	durable   bool
}

func (c *change) touches(dir *inode) bool { return c.from == dir || c.to == dir }

// apply carries the change out on the maps that side picks.
func (c *change) apply(side func(*inode) map[string]*inode) {
	if c.from != nil {
		if m := side(c.from); m[c.old] == c.node {
			delete(m, c.old)
		}
	}
	if c.to != nil {
		side(c.to)[c.name] = c.node
	}
}

// tree is all inodes and the log of changes that are not folded into the
// durable side yet. It does not lock.
type tree struct {
	model  Model
	nodes  map[uint64]*inode
	nextID uint64
	log    []*change
}

const rootID = 1

func newTree(model Model) *tree {
	t := &tree{model: model, nodes: map[uint64]*inode{}, nextID: rootID}
	root := t.newInode(syscall.S_IFDIR|0o700, 0, 0)
	root.links = 2
	return t
}

func (t *tree) root() *inode { return t.nodes[rootID] }

func (t *tree) newInode(mode, uid, gid uint32) *inode {
	n := &inode{id: t.nextID, mode: mode, uid: uid, gid: gid, mtime: time.Now()}
	t.nextID++
	if mode&syscall.S_IFMT == syscall.S_IFDIR {
		n.children, n.synced = map[string]*inode{}, map[string]*inode{}
	} else {
		n.content = newContent()
	}
	t.nodes[n.id] = n
	return n
}

func volatile(n *inode) map[string]*inode { return n.children }
func durable(n *inode) map[string]*inode  { return n.synced }

// record carries a change out where programs see it, and remembers it.
func (t *tree) record(c *change) {
	if c.to != nil {
		if replaced := c.to.children[c.name]; replaced != nil && replaced != c.node {
			replaced.links--
		}
		c.node.parent, c.node.name = c.to, c.name
	}
	switch {
	case c.from == nil:
		c.node.links++
	case c.to == nil:
		c.node.links--
	}
	c.apply(volatile)
	t.log = append(t.log, c)
}

// commit marks changes durable: all of them under Ext4, those of the synced
// directory under Posix, where syncing a file commits no name.
func (t *tree) commit(dir *inode) {
	for _, c := range t.log {
		if t.model == Ext4 || dir.isDir() && c.touches(dir) {
			c.durable = true
		}
	}
	for len(t.log) > 0 && t.log[0].durable {
		t.log[0].apply(durable)
		t.log = t.log[1:]
	}
}

// afterCut returns the directories as a disk would hold them.
func (t *tree) afterCut(loss Loss, rng *rand.Rand) map[*inode]map[string]*inode {
	dirs := map[*inode]map[string]*inode{}
	side := func(n *inode) map[string]*inode {
		if dirs[n] == nil {
			dirs[n] = maps.Clone(n.synced)
		}
		return dirs[n]
	}
	kept := 0 // under Ext4 a cut keeps a prefix of the log
	if loss != AllLost && t.model == Ext4 {
		kept = rng.IntN(len(t.log) + 1)
	}
	for i, c := range t.log {
		keep := c.durable || i < kept
		if loss != AllLost && t.model == Posix {
			keep = c.durable || rng.IntN(2) == 0
		}
		if keep {
			c.apply(side)
		}
	}
	for _, n := range t.nodes {
		if n.isDir() {
			side(n)
		}
	}
	return dirs
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	return slices.Sorted(maps.Keys(m))
}
