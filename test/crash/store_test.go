//go:build linux

package crash

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/vaultd/vaultd/test/faultfs"
)

// record is what the parent knows of one record.
type record struct {
	version uint64
	hash    string
}

// storeModel is every record that the store acknowledged, and the batch of
// each writer whose outcome is open.
type storeModel struct {
	known   map[string]record
	pending map[int]map[string]record
	acked   atomic.Int64
}

// storeLife is one run of the child.
type storeLife struct {
	process *exec.Cmd
	stdin   io.WriteCloser
	stderr  output
	opened  chan struct{} // closed when it begins to write
	ended   chan error    // when its pipe is at the end
	refused atomic.Int64

	found map[string]record
	model *storeModel
}

// output collects what a process says, and can be read while it still speaks.
type output struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func startStore(t *testing.T, dir string, m *storeModel, rng *rand.Rand) *storeLife {
	t.Helper()
	life := &storeLife{opened: make(chan struct{}), ended: make(chan error, 1), found: map[string]record{}, model: m}
	life.process = exec.Command(os.Args[0])
	life.process.Env = append(os.Environ(), childDir+"="+dir, fmt.Sprintf("%s=%d", childSeed, rng.Uint64()))
	life.process.Stderr = &life.stderr
	// A pipe of our own: Wait must not close it under the reader.
	stdout, childs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer childs.Close()
	life.process.Stdout = childs
	if life.stdin, err = life.process.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := life.process.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer stdout.Close()
		life.ended <- lines(stdout, func(f []string) { life.event(t, f) })
	}()
	t.Cleanup(func() { _ = life.process.Process.Kill() }) // for a test that gave up
	return life
}

// event runs on the one goroutine that reads the pipe.
func (l *storeLife) event(t *testing.T, f []string) {
	switch f[0] {
	case "rec":
		l.found[f[1]] = record{number(f[2]), f[3]}
	case "open":
		l.model.compare(t, l.found)
		close(l.opened)
	case "try":
		batch := map[string]record{}
		for i := 2; i+2 < len(f); i += 3 {
			batch[f[i]] = record{number(f[i+1]), f[i+2]}
		}
		l.model.pending[int(number(f[1]))] = batch
	case "ack":
		writer := int(number(f[1]))
		maps.Copy(l.model.known, l.model.pending[writer])
		delete(l.model.pending, writer)
		l.model.acked.Add(1)
	case "err":
		l.refused.Add(1)
	case "close":
		t.Errorf("close: %s", strings.Join(f[1:], " "))
	}
}

func number(s string) uint64 {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		panic(err) // the child is our own
	}
	return n
}

// compare checks what an open found, settles the open batches, and adopts them.
func (m *storeModel) compare(t *testing.T, found map[string]record) {
	t.Helper()
	for writer, batch := range m.pending {
		happened, not := 0, 0
		for path, r := range batch {
			if found[path] == r {
				happened++
			} else {
				not++
			}
		}
		if happened > 0 && not > 0 {
			t.Errorf("a batch of writer %d is there by half: %v", writer, batch)
		}
		if happened > 0 {
			maps.Copy(m.known, batch)
		}
	}
	clear(m.pending)
	for path, r := range m.known {
		if found[path] != r {
			t.Errorf("%s: acknowledged version %d %s, found version %d %s",
				path, r.version, r.hash, found[path].version, found[path].hash)
		}
	}
	for path, r := range found {
		if _, ok := m.known[path]; !ok {
			t.Errorf("%s version %d is there, and nobody wrote it", path, r.version)
		}
	}
}

// waitOpen waits until the child has opened its store.
func (l *storeLife) waitOpen(t *testing.T, when string) {
	t.Helper()
	select {
	case <-l.opened:
	case err := <-l.ended:
		_ = l.process.Wait()
		t.Fatalf("%s: the store did not open (%v): %s", when, err, &l.stderr)
	case <-time.After(60 * time.Second):
		_ = l.process.Process.Signal(syscall.SIGQUIT) // prints where it hangs
		<-l.ended
		t.Fatalf("%s: the store did not open within a minute: %s", when, &l.stderr)
	}
}

// kill ends the process at once and waits until it is gone.
func (l *storeLife) kill() {
	_ = l.process.Process.Kill() // it may be gone already
	_ = l.process.Wait()
}

// drain waits for the last event of a child that is dead.
func (l *storeLife) drain(t *testing.T) {
	t.Helper()
	if err := <-l.ended; err != nil {
		t.Fatal(err)
	}
}

// stop closes the store properly.
func (l *storeLife) stop(t *testing.T) {
	t.Helper()
	if err := l.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	hang := time.AfterFunc(60*time.Second, func() { _ = l.process.Process.Signal(syscall.SIGQUIT) })
	defer hang.Stop()
	l.drain(t)
	if err := l.process.Wait(); err != nil {
		t.Fatalf("close: %v: %s", err, &l.stderr)
	}
}

