//go:build linux

package crash

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/vaultd/vaultd/test/faultfs"
)

// rounds is how often a test crashes: short unless VAULTD_ROUNDS says more, and
// a third of that under -short.
func rounds(t *testing.T, short int) int {
	t.Helper()
	s := os.Getenv("VAULTD_ROUNDS")
	if s == "" && testing.Short() {
		return max(1, short/3)
	}
	if s == "" {
		return short
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		t.Fatalf("VAULTD_ROUNDS is %q, which is no number of rounds", s)
	}
	return n
}

// chance returns the test's source of random choices and prints its seed.
func chance(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("VAULTD_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("VAULTD_SEED: %v", err)
		}
		seed = n
	}
	t.Logf("VAULTD_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

// disk is where the process under test keeps its files, over many lives.
type disk struct {
	t     *testing.T
	model faultfs.Model
	plain string      // a directory of the real disk, or
	fs    *faultfs.FS // a file system whose power can be cut
}

// newPlainDisk is a directory that outlives the process but not the machine.
func newPlainDisk(t *testing.T) *disk {
	d := &disk{t: t, plain: t.TempDir()}
	t.Cleanup(d.keep)
	return d
}

// newCuttableDisk can lose its power. It skips the test where FUSE is missing.
func newCuttableDisk(t *testing.T, model faultfs.Model) *disk {
	t.Helper()
	if err := faultfs.Unavailable(); err != nil {
		t.Skip(err)
	}
	d := &disk{t: t, model: model}
	d.mount(nil)
	t.Cleanup(func() {
		if err := d.fs.Close(); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	t.Cleanup(d.keep)
	return d
}

func (d *disk) mount(img *faultfs.Image) {
	d.t.Helper()
	fs, err := faultfs.Mount(d.t.TempDir(), faultfs.Options{Model: d.model, Image: img})
	if err != nil {
		d.t.Fatal(err)
	}
	d.fs = fs
}

func (d *disk) dir() string {
	if d.fs != nil {
		return d.fs.Dir()
	}
	return d.plain
}

// cut takes the power from the machine: the process dies, and the disk goes on
// with what was durable. kill ends the process and waits for it.
func (d *disk) cut(process *os.Process, kill func(), loss faultfs.Loss, rng *rand.Rand) {
	d.t.Helper()
	img := d.fs.Cut(loss, rng)
	_ = process.Kill() // it may be gone already
	d.fs.Thaw()        // a process that waits for the disk can't die
	kill()
	if err := d.fs.Close(); err != nil {
		d.t.Fatalf("unmount: %v", err)
	}
	d.mount(img)
}

// keep saves what the disk of a failed test holds in the directory VAULTD_KEEP.
func (d *disk) keep() {
	dir := os.Getenv("VAULTD_KEEP")
	if dir == "" || !d.t.Failed() {
		return
	}
	target := filepath.Join(dir, fmt.Sprint("disk-", time.Now().UnixNano()))
	var err error
	if d.fs != nil {
		err = d.fs.Now().WriteTo(target)
	} else {
		err = os.CopyFS(target, os.DirFS(d.plain))
	}
	d.t.Logf("the disk is kept in %s (%v)", target, err)
}
