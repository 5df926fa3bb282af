//go:build linux

package faultfs

import (
	"path"
	"sync/atomic"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// Op is a kind of call that can be made to fail.
type Op string

// The kinds.
const (
	OpRead     Op = "read"
	OpWrite    Op = "write"
	OpFsync    Op = "fsync" // of a file; msync and fdatasync too
	OpFsyncDir Op = "fsyncdir"
	OpCreate   Op = "create" // of a file or directory
	OpRename   Op = "rename"
	OpUnlink   Op = "unlink" // of a file or directory
	OpTruncate Op = "truncate"
	OpAllocate Op = "fallocate"
	OpOpen     Op = "open"
)

// Ops are all kinds.
var Ops = []Op{OpRead, OpWrite, OpFsync, OpFsyncDir, OpCreate, OpRename, OpUnlink, OpTruncate, OpAllocate, OpOpen}

// Fault is a rule for failing calls.
type Fault struct {
	Op    Op
	Glob  string        // of the base name (path.Match); empty is every file
	Skip  int           // matching calls that still work first
	Count int           // calls that fail; 0 is one, -1 all from then on
	Errno syscall.Errno // 0 is EIO
	// Forget makes a failed fsync drop the dirty state of the pages, as Linux
	// does: a second fsync succeeds without having written them.
	Forget bool
}

// Injection is a Fault at work.
type Injection struct {
	fault Fault
	seen  int
	fired atomic.Int64
	last  atomic.Value // string
}

// Fired is how many calls it has failed.
func (in *Injection) Fired() int { return int(in.fired.Load()) }

// Path is the file of the last call that failed, empty before the first.
func (in *Injection) Path() string { s, _ := in.last.Load().(string); return s }

// Inject makes calls fail from now on.
func (f *FS) Inject(fault Fault) *Injection {
	if fault.Count == 0 {
		fault.Count = 1
	}
	if fault.Errno == 0 {
		fault.Errno = syscall.EIO
	}
	in := &Injection{fault: fault}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = append(f.faults, in)
	return in
}

// Heal removes every fault.
func (f *FS) Heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = nil
}

// fail looks for a rule that fails this call. The caller holds f.mu.
func (f *FS) fail(op Op, file string) (fuse.Status, *Injection) {
	for _, in := range f.faults {
		if in.fault.Op != op {
			continue
		}
		if in.fault.Glob != "" {
			if ok, err := path.Match(in.fault.Glob, path.Base(file)); err != nil || !ok {
				continue
			}
		}
		in.seen++
		after := in.seen - in.fault.Skip
		if after > 0 && (in.fault.Count < 0 || after <= in.fault.Count) {
			in.fired.Add(1)
			in.last.Store(file)
			return fuse.Status(in.fault.Errno), in
		}
	}
	return fuse.OK, nil
}
