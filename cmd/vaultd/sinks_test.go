//go:build unix

package main

import (
	"bufio"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
)

// A FIFO that nobody reads, one that is not read any more, and one that is: the
// status tells, and requests wait for none of them.
func TestPipeOfTheAuditLog(t *testing.T) {
	p := newPlace(t)
	fifo := filepath.Join(p.dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(p.dir, "c.toml"), "[audit]\nenabled = true\npipe = \""+fifo+"\"\n")
	d := p.start(t, "--config", filepath.Join(p.dir, "c.toml"))
	d.init(t)
	ctx, c := context.Background(), d.client(t)
	var took []time.Duration // by each request
	sink := func(want func(*vaultdv1.AuditSink) bool) {
		t.Helper()
		for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			began := time.Now()
			s, err := c.Status(ctx, &vaultdv1.StatusRequest{})
			if err != nil || len(s.GetAuditSinks()) != 1 {
				t.Fatalf("%v, %v", s, err)
			}
			took = append(took, time.Since(began))
			if want(s.GetAuditSinks()[0]) {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("the sink is %v", s.GetAuditSinks())
			}
		}
	}
	sink(func(s *vaultdv1.AuditSink) bool {
		return s.GetName() == "pipe" && strings.Contains(s.GetProblem(), "nobody reads")
	})

	f, err := os.Open(fifo) // returns when the daemon has opened it
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(f)
	for found := false; !found; {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		found = strings.Contains(line, `"action":"vault.init","outcome":"allowed"`)
	}
	sink(func(s *vaultdv1.AuditSink) bool { return s.GetProblem() == "" && s.GetDropped() == 0 })

	// Now it is not read any more. What fills it are records of these requests themselves.
	if _, err := c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: "root/k"}); err != nil {
		t.Fatal(err)
	}
	for range 4000 { // more than a FIFO holds
		began := time.Now()
		if _, err := c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: "root/k", Plaintext: []byte("x")}); err != nil {
			t.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	sink(func(s *vaultdv1.AuditSink) bool { return strings.Contains(s.GetProblem(), "takes nothing since") })
	// Now and then a busy machine lets one wait.
	slices.Sort(took)
	if late := took[len(took)-1-len(took)/100]; late > time.Second {
		t.Errorf("one request in a hundred takes %v", late)
	}
	if err := errors.Join(f.Close()); err != nil {
		t.Fatal(err)
	}
	sink(func(s *vaultdv1.AuditSink) bool { return strings.Contains(s.GetProblem(), "nobody reads") })
	d.stop(t, syscall.SIGTERM)
}
