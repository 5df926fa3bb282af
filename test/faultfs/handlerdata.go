//go:build linux

package faultfs

import (
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

const datasync = 1 // FsyncIn.FsyncFlags: fdatasync

func (h *handler) Open(_ <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	_, status := h.enter(OpOpen, in.NodeId, "")
	if !status.Ok() {
		return status
	}
	defer h.mu.Unlock()
	out.OpenFlags = fuse.FOPEN_KEEP_CACHE
	return fuse.OK
}

func (h *handler) Read(_ <-chan struct{}, in *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status) {
	n, status := h.enter(OpRead, in.NodeId, "")
	if !status.Ok() {
		return nil, status
	}
	defer h.mu.Unlock()
	if n.isDir() {
		return nil, fuse.Status(syscall.EISDIR)
	}
	return fuse.ReadResultData(buf[:n.content.read(int64(in.Offset), buf)]), fuse.OK
}

func (h *handler) Write(_ <-chan struct{}, in *fuse.WriteIn, data []byte) (uint32, fuse.Status) {
	n, status := h.enter(OpWrite, in.NodeId, "")
	if !status.Ok() {
		return 0, status
	}
	defer h.mu.Unlock()
	if n.isDir() {
		return 0, fuse.Status(syscall.EISDIR)
	}
	if need := n.content.growth(int64(in.Offset), int64(len(data))); need > 0 && h.used+need > h.capacity {
		return 0, fuse.Status(syscall.ENOSPC)
	}
	h.account(n, func() { n.content.write(int64(in.Offset), data) })
	return uint32(len(data)), fuse.OK
}

func (h *handler) Writev(<-chan struct{}, *fuse.WriteIn, [][]byte) (uint32, fuse.Status) {
	return 0, fuse.ENOSYS
}

func (h *handler) Fsync(_ <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	n, rule, status := h.enterFault(OpFsync, in.NodeId, "")
	if rule != nil {
		defer h.mu.Unlock()
		if rule.fault.Forget {
			n.content.forget()
		}
		return status
	}
	if !status.Ok() {
		return status
	}
	defer h.mu.Unlock()
	// fdatasync of a file whose size stays commits no names.
	names := in.FsyncFlags&datasync == 0 || n.content.size != n.content.syncedSize
	n.content.sync()
	if names {
		h.tree.commit(n)
	}
	return fuse.OK
}

func (h *handler) FsyncDir(_ <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	n, status := h.enter(OpFsyncDir, in.NodeId, "")
	if !status.Ok() {
		return status
	}
	defer h.mu.Unlock()
	h.tree.commit(n)
	return fuse.OK
}

// Flush is close(2); it makes nothing durable.
func (h *handler) Flush(<-chan struct{}, *fuse.FlushIn) fuse.Status { return fuse.OK }

func (h *handler) Fallocate(_ <-chan struct{}, in *fuse.FallocateIn) fuse.Status {
	n, status := h.enter(OpAllocate, in.NodeId, "")
	if !status.Ok() {
		return status
	}
	defer h.mu.Unlock()
	if in.Mode&^unix.FALLOC_FL_KEEP_SIZE != 0 {
		return fuse.Status(syscall.EOPNOTSUPP)
	}
	offset, length := int64(in.Offset), int64(in.Length)
	if need := n.content.growth(offset, length); h.used+need > h.capacity {
		return fuse.Status(syscall.ENOSPC)
	}
	h.account(n, func() {
		n.content.allocate(offset, length)
		if in.Mode&unix.FALLOC_FL_KEEP_SIZE == 0 && offset+length > n.content.size {
			n.content.truncate(offset + length)
		}
	})
	return fuse.OK
}

func (h *handler) OpenDir(_ <-chan struct{}, in *fuse.OpenIn, _ *fuse.OpenOut) fuse.Status {
	_, status := h.enter("", in.NodeId, "")
	if status.Ok() {
		h.mu.Unlock()
	}
	return status
}

func (h *handler) ReadDir(_ <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	dir, status := h.enter("", in.NodeId, "")
	if !status.Ok() {
		return status
	}
	defer h.mu.Unlock()
	// Offsets are made of inode numbers, which only grow, so that a directory
	// that changes between two calls loses no entry that stayed.
	const linksPerFile = 256
	at := map[uint64]string{}
	for _, name := range sortedKeys(dir.children) {
		offset := dir.children[name].id * linksPerFile
		for at[offset] != "" {
			offset++
		}
		at[offset] = name
	}
	for _, offset := range sortedKeys(at) {
		if offset <= in.Offset {
			continue
		}
		n := dir.children[at[offset]]
		if !out.AddDirEntry(fuse.DirEntry{Name: at[offset], Ino: n.id, Mode: n.mode, Off: offset}) {
			break
		}
	}
	return fuse.OK
}

func (h *handler) StatFs(_ <-chan struct{}, in *fuse.InHeader, out *fuse.StatfsOut) fuse.Status {
	_, status := h.enter("", in.NodeId, "")
	if !status.Ok() {
		return status
	}
	defer h.mu.Unlock()
	free := uint64(max(h.capacity-h.used, 0)) / pageSize
	*out = fuse.StatfsOut{
		Blocks: uint64(h.capacity) / pageSize, Bfree: free, Bavail: free,
		Files: 1 << 20, Ffree: 1 << 20, Bsize: pageSize, Frsize: pageSize, NameLen: 255,
	}
	return fuse.OK
}
