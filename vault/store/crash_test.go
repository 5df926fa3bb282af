package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vaultd/vaultd/vault/store"
)

const (
	childVariable = "VAULTD_STORE_TEST_CHILD"
	childRewrites = "VAULTD_STORE_TEST_REWRITES"
	crashWriters  = 4
)

// long is the number of rounds: more when VAULTD_LONG is set, fewer with
// -short.
func long(rounds, longRounds int) int {
	switch {
	case os.Getenv("VAULTD_LONG") != "":
		return longRounds
	case testing.Short():
		return (rounds + 4) / 5
	}
	return rounds
}

// bodyOf makes a body that tells path and version, of a size that varies.
func bodyOf(path string, version uint64) []byte {
	return fmt.Appendf(nil, "%s is at %d%s", path, version, strings.Repeat(".", int(version*37%900)))
}

// writeUntilKilled is the child process: it opens the store and says which
// version of which record was acknowledged.
func writeUntilKilled(p place) {
	s, err := store.Open(p.options())
	if errors.Is(err, store.ErrNoStore) {
		s, err = store.Create(p.options())
	}
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	fmt.Println("open")
	if os.Getenv(childRewrites) != "" {
		go func() {
			for {
				if err := s.Rewrite(context.Background()); err != nil {
					fmt.Println("error", err)
					os.Exit(1)
				}
			}
		}()
	}
	for w := range crashWriters {
		go func() {
			for i := 0; ; i++ {
				path := fmt.Sprintf("w%d-%d", w, i%50)
				version := uint64(0)
				if r, err := s.Get(id(path)); err == nil {
					version = r.Version
				}
				b := store.Batch{
					Puts:   []store.Put{{ID: id(path), Body: bodyOf(path, version+1), Expect: version}},
					Anchor: i%7 == 0,
				}
				if err := s.Commit(context.Background(), b); err != nil {
					fmt.Println("error", err)
					os.Exit(1)
				}
				fmt.Println("ack", path, version+1)
			}
		}()
	}
	select {}
}

// crash runs a child for a while, kills it, and adds what it acknowledged.
func crash(t *testing.T, p place, after time.Duration, rewrites bool, acked map[string]uint64) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+p.root)
	if rewrites {
		cmd.Env = append(cmd.Env, childRewrites+"=1")
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		switch {
		case len(f) == 1 && f[0] == "open":
			time.AfterFunc(after, func() { cmd.Process.Kill() })
		case len(f) == 3 && f[0] == "ack":
			v, err := strconv.ParseUint(f[2], 10, 64)
			if err == nil && v > acked[f[1]] {
				acked[f[1]] = v
			}
		case len(f) > 0 && f[0] == "error":
			t.Errorf("child: %s", lines.Text())
		}
	}
	cmd.Wait() //nolint:errcheck // it was killed
}

func TestKillAtAnyMoment(t *testing.T) {
	p := newPlace(t)
	acked := map[string]uint64{}
	for round := range long(12, 500) {
		crash(t, p, time.Duration(rand.IntN(int(150*time.Millisecond))), round%2 == 1, acked)
		seen := map[string]uint64{}
		o := p.options()
		o.Visit = func(r store.Record) error {
			if string(r.Body) != string(bodyOf(r.Path, r.Version)) {
				t.Errorf("round %d: %s version %d has a wrong body", round, r.Path, r.Version)
			}
			seen[r.Path] = r.Version
			return nil
		}
		s, err := store.Open(o)
		if err != nil {
			t.Fatalf("round %d: open: %v", round, err)
		}
		for path, version := range acked {
			if seen[path] < version {
				t.Fatalf("round %d: %s is at version %d, %d was acknowledged", round, path, seen[path], version)
			}
		}
		if round%3 == 0 {
			closeStore(t, s)
		}
		s.Close()
	}
	commits := uint64(0)
	for _, version := range acked {
		commits += version
	}
	if commits == 0 {
		t.Fatal("no child got as far as a commit")
	}
	t.Logf("%d acknowledged commits", commits)
}

func TestCreateCanBeRepeatedAfterACrash(t *testing.T) {
	p := newPlace(t)
	o := p.options()
	interrupted := errors.New("interrupted")
	o.Publish = func() error { return interrupted }
	if _, err := store.Create(o); !errors.Is(err, interrupted) {
		t.Fatalf("create: %v", err)
	}
	if incomplete, err := store.Incomplete(p.dir()); !incomplete || err != nil {
		t.Fatalf("incomplete: %v %v", incomplete, err)
	}
	if _, err := store.Open(p.options()); !errors.Is(err, store.ErrNoStore) {
		t.Fatalf("open: %v", err)
	}
	s := p.create(t)
	put(t, s, "a", "b", 0)
	closeStore(t, s)
	if _, err := store.Create(p.options()); !errors.Is(err, store.ErrExists) {
		t.Fatalf("create over a store: %v", err)
	}
	wantRecord(t, p.open(t), "a", "b", 1)
}
