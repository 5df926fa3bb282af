//go:build linux

package faultfs

import (
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// cacheFor is how long the kernel may keep names and attributes: nobody but
// the kernel changes them.
const cacheFor = time.Hour

// handler answers the kernel. Each call enters, which hangs after a cut.
type handler struct {
	fuse.RawFileSystem
	*FS
}

// String names the file system in go-fuse's messages.
func (h *handler) String() string { return "faultfs" }

// enter locks, counts the call, and finds the inode; on success the caller
// unlocks. An op of "" can't be made to fail.
func (h *handler) enter(op Op, id uint64, name string) (*inode, fuse.Status) {
	n, in, status := h.enterFault(op, id, name)
	if in != nil {
		h.mu.Unlock()
		return nil, status
	}
	return n, status
}

// enterFault is enter for a call that wants to know the rule that fails it;
// with a rule the lock is held.
func (h *handler) enterFault(op Op, id uint64, name string) (*inode, *Injection, fuse.Status) {
	h.mu.Lock()
	if h.frozen {
		h.mu.Unlock()
		<-h.thawed
		return nil, nil, fuse.EIO
	}
	n := h.tree.nodes[id]
	if n == nil {
		h.mu.Unlock()
		return nil, nil, fuse.Status(syscall.ESTALE)
	}
	if op == "" {
		return n, nil, fuse.OK
	}
	h.calls[op]++
	file := n.path()
	if name != "" {
		file += "/" + name
	}
	status, in := h.fail(op, file)
	return n, in, status
}

func (h *handler) attr(n *inode, out *fuse.Attr) {
	out.Ino, out.Mode, out.Nlink = n.id, n.mode, uint32(max(n.links, 0))
	out.Uid, out.Gid, out.Blksize = n.uid, n.gid, pageSize
	if n.content != nil {
		out.Size = uint64(n.content.size)
		out.Blocks = uint64(len(n.content.pages)) * pageSize / 512
	}
	out.SetTimes(&n.mtime, &n.mtime, &n.mtime)
}

func (h *handler) entry(n *inode, out *fuse.EntryOut) {
	out.NodeId, out.Generation = n.id, 1
	out.SetEntryTimeout(cacheFor)
	out.SetAttrTimeout(cacheFor)
	h.attr(n, &out.Attr)
}

func (h *handler) Lookup(_ <-chan struct{}, in *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	dir, status := h.enter("", in.NodeId, "")
	if !status.Ok() {
		return status
	}
	defer h.mu.Unlock()
	n := dir.children[name]
	if n == nil {
		return fuse.ENOENT
	}
	h.entry(n, out)
	return fuse.OK
}

func (h *handler) GetAttr(_ <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	n, status := h.enter("", in.NodeId, "")
	if !status.Ok() {
		return status
	}
	defer h.mu.Unlock()
	out.SetTimeout(cacheFor)
	h.attr(n, &out.Attr)
	return fuse.OK
}

func (h *handler) SetAttr(_ <-chan struct{}, in *fuse.SetAttrIn, out *fuse.AttrOut) fuse.Status {
	op := Op("")
	size, resize := in.GetSize()
	if resize {
		op = OpTruncate
	}
	n, status := h.enter(op, in.NodeId, "")
	if !status.Ok() {
		return status
	}
	defer h.mu.Unlock()
	if mode, ok := in.GetMode(); ok {
		n.mode = n.mode&syscall.S_IFMT | mode&0o7777
	}
	if uid, ok := in.GetUID(); ok {
		n.uid = uid
	}
	if gid, ok := in.GetGID(); ok {
		n.gid = gid
	}
	if at, ok := in.GetMTime(); ok {
		n.mtime = at
	}
	if resize {
		if n.isDir() {
			return fuse.Status(syscall.EISDIR)
		}
		h.account(n, func() { n.content.truncate(int64(size)) })
	}
	out.SetTimeout(cacheFor)
	h.attr(n, &out.Attr)
	return fuse.OK
}

// account runs a change of n's content and keeps the sum of used bytes.
func (h *handler) account(n *inode, change func()) {
	before := len(n.content.pages)
	change()
	h.used += int64(len(n.content.pages)-before) * pageSize
	n.mtime = time.Now()
}

func (h *handler) make(in *fuse.InHeader, mode uint32, name string, out *fuse.EntryOut) fuse.Status {
	dir, status := h.enter(OpCreate, in.NodeId, name)
	if !status.Ok() {
		return status
	}
	defer h.mu.Unlock()
	if dir.children[name] != nil {
		return fuse.Status(syscall.EEXIST)
	}
	if h.used+pageSize > h.capacity {
		return fuse.Status(syscall.ENOSPC)
	}
	n := h.tree.newInode(mode, in.Uid, in.Gid)
	if n.isDir() {
		n.links++
	}
	h.tree.record(&change{node: n, to: dir, name: name})
	h.entry(n, out)
	return fuse.OK
}

func (h *handler) Mknod(_ <-chan struct{}, in *fuse.MknodIn, name string, out *fuse.EntryOut) fuse.Status {
	return h.make(&in.InHeader, in.Mode, name, out)
}

func (h *handler) Mkdir(_ <-chan struct{}, in *fuse.MkdirIn, name string, out *fuse.EntryOut) fuse.Status {
	return h.make(&in.InHeader, syscall.S_IFDIR|in.Mode&0o7777, name, out)
}

func (h *handler) Create(_ <-chan struct{}, in *fuse.CreateIn, name string, out *fuse.CreateOut) fuse.Status {
	out.OpenFlags = fuse.FOPEN_KEEP_CACHE
	return h.make(&in.InHeader, syscall.S_IFREG|in.Mode&0o7777, name, &out.EntryOut)
}

func (h *handler) Unlink(_ <-chan struct{}, in *fuse.InHeader, name string) fuse.Status {
	return h.remove(in, name, func(n *inode) syscall.Errno {
		if n.isDir() {
			return syscall.EISDIR
		}
		return 0
	})
}

func (h *handler) Rmdir(_ <-chan struct{}, in *fuse.InHeader, name string) fuse.Status {
	return h.remove(in, name, func(n *inode) syscall.Errno {
		switch {
		case !n.isDir():
			return syscall.ENOTDIR
		case len(n.children) > 0:
			return syscall.ENOTEMPTY
		}
		return 0
	})
}

func (h *handler) remove(in *fuse.InHeader, name string, refuse func(*inode) syscall.Errno) fuse.Status {
	dir, status := h.enter(OpUnlink, in.NodeId, name)
	if !status.Ok() {
		return status
	}
	defer h.mu.Unlock()
	n := dir.children[name]
	if n == nil {
		return fuse.ENOENT
	}
	if errno := refuse(n); errno != 0 {
		return fuse.Status(errno)
	}
	h.tree.record(&change{node: n, from: dir, old: name})
	h.release(n)
	return fuse.OK
}

// release gives the space of a file without a name back. Its bytes stay
// readable for who has it open, and durable until the unlink is.
func (h *handler) release(n *inode) {
	if n.content != nil && n.links <= 0 {
		h.used -= int64(len(n.content.pages)) * pageSize
	}
}

func (h *handler) Rename(_ <-chan struct{}, in *fuse.RenameIn, oldName, newName string) fuse.Status {
	from, status := h.enter(OpRename, in.NodeId, oldName)
	if !status.Ok() {
		return status
	}
	defer h.mu.Unlock()
	to := h.tree.nodes[in.Newdir]
	if to == nil {
		return fuse.Status(syscall.ESTALE)
	}
	n, replaced := from.children[oldName], to.children[newName]
	switch {
	case n == nil:
		return fuse.ENOENT
	case in.Flags&^1 != 0: // RENAME_NOREPLACE is 1
		return fuse.EINVAL
	case in.Flags&1 != 0 && replaced != nil:
		return fuse.Status(syscall.EEXIST)
	case replaced == n:
		return fuse.OK
	case replaced != nil && replaced.isDir() && len(replaced.children) > 0:
		return fuse.Status(syscall.ENOTEMPTY)
	case replaced != nil && replaced.isDir() != n.isDir():
		return fuse.Status(syscall.EISDIR)
	}
	h.tree.record(&change{node: n, from: from, old: oldName, to: to, name: newName})
	if replaced != nil {
		h.release(replaced)
	}
	return fuse.OK
}

func (h *handler) Link(_ <-chan struct{}, in *fuse.LinkIn, name string, out *fuse.EntryOut) fuse.Status {
	dir, status := h.enter(OpCreate, in.NodeId, name)
	if !status.Ok() {
		return status
	}
	defer h.mu.Unlock()
	n := h.tree.nodes[in.Oldnodeid]
	switch {
	case n == nil:
		return fuse.Status(syscall.ESTALE)
	case n.isDir():
		return fuse.EPERM
	case dir.children[name] != nil:
		return fuse.Status(syscall.EEXIST)
	}
	h.tree.record(&change{node: n, to: dir, name: name})
	h.entry(n, out)
	return fuse.OK
}

func (h *handler) Access(<-chan struct{}, *fuse.AccessIn) fuse.Status { return fuse.ENOSYS }
