//go:build linux

package crash

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/vaultd/vaultd/test/rig"
	"github.com/vaultd/vaultd/vault/store"
)

// The child's side of the store's crash test. It opens the store, prints every
// record it finds, and then writes until it is killed. Each line it prints is
// one event:
//
//	rec <path> <version> <hash>      a record found at open
//	open                             all records are printed, writing begins
//	try <writer> <path> <version> <hash> …   a batch is on its way
//	ack <writer>                     it is acknowledged
//	err <writer> <message>           it was refused; it may have happened
const (
	childDir  = "VAULTD_CRASH_STORE"
	childSeed = "VAULTD_CRASH_SEED"

	storeWriters = 6
	storeKind    = store.Kind(7)
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := storeChild(dir); err != nil {
			fmt.Fprintf(os.Stderr, "%v\n", err)
			os.Exit(3)
		}
		os.Exit(0)
	}
	rig.Main(m)
}

func storeOptions(dir string) store.Options {
	return store.Options{
		Dir:        filepath.Join(dir, "store"),
		AnchorPath: filepath.Join(dir, "anchor", "anchor"),
		RootKey:    []byte("a root key of thirty-two bytes!!"),
		MinFree:    1 << 20,
		Ballast:    1 << 20,
	}
}

func storeChild(dir string) error {
	seed, err := strconv.ParseUint(os.Getenv(childSeed), 10, 64)
	if err != nil {
		return err
	}
	events := &eventLog{w: os.Stdout}
	versions := make([]map[string]uint64, storeWriters)
	for i := range versions {
		versions[i] = map[string]uint64{}
	}
	o := storeOptions(dir)
	o.Visit = func(r store.Record) error {
		events.print("rec %s %d %s", r.Path, r.Version, hashOf(r.Body))
		writer, err := strconv.Atoi(strings.TrimPrefix(strings.SplitN(r.Path, "/", 2)[0], "w"))
		if err != nil || writer >= len(versions) {
			return fmt.Errorf("a record at %q, which nobody wrote", r.Path)
		}
		versions[writer][r.Path] = r.Version
		return nil
	}
	s, err := openOrCreate(o)
	if err != nil {
		return err
	}
	events.print("open")
	go func() { // the parent ends a run cleanly by closing the pipe
		_, _ = io.Copy(io.Discard, os.Stdin)
		if err := s.Close(); err != nil {
			events.print("close %v", err)
		}
		os.Exit(0)
	}()
	var writing sync.WaitGroup
	for i := range storeWriters {
		writing.Go(func() { writeBatches(s, events, i, versions[i], rand.New(rand.NewPCG(seed, uint64(i)))) })
	}
	writing.Wait()
	select {}
}

func openOrCreate(o store.Options) (*store.Store, error) {
	if err := os.MkdirAll(filepath.Dir(o.AnchorPath), 0o700); err != nil {
		return nil, err
	}
	if err := os.Mkdir(o.Dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	s, err := store.Open(o)
	if errors.Is(err, store.ErrNoStore) { // or its creation was interrupted
		return store.Create(o)
	}
	return s, err
}

// writeBatches writes until a commit fails, which is the last that this
// writer may know the outcome of.
func writeBatches(s *store.Store, events *eventLog, writer int, versions map[string]uint64, rng *rand.Rand) {
	for {
		var batch store.Batch
		try := fmt.Sprintf("try %d", writer)
		for n, number := 1+rng.IntN(4), rng.IntN(40); n > 0; n, number = n-1, number+1 {
			path := fmt.Sprintf("w%d/%d", writer, number)
			body := make([]byte, 20+rng.IntN(800))
			for i := range body {
				body[i] = byte(rng.Uint32())
			}
			batch.Puts = append(batch.Puts, store.Put{
				ID: store.ID{Kind: storeKind, Path: path}, Body: body, Expect: versions[path],
			})
			try += fmt.Sprintf(" %s %d %s", path, versions[path]+1, hashOf(body))
		}
		batch.Anchor = rng.IntN(20) == 0
		batch.Urgent = batch.Anchor
		events.print("%s", try)
		if err := s.Commit(context.Background(), batch); err != nil {
			events.print("err %d %v", writer, err)
			return
		}
		events.print("ack %d", writer)
		for _, p := range batch.Puts {
			versions[p.Path]++
		}
		if rng.IntN(400) == 0 {
			if err := s.Rewrite(context.Background()); err != nil {
				events.print("err %d rewrite: %v", writer, err)
				return
			}
		}
	}
}

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// eventLog prints whole lines, unbuffered.
type eventLog struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *eventLog) print(format string, args ...any) {
	line := strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", " ") + "\n"
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = io.WriteString(l.w, line) // a closed pipe means that the parent is gone
}

// lines reads events to the end of the pipe.
func lines(r io.Reader, each func(fields []string)) error {
	scan := bufio.NewScanner(r)
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		each(strings.Fields(scan.Text()))
	}
	return scan.Err()
}
