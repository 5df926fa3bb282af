package audit_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/vaultd/vaultd/vault/audit"
)

func TestRecordsComeBackAsWritten(t *testing.T) {
	dir := logDir(t)
	l := open(t, dir, audit.Options{})
	for i := range 10 {
		seq, err := l.Append(context.Background(), record(i))
		if err != nil || seq != int64(i) {
			t.Fatal(seq, err)
		}
	}
	i := 0
	for e, err := range l.Read(audit.Filter{}) {
		want := record(i)
		want.Seq = int64(i)
		if err != nil || fmt.Sprint(e.Record) != fmt.Sprint(want) {
			t.Fatalf("%v: got %+v, want %+v", err, e.Record, want)
		}
		i++
	}
	if i != 10 {
		t.Fatal("read", i)
	}
	info, err := os.Stat(filepath.Join(dir, "audit-00000000000000000000.jsonl"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info, err)
	}
}

func TestReopenContinues(t *testing.T) {
	dir := logDir(t)
	for round := range 7 {
		l := open(t, dir, audit.Options{SegmentSize: 3000})
		if l.Head().Size != int64(round*13) {
			t.Fatalf("round %d: %+v", round, l.Status())
		}
		write(t, l, round*13, (round+1)*13)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	r, err := audit.Verify(dir, audit.VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	wantOK(t, r, 7*13)
	if r.Segments < 5 {
		t.Fatal("no rotation:", r.Segments)
	}
}

// The head is that of RFC 6962, computed by the library from the lines alone.
func TestHeadIsTheOneOfTlog(t *testing.T) {
	dir := logDir(t)
	l := open(t, dir, audit.Options{SegmentSize: 2000})
	var hashes []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var out []tlog.Hash
		for _, i := range indexes {
			out = append(out, hashes[i])
		}
		return out, nil
	})
	for i := range 70 {
		write(t, l, i, i+1)
		for e, err := range l.Read(audit.Filter{From: int64(i)}) {
			if err != nil {
				t.Fatal(err)
			}
			more, err := tlog.StoredHashes(int64(i), e.Line, reader)
			if err != nil {
				t.Fatal(err)
			}
			hashes = append(hashes, more...)
		}
		root, err := tlog.TreeHash(int64(i+1), reader)
		if err != nil || l.Head() != (audit.Head{Size: int64(i + 1), Root: root}) {
			t.Fatalf("%d: %v, %v", i, l.Head(), err)
		}
	}
	l.Close()
	stored, err := os.ReadFile(filepath.Join(dir, "hashes"))
	if err != nil || len(stored) != 32*len(hashes) {
		t.Fatal(len(stored), err)
	}
	for i, h := range hashes {
		if tlog.Hash(stored[32*i:32*i+32]) != h {
			t.Fatal("stored hash", i)
		}
	}
}

