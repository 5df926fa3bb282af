package audit_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/vaultd/vaultd/vault/audit"
)

// What an interrupted write may leave behind the last acknowledged record is
// cut off, wherever it was interrupted.
func TestTornTailIsCutOffEverywhere(t *testing.T) {
	dir := logDir(t)
	l := open(t, dir, audit.Options{})
	write(t, l, 0, 5)
	before := copyLive(t, dir)
	write(t, l, 5, 6)
	l.Close()
	name := "audit-00000000000000000000.jsonl"
	long, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	short, err := os.ReadFile(filepath.Join(before, name))
	if err != nil {
		t.Fatal(err)
	}
	for end := len(short); end <= len(long); end += 7 {
		torn := copyDir(t, before)
		if err := os.WriteFile(filepath.Join(torn, name), long[:end], 0o600); err != nil {
			t.Fatal(err)
		}
		l := open(t, torn, audit.Options{})
		if s := l.Status(); len(s.Problems) != 0 || s.Size != 5 || s.TornBytes != int64(end-len(short)) {
			t.Fatalf("%d bytes: %+v", end-len(short), s)
		}
		write(t, l, 5, 7)
		l.Close()
		r, err := audit.Verify(torn, audit.VerifyOptions{})
		if err != nil {
			t.Fatal(err)
		}
		wantOK(t, r, 7)
	}
}

// A complete record that nobody acknowledged any more is kept.
func TestUnacknowledgedButWholeRecordIsKept(t *testing.T) {
	dir := logDir(t)
	l := open(t, dir, audit.Options{})
	write(t, l, 0, 5)
	before := copyLive(t, dir)
	write(t, l, 5, 6)
	l.Close()
	name := "audit-00000000000000000000.jsonl"
	long, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(before, name), long, 0o600); err != nil {
		t.Fatal(err)
	}
	if h := open(t, before, audit.Options{}).Head(); h != l.Head() {
		t.Fatal(h, l.Head())
	}
}

// Blocks that the file system allocated and never wrote are no records.
func TestRubbishAfterTheLastRecordIsSetAside(t *testing.T) {
	dir := logDir(t)
	l := open(t, dir, audit.Options{})
	write(t, l, 0, 5)
	crashed := copyLive(t, dir)
	edit(t, segments(t, crashed)[0], func(b []byte) []byte {
		return append(append(b, make([]byte, 300)...), "\nhalf"...)
	})
	l = open(t, crashed, audit.Options{})
	if s := l.Status(); s.Size != 6 || len(s.Problems) != 1 || s.Problems[0].Seq != 5 {
		t.Fatalf("%+v", s)
	}
	aside, err := filepath.Glob(filepath.Join(crashed, "unreadable-*"))
	if err != nil || len(aside) != 1 {
		t.Fatal(aside, err)
	}
	if b, err := os.ReadFile(aside[0]); err != nil || len(b) != 305 {
		t.Fatal(len(b), err)
	}
	write(t, l, 6, 8)
	l.Close()
	r, err := audit.Verify(crashed, audit.VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	wantOK(t, r, 8)
}

// copyLive copies a log that is open, as a crash would leave it.
func copyLive(t *testing.T, dir string) string {
	t.Helper()
	return copyDir(t, dir)
}