func testStore(t *testing.T, d *disk, count int, crash func(*storeLife, *rand.Rand)) {
	rng := chance(t)
	m := &storeModel{known: map[string]record{}, pending: map[int]map[string]record{}}
	for round := range count {
		life := startStore(t, d.dir(), m, rng)
		life.waitOpen(t, fmt.Sprintf("round %d", round))
		// In the first round something is there to lose, however slow the machine is.
		for end := time.Now().Add(10 * time.Second); round == 0 && m.acked.Load() == 0 && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Duration(rng.IntN(250)) * time.Millisecond)
		if rng.IntN(6) == 0 {
			life.stop(t)
		} else {
			crash(life, rng)
			life.drain(t)
		}
		if t.Failed() {
			t.Fatalf("round %d failed", round)
		}
	}
	life := startStore(t, d.dir(), m, rng)
	life.waitOpen(t, "at the end")
	life.stop(t)
	t.Logf("%d rounds, %d acknowledged batches, %d records", count, m.acked.Load(), len(m.known))
	if m.acked.Load() == 0 {
		t.Error("no batch was ever acknowledged")
	}
}

func TestStoreSurvivesKill(t *testing.T) {
	testStore(t, newPlainDisk(t), rounds(t, 8), func(l *storeLife, _ *rand.Rand) { l.kill() })
}

func TestStoreSurvivesPowerCut(t *testing.T) {
	for _, model := range []faultfs.Model{faultfs.Ext4, faultfs.Posix} {
		for _, loss := range []faultfs.Loss{faultfs.AllLost, faultfs.SomeKept, faultfs.Torn} {
			t.Run(model.String()+"/"+loss.String(), func(t *testing.T) {
				d := newCuttableDisk(t, model)
				testStore(t, d, rounds(t, 4), func(l *storeLife, rng *rand.Rand) { d.cut(l.process.Process, l.kill, loss, rng) })
			})
		}
	}
}

// One system call fails, at any moment from the open on; then the power goes.
func TestStoreSurvivesOneIOError(t *testing.T) {
	d := newCuttableDisk(t, faultfs.Ext4)
	rng := chance(t)
	m := &storeModel{known: map[string]record{}, pending: map[int]map[string]record{}}
	fired := 0
	ops := []faultfs.Op{
		faultfs.OpWrite, faultfs.OpFsync, faultfs.OpFsync, faultfs.OpFsyncDir, faultfs.OpCreate,
		faultfs.OpRename, faultfs.OpUnlink, faultfs.OpTruncate, faultfs.OpAllocate,
	}
	for round := range rounds(t, 12) {
		op := ops[rng.IntN(len(ops))]
		fault := faultfs.Fault{Op: op, Skip: rng.IntN(60), Forget: rng.IntN(2) == 0}
		if op != faultfs.OpWrite && op != faultfs.OpFsync {
			fault.Skip = rng.IntN(6)
		}
		if rng.IntN(4) == 0 {
			fault.Errno = syscall.ENOSPC
		}
		in := d.fs.Inject(fault)
		life := startStore(t, d.dir(), m, rng)
		select {
		case <-life.opened:
			time.Sleep(time.Duration(rng.IntN(200)) * time.Millisecond)
		case err := <-life.ended: // an open that failed must say so and not panic
			life.ended <- err
			if in.Fired() == 0 || strings.Contains(life.stderr.String(), "goroutine ") {
				t.Fatalf("round %d, %+v: the store did not open: %s", round, fault, &life.stderr)
			}
		case <-time.After(60 * time.Second):
			_ = life.process.Process.Signal(syscall.SIGQUIT)
			<-life.ended
			t.Fatalf("round %d, %+v: hangs: %s", round, fault, &life.stderr)
		}
		fired += in.Fired()
		d.fs.Heal()
		if rng.IntN(2) == 0 {
			life.kill()
		} else {
			d.cut(life.process.Process, life.kill, faultfs.SomeKept, rng)
		}
		life.drain(t)
		if strings.Contains(life.stderr.String(), "goroutine ") {
			t.Fatalf("round %d, %+v on %s: the process panicked: %s", round, fault, in.Path(), &life.stderr)
		}

		check := startStore(t, d.dir(), m, rng)
		what := fmt.Sprintf("round %d, after %+v on %s (%d times), the process saying %q", round, fault, in.Path(), in.Fired(), &life.stderr)
		check.waitOpen(t, what)
		check.stop(t)
		if t.Failed() {
			t.Fatalf("round %d failed after %+v on %s", round, fault, in.Path())
		}
	}
	t.Logf("%d faults fired, %d acknowledged batches", fired, m.acked.Load())
}