func TestConcurrentWritersShareSyncs(t *testing.T) {
	dir := logDir(t)
	l := open(t, dir, audit.Options{SegmentSize: 20000})
	var wait sync.WaitGroup
	var mu sync.Mutex
	seen := map[int64]bool{}
	for w := range 16 {
		wait.Go(func() {
			for i := range 40 {
				if err := l.AppendHot(record(i)); err != nil {
					t.Error(err)
				}
				seq, err := l.Append(context.Background(), record(w*40+i))
				mu.Lock()
				if err != nil || seen[seq] {
					t.Error(seq, err)
				}
				seen[seq] = true
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := audit.Verify(dir, audit.VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	wantOK(t, r, 16*80)
}

func TestHotRecordsAreDurableSoon(t *testing.T) {
	l := open(t, logDir(t), audit.Options{Interval: 5 * time.Millisecond})
	if err := l.AppendHot(record(0)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for e, err := range l.Follow(ctx, audit.Filter{}) {
		if err != nil || e.Seq != 0 {
			t.Fatal(e, err)
		}
		break
	}
	if s := l.Status(); s.Unsynced != 0 || s.Size != 1 {
		t.Fatalf("%+v", s)
	}
}

func TestSealedRecordsAreSignedAtTheNextUnseal(t *testing.T) {
	dir := logDir(t)
	l := open(t, dir, audit.Options{})
	write(t, l, 0, 5)
	if _, err := l.Checkpoint(); !errors.Is(err, audit.ErrNotCovered) {
		t.Fatal(err)
	}
	if err := l.SetSigner(origin, seed); err != nil {
		t.Fatal(err)
	}
	c := newest(t, dir)
	if c.Size != 5 || c.Verified(key(t)) != nil {
		t.Fatalf("%+v", c)
	}
	write(t, l, 5, 9)
	if err := l.ClearSigner(); err != nil {
		t.Fatal(err)
	}
	if c := newest(t, dir); c.Size != 9 || c.Verified(key(t)) != nil || c.Root != l.Head().Root {
		t.Fatalf("%+v", c)
	}
	write(t, l, 9, 12)
	if c, err := l.Checkpoint(); err != nil || c.Size != 9 {
		t.Fatal("signed without a key:", c, err)
	}
	if got := audit.PublicKey(dir); got != key(t) {
		t.Fatal(got)
	}
	l.Close()
	r := verify(t, dir)
	wantOK(t, r, 12)
	if r.Covered != 9 {
		t.Fatalf("%+v", r)
	}
}

func TestCheckpointsComeByThemselves(t *testing.T) {
	dir := logDir(t)
	l := open(t, dir, audit.Options{CheckpointInterval: 5 * time.Millisecond})
	if err := l.SetSigner(origin, seed); err != nil {
		t.Fatal(err)
	}
	write(t, l, 0, 3)
	deadline := time.After(10 * time.Second)
	for tick := time.NewTicker(time.Millisecond); ; {
		if s := l.Status(); s.Checkpoint.Size == 3 {
			tick.Stop()
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%+v", l.Status())
		}
	}
}

func TestOneProcessOnly(t *testing.T) {
	dir := logDir(t)
	open(t, dir, audit.Options{})
	if _, err := audit.Open(dir, audit.Options{}); !errors.Is(err, audit.ErrLocked) {
		t.Fatal(err)
	}
}

func TestClosedLogRefuses(t *testing.T) {
	l := open(t, logDir(t), audit.Options{})
	l.Close()
	if _, err := l.Append(context.Background(), record(0)); !errors.Is(err, audit.ErrClosed) || !errors.Is(err, audit.ErrUnavailable) {
		t.Fatal(err)
	}
	if err := l.AppendHot(record(0)); !errors.Is(err, audit.ErrClosed) {
		t.Fatal(err)
	}
}

func TestCompressedSegmentsReadAndVerify(t *testing.T) {
	dir := build(t, 200, 8000)
	l := open(t, dir, audit.Options{SegmentSize: 8000, Compress: true})
	deadline := time.After(20 * time.Second)
	for tick := time.NewTicker(2 * time.Millisecond); ; {
		if plain, _ := filepath.Glob(filepath.Join(dir, "audit-*.jsonl")); len(plain) == 1 {
			tick.Stop()
			break
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal(segments(t, dir))
		}
	}
	write(t, l, 200, 210)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	wantOK(t, verify(t, dir), 210)
	next := int64(0)
	for e, err := range audit.Read(dir, audit.Filter{}) {
		if err != nil || e.Seq != next {
			t.Fatal(e.Seq, next, err)
		}
		next++
	}
	if next != 210 {
		t.Fatal(next)
	}
	// And a damaged one is found.
	edit(t, segments(t, dir)[1], func(b []byte) []byte { b[len(b)/2] ^= 4; return b })
	if r := verify(t, dir); r.OK() || r.FirstBad <= 0 || r.FirstBad > 100 {
		t.Fatalf("%+v", r)
	}
}

// A log can be verified while it is written, rotated and compressed.
func TestLogInUseVerifies(t *testing.T) {
	dir := logDir(t)
	l := open(t, dir, audit.Options{SegmentSize: 4000, Compress: true, CheckpointRecords: 7})
	if err := l.SetSigner(origin, seed); err != nil {
		t.Fatal(err)
	}
	write(t, l, 0, 1)
	stop := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		for i := 1; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if err := l.AppendHot(record(i)); err != nil {
				t.Error(err)
			}
			if i%5 == 0 {
				if _, err := l.Append(context.Background(), record(i)); err != nil {
					t.Error(err)
				}
			}
		}
	})
	for range 12 {
		r, err := audit.Verify(dir, audit.VerifyOptions{Key: key(t)})
		if err != nil || !r.OK() {
			t.Errorf("%+v, %v", r.Problems, err)
			break
		}
	}
	close(stop)
	wait.Wait()
}

func TestFilter(t *testing.T) {
	dir := logDir(t)
	l := open(t, dir, audit.Options{})
	for i := range 20 {
		r := record(i)
		r.Time = time.Unix(int64(i), 0)
		if i%2 == 1 {
			r.Owner = "bob"
		}
		if i%5 == 0 {
			r.Outcome, r.Action = audit.Denied, "key.decrypt"
		}
		if _, err := l.Append(context.Background(), r); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		f    audit.Filter
		want string
	}{
		{audit.Filter{From: 17}, "17 18 19"},
		{audit.Filter{Denied: true}, "0 5 10 15"},
		{audit.Filter{Owner: "bob", Denied: true}, "5 15"},
		{audit.Filter{Action: "key.decrypt", Since: time.Unix(6, 0)}, "10 15"},
		{audit.Filter{Owner: "nobody"}, ""},
	} {
		var got []string
		for e, err := range l.Read(c.f) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprint(e.Seq))
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%+v: got %q, want %q", c.f, s, c.want)
		}
	}
}

func TestFollowSeesWhatComesAndEndsWithTheLog(t *testing.T) {
	l := open(t, logDir(t), audit.Options{SegmentSize: 2000})
	write(t, l, 0, 3)
	var wait sync.WaitGroup
	got := 0
	three := make(chan struct{})
	wait.Go(func() {
		for e, err := range l.Follow(context.Background(), audit.Filter{}) {
			if err != nil || e.Seq != int64(got) {
				t.Error(e.Seq, err)
			}
			if got++; got == 3 {
				close(three)
			}
		}
	})
	<-three
	write(t, l, 3, 40)
	l.Close()
	wait.Wait()
	if got != 40 {
		t.Fatal(got)
	}
}

func TestStuckSinkBlocksNobody(t *testing.T) {
	free := make(chan struct{})
	entered := make(chan struct{}, 1)
	var got strings.Builder
	l := open(t, logDir(t), audit.Options{SinkQueue: 2000, Sinks: []audit.Sink{{Name: "stuck", Writer: writerFunc(func(b []byte) (int, error) {
		select {
		case entered <- struct{}{}:
		default:
		}
		<-free
		return got.Write(b)
	})}}})
	write(t, l, 0, 1)
	<-entered
	for i := 1; i < 50; i++ {
		write(t, l, i, i+1)
	}
	s := l.Status()
	dropped := s.Sinks[0].Dropped
	if dropped == 0 || dropped > 48 || s.Size != 50 {
		t.Fatalf("%+v", s)
	}
	close(free)
	l.Close()
	if n := strings.Count(got.String(), "\n"); int64(n)+dropped != 50 {
		t.Fatal(n, dropped)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
