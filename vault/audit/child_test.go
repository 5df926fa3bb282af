package audit_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/vaultd/vaultd/vault/audit"
)

// child writes records until it is killed, and prints every sequence number
// that was acknowledged.
func child(dir string) {
	l, err := audit.Open(dir, audit.Options{SegmentSize: 20000, FlushRecords: 8, CheckpointRecords: 50})
	if err == nil {
		err = l.SetSigner(origin, seed)
	}
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	var mu sync.Mutex
	for w := range 4 {
		go func() {
			for i := 0; ; i++ {
				if i%3 == 0 {
					_ = l.AppendHot(record(i))
					continue
				}
				seq, err := l.Append(context.Background(), record(w*1000+i))
				mu.Lock()
				fmt.Println(seq, err)
				mu.Unlock()
			}
		}()
	}
	select {}
}

// After kill -9 at any instant every acknowledged record is there, and nothing
// looks tampered with.
func TestKilledAnywhereLosesNothingAcknowledged(t *testing.T) {
	dir := logDir(t)
	acknowledged := int64(-1)
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	for round := range rounds {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "AUDIT_CHILD="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		in := bufio.NewScanner(out)
		for n := 0; in.Scan(); n++ {
			number, rest, _ := strings.Cut(in.Text(), " ")
			seq, err := strconv.ParseInt(number, 10, 64)
			if err != nil || rest != "<nil>" {
				// The last line may have been cut by the kill.
				if n < 20+7*round {
					t.Errorf("round %d: %q", round, in.Text())
				}
				continue
			}
			acknowledged = max(acknowledged, seq)
			if n == 20+7*round {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = cmd.Wait() // killed
		r := verify(t, dir)
		if !r.OK() || r.Records <= acknowledged {
			t.Fatalf("round %d: %d acknowledged, %+v", round, acknowledged, r)
		}
		l := open(t, dir, audit.Options{SegmentSize: 20000})
		if s := l.Status(); len(s.Problems) != 0 || s.Size <= acknowledged {
			t.Fatalf("round %d: %d acknowledged, %+v", round, acknowledged, s)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if acknowledged < int64(rounds*10) {
		t.Fatal("only", acknowledged)
	}
}
