package audit_test

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/vaultd/vaultd/vault/audit"
)

// immutable makes a directory one in which nothing can be made, renamed or
// removed, by root neither, as 'chattr +i' does.
func immutable(dir string, on bool) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	flags := 0
	if on {
		flags = unix.STATX_ATTR_IMMUTABLE // the bit of FS_IMMUTABLE_FL
	}
	return unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, flags)
}

// What can't be put in order is found again with every look, and is one problem.
func TestSegmentThatCannotBeMovedIsOneProblem(t *testing.T) {
	dir := logDir(t)
	l := open(t, dir, audit.Options{})
	write(t, l, 0, 3)
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	path := segments(t, dir)[0]
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := fmt.Fprintln(f, "not mine"); err != nil {
		t.Fatal(err)
	}
	if err := immutable(dir, true); err != nil {
		t.Skip("directories can't be made immutable here: ", err)
	}
	t.Cleanup(func() { _ = immutable(dir, false) })
	for range 20 {
		l.Inspect()
	}
	if p := l.Status().Problems; len(p) != 1 {
		t.Errorf("%d problems: %v", len(p), p)
	}
}
