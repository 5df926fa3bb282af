package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/vaultd/vaultd/vault/audit"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("AUDIT_CHILD"); dir != "" {
		child(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

const origin = "vaultd/00112233445566778899aabbccddeeff"

var seed = bytes.Repeat([]byte{7}, 32)

func key(t testing.TB) string {
	t.Helper()
	k, err := audit.VerifierKey(origin, seed)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// logDir is a private directory; those of t.TempDir are open to others.
func logDir(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "audit")
}

func open(t testing.TB, dir string, o audit.Options) *audit.Log {
	t.Helper()
	l, err := audit.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func record(i int) audit.Record {
	return audit.Record{
		Time:      time.Date(2026, 1, 2, 3, 4, 5, i, time.UTC),
		Request:   fmt.Sprintf("req-%d", i),
		Principal: audit.Principal{UID: 1000, User: "alice", GID: 1000, PID: int32(i%30000 + 1), Exe: "/usr/bin/backup", Unit: "backup.service"},
		Action:    "key.encrypt",
		Key:       audit.Key{Name: "session", Version: 3, Fingerprint: "SHA256:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg"},
		Owner:     "alice", Outcome: audit.Allowed, Rule: "owner", Form: "frames", Duration: 17 * time.Microsecond,
	}
}

// write appends records from to to-1, and makes them durable.
func write(t testing.TB, l *audit.Log, from, to int) {
	t.Helper()
	for i := from; i < to-1; i++ {
		if err := l.AppendHot(record(i)); err != nil {
			t.Fatal(err)
		}
	}
	if to > from {
		if _, err := l.Append(context.Background(), record(to-1)); err != nil {
			t.Fatal(err)
		}
	}
}

// build makes a closed, signed log of n records in segments of about size bytes.
func build(t testing.TB, n int, size int64) string {
	t.Helper()
	dir := logDir(t)
	l := open(t, dir, audit.Options{SegmentSize: size, FlushRecords: 16})
	if err := l.SetSigner(origin, seed); err != nil {
		t.Fatal(err)
	}
	for at := 0; at < n; at += 25 {
		write(t, l, at, min(n, at+25))
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func verify(t testing.TB, dir string) audit.Report {
	t.Helper()
	r, err := audit.Verify(dir, audit.VerifyOptions{Key: key(t)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func wantOK(t testing.TB, r audit.Report, records int64) {
	t.Helper()
	if !r.OK() || r.Records != records || r.Size != records || r.FirstBad != -1 {
		t.Fatalf("want %d good records, got %+v", records, r)
	}
}

// segments are the paths of a log's segments, in order.
func segments(t testing.TB, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "audit-*"))
	if err != nil {
		t.Fatal(err)
	}
	sort.Strings(names)
	return names
}

func newest(t testing.TB, dir string) audit.Checkpoint {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := audit.ParseCheckpoint(data)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func copyDir(t testing.TB, from string) string {
	t.Helper()
	to := logDir(t)
	if err := errors.Join(os.CopyFS(to, os.DirFS(from)), os.Chmod(to, 0o700)); err != nil {
		t.Fatal(err)
	}
	return to
}

func edit(t testing.TB, path string, change func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, change(data), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
