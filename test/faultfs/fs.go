//go:build linux

package faultfs

import (
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// Options of a file system; the zero value is an empty one of 1 GiB under Ext4.
type Options struct {
	Model    Model
	Image    *Image // what it holds at first, all of it durable
	Capacity int64  // bytes of file data it takes, 0 is 1 GiB
}

// FS is one mounted file system.
type FS struct {
	dir    string
	server *fuse.Server
	served chan struct{}

	mu       sync.Mutex // guards all below
	tree     *tree
	faults   []*Injection
	capacity int64
	used     int64 // bytes of pages
	frozen   bool
	thawed   chan struct{} // closed by Thaw
	calls    map[Op]int
}

// Unavailable says why nothing can be mounted here, or is nil.
func Unavailable() error {
	if os.Geteuid() != 0 {
		return errors.New("mounting a FUSE file system here needs root")
	}
	device, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("no FUSE here: %w", err)
	}
	return device.Close()
}

// Mount mounts a file system at dir, an empty directory.
func Mount(dir string, o Options) (*FS, error) {
	if err := Unavailable(); err != nil {
		return nil, err
	}
	if o.Capacity == 0 {
		o.Capacity = 1 << 30
	}
	f := &FS{
		dir: dir, tree: newTree(o.Model), capacity: o.Capacity,
		thawed: make(chan struct{}), served: make(chan struct{}), calls: map[Op]int{},
	}
	if o.Image != nil {
		f.tree.load(o.Image)
		for _, n := range f.tree.nodes {
			if !n.isDir() {
				f.used += int64(len(n.content.pages)) * pageSize
			}
		}
	}
	server, err := fuse.NewServer(&handler{RawFileSystem: fuse.NewDefaultRawFileSystem(), FS: f}, dir, &fuse.MountOptions{
		DirectMountStrict: true, FsName: "faultfs", Name: "faultfs", AllowOther: true,
		DisableXAttrs: true, DisableReadDirPlus: true, DisableSplice: true, MaxWrite: 128 << 10,
		Options: []string{"default_permissions"},
		Logger:  log.New(io.Discard, "", 0), // it reports every unmount
	})
	if err != nil {
		return nil, fmt.Errorf("mount %s: %w", dir, err)
	}
	f.server = server
	closeDeviceOnExec()
	go func() {
		defer close(f.served)
		server.Serve()
	}()
	if err := server.WaitMount(); err != nil {
		return nil, errors.Join(fmt.Errorf("mount %s: %w", dir, err), f.Close())
	}
	return f, nil
}

// closeDeviceOnExec keeps /dev/fuse out of child processes. A child that holds
// it keeps the file system alive without anybody to serve it, and hangs for good.
func closeDeviceOnExec() {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return
	}
	for _, e := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && target == "/dev/fuse" {
			if fd, err := strconv.Atoi(e.Name()); err == nil {
				unix.CloseOnExec(fd)
			}
		}
	}
}

// Dir is where it is mounted.
func (f *FS) Dir() string { return f.dir }

// Cut takes the power away: it returns what the disk holds now, and every call
// from here on hangs until Thaw, so that the program can do nothing more. Send
// the program SIGKILL, then Thaw, then wait for it: a process that waits for a
// file system can't die.
func (f *FS) Cut(loss Loss, rng *rand.Rand) *Image {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.frozen = true
	dirs := f.tree.afterCut(loss, rng)
	return image(f.tree.root(), func(n *inode) map[string]*inode { return dirs[n] },
		func(c *content) []byte { return c.afterCut(loss, rng) })
}

// Now returns what programs see at this moment, synced or not.
func (f *FS) Now() *Image {
	f.mu.Lock()
	defer f.mu.Unlock()
	return image(f.tree.root(), volatile, (*content).bytes)
}

// Thaw makes the calls that hang since Cut, and all later ones, fail with EIO.
func (f *FS) Thaw() {
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case <-f.thawed:
	default:
		close(f.thawed)
	}
}

// SetCapacity changes how many bytes of file data fit.
func (f *FS) SetCapacity(bytes int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.capacity = bytes
}

// Calls is how often a kind of call was made, failed ones too.
func (f *FS) Calls(op Op) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[op]
}

// Close unmounts the file system. Programs that still use it lose it.
func (f *FS) Close() error {
	f.Thaw()
	var err error
	for wait := time.Millisecond; wait < 3*time.Second; wait *= 2 {
		if err = unix.Unmount(f.dir, 0); !errors.Is(err, syscall.EBUSY) {
			break
		}
		time.Sleep(wait)
	}
	if err != nil {
		err = unix.Unmount(f.dir, unix.MNT_DETACH)
	}
	select {
	case <-f.served:
	case <-time.After(time.Minute):
		err = errors.Join(err, fmt.Errorf("%s: still in use", f.dir))
	}
	return err
}
