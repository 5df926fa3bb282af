package audit_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vaultd/vaultd/vault/audit"
)

// smallDisk is a file system of its own, of size bytes.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount a small file system")
	}
	at := t.TempDir()
	if err := unix.Mount("tmpfs", at, "tmpfs", 0, "size="+size+",mode=0700"); err != nil {
		t.Skip("can't mount a small file system here:", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(at, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return at
}

// fillUp takes all the space there is.
func fillUp(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 64<<10); ; {
		if _, err := f.Write(block); errors.Is(err, syscall.ENOSPC) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestFullDiskRefusesAllButUrgentAndRecovers(t *testing.T) {
	disk := smallDisk(t, "2m")
	dir := filepath.Join(disk, "audit")
	l := open(t, dir, audit.Options{Reserve: 256 << 10, Interval: time.Millisecond})
	if err := l.SetSigner(origin, seed); err != nil {
		t.Fatal(err)
	}
	write(t, l, 0, 10)
	ballast := filepath.Join(disk, "ballast")
	fillUp(t, ballast)
	ctx := context.Background()
	written := 10
	refused := 0
	for i := range 200 { // what fits in the last block is taken
		if _, err := l.Append(ctx, record(i)); err == nil {
			written++
		} else if !errors.Is(err, audit.ErrUnavailable) || !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		} else {
			refused++
		}
	}
	if refused < 150 {
		t.Fatal("only", refused, "refused")
	}
	if err := l.AppendHot(record(1)); !errors.Is(err, audit.ErrUnavailable) {
		t.Fatal("hot:", err)
	}
	if l.Status().Err == nil {
		t.Fatalf("%+v", l.Status())
	}
	for range 300 { // some 120 kB
		if _, err := l.AppendUrgent(ctx, record(77)); err != nil {
			t.Fatal(err)
		}
		written++
	}
	if _, err := l.Append(ctx, record(1)); !errors.Is(err, audit.ErrUnavailable) {
		t.Fatal("an ordinary record took the space of urgent ones:", err)
	}
	// Sealing signs, and a daemon that starts on a full disk can be sealed again.
	if err := l.ClearSigner(); err != nil {
		t.Fatal(err)
	}
	if c := newest(t, dir); c.Size != int64(written) || c.Verified(key(t)) != nil {
		t.Fatalf("%+v, %d written", c, written)
	}
	_ = l.Close() // says that the disk is full, or not
	l = open(t, dir, audit.Options{Reserve: 256 << 10, Interval: time.Millisecond})
	if _, err := l.AppendUrgent(ctx, record(78)); err != nil {
		t.Fatal(err)
	}
	written++
	if _, err := l.Append(ctx, record(1)); !errors.Is(err, audit.ErrUnavailable) {
		t.Fatal(err)
	}
	if err := l.SetSigner(origin, seed); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(ctx, record(2)); err != nil {
		t.Fatal("no recovery:", err)
	}
	if err := l.AppendHot(record(3)); err != nil {
		t.Fatal("no recovery:", err)
	}
	written += 2
	if s := l.Status(); s.Err != nil || len(s.Problems) != 0 {
		t.Fatalf("%+v", s)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	wantOK(t, verify(t, dir), int64(written))
}

// Hot records that were acknowledged before the disk was full are written when
// it no longer is.
func TestAcknowledgedHotRecordsWaitForSpace(t *testing.T) {
	disk := smallDisk(t, "2m")
	dir := filepath.Join(disk, "audit")
	l := open(t, dir, audit.Options{Reserve: 64 << 10, Interval: time.Hour, FlushRecords: 1 << 20})
	write(t, l, 0, 1)
	for i := range 100 {
		if err := l.AppendHot(record(i)); err != nil {
			t.Fatal(err)
		}
	}
	ballast := filepath.Join(disk, "ballast")
	fillUp(t, ballast)
	if _, err := l.Append(context.Background(), record(1)); !errors.Is(err, audit.ErrUnavailable) {
		t.Fatal(err)
	}
	if s := l.Status(); s.Unsynced != 100 || s.Size != 1 {
		t.Fatalf("%+v", s)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if seq, err := l.Append(context.Background(), record(1)); err != nil || seq != 101 {
		t.Fatal(seq, err)
	}
}
