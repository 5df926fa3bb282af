//go:build unix

package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
	"github.com/vaultd/vaultd/vault/policyfile"
)

// grantFile is the text of a policy file with one grant.
func grantFile(name string) string {
	return fmt.Sprintf("[[grant]]\nname = %q\neffect = \"deny\"\nany_user = true\nverbs = [\"export\"]\nkeys = [\"*/%s\"]\n", name, name)
}

// policyAt is the place of a daemon's policy directory.
func (p place) policyAt() string { return filepath.Join(p.dir, ".config", "vaultd", "policy.d") }

func makePolicyDir(t *testing.T, p place, text string) string {
	t.Helper()
	dir := p.policyAt()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "a.toml"), text)
	return dir
}

func status(t *testing.T, c *client.Client) *vaultdv1.StatusResponse {
	t.Helper()
	s, err := c.Status(context.Background(), &vaultdv1.StatusRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// hashOf is the hash of the policy in dir as it is now.
func hashOf(t *testing.T, dir string) string {
	t.Helper()
	set, errs := policyfile.Load(dir, policy.Machine{})
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	sum := set.Hash()
	return hex.EncodeToString(sum[:])
}

// within waits a second, the promise, for a condition on the daemon's status.
func within(t *testing.T, c *client.Client, what string, ok func(*vaultdv1.StatusResponse) bool) *vaultdv1.StatusResponse {
	t.Helper()
	began := time.Now()
	for {
		s := status(t, c)
		if ok(s) {
			return s
		}
		if time.Since(began) > time.Second*slowness {
			t.Fatalf("%s: not within a second: generation %d, problem %q", what, s.GetPolicyGeneration(), s.GetPolicyProblem())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Whatever way a policy file is changed, the change is in force within a
// second, and there is never a moment in which no policy is.
func TestPolicyEditsAreInForce(t *testing.T) {
	p := newPlace(t)
	dir := makePolicyDir(t, p, grantFile("first"))
	d := p.start(t)
	c := d.client(t)
	file := filepath.Join(dir, "a.toml")
	if got := status(t, c).GetPolicyHash(); got != hashOf(t, dir) {
		t.Fatalf("at the start %q is in force", got)
	}

	empty := emptyHash(t)
	stop, watched := make(chan struct{}), sync.WaitGroup{}
	watcher := d.client(t)
	watched.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			s, err := watcher.Status(context.Background(), &vaultdv1.StatusRequest{})
			if err != nil || s.GetPolicyHash() == "" || s.GetPolicyHash() == empty {
				t.Errorf("a moment without a policy: %v, %v", s, err)
				return
			}
		}
	})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, style := range []struct {
		name string
		edit func(text string)
	}{
		{"written in place", func(text string) { must(os.WriteFile(file, []byte(text), 0o600)) }},
		{"renamed into place", func(text string) {
			must(os.WriteFile(file+".tmp", []byte(text), 0o600))
			must(os.Rename(file+".tmp", file))
		}},
		{"backup kept, as vim does", func(text string) {
			must(os.Rename(file, file+"~"))
			must(os.WriteFile(file, []byte(text), 0o600))
			must(os.Remove(file + "~"))
		}},
		{"truncated, then written", func(text string) {
			f, err := os.OpenFile(file, os.O_WRONLY|os.O_TRUNC, 0)
			must(err)
			_, err = f.WriteString(text)
			must(errors.Join(err, f.Close()))
		}},
		{"deleted and made again with another beside", func(text string) {
			must(os.WriteFile(filepath.Join(dir, "b.toml"), []byte(text), 0o600))
			must(os.Remove(file))
		}},
		{"a burst of writes", func(text string) {
			for range 1000 {
				must(os.WriteFile(file, []byte(text), 0o600))
			}
		}},
		{"directory replaced", func(text string) {
			must(os.MkdirAll(dir+".new", 0o700))
			must(os.WriteFile(filepath.Join(dir+".new", "a.toml"), []byte(text), 0o600))
			must(os.Rename(dir, dir+".old"))
			must(os.Rename(dir+".new", dir))
		}},
	} {
		style.edit(grantFile(strings.ReplaceAll(strings.Fields(style.name)[0]+"x", ",", "")))
		want := hashOf(t, dir)
		within(t, c, style.name, func(s *vaultdv1.StatusResponse) bool {
			return s.GetPolicyHash() == want && s.GetPolicyProblem() == ""
		})
	}

	// What is broken changes nothing and is told; what mends it counts.
	good := hashOf(t, dir)
	for _, broken := range []struct{ text, want string }{
		{"[[grant]]\nverbs = [\"fly\"]\n", "a.toml:2"},
		{"this is not TOML", "a.toml:1"},
	} {
		must(os.WriteFile(file, []byte(broken.text), 0o600))
		s := within(t, c, "broken", func(s *vaultdv1.StatusResponse) bool { return strings.Contains(s.GetPolicyProblem(), broken.want) })
		if s.GetPolicyHash() != good {
			t.Errorf("%q replaced the last good policy", broken.text)
		}
	}
	must(os.WriteFile(file, []byte(grantFile("mended")), 0o600))
	within(t, c, "mended", func(s *vaultdv1.StatusResponse) bool { return s.GetPolicyProblem() == "" && s.GetPolicyHash() != good })
	must(os.Chmod(file, 0o666))
	within(t, c, "others may write", func(s *vaultdv1.StatusResponse) bool { return s.GetPolicyProblem() != "" })
	must(os.Chmod(file, 0o600))
	within(t, c, "safe again", func(s *vaultdv1.StatusResponse) bool { return s.GetPolicyProblem() == "" })
	must(os.RemoveAll(dir))
	within(t, c, "directory removed", func(s *vaultdv1.StatusResponse) bool { return s.GetPolicyProblem() != "" })
	close(stop)
	watched.Wait()
	d.stop(t, syscall.SIGTERM)
}

// emptyHash is the hash of a policy without any grant.
func emptyHash(t *testing.T) string {
	t.Helper()
	set, err := policy.Compile(nil, policy.Machine{})
	if err != nil {
		t.Fatal(err)
	}
	sum := set.Hash()
	return hex.EncodeToString(sum[:])
}

// slowness stretches the promised second where the race detector is on.
var slowness = func() time.Duration {
	if raceEnabled {
		return 10
	}
	return 1
}()

func TestBrokenPolicyAtTheStartIsRefused(t *testing.T) {
	p := newPlace(t)
	makePolicyDir(t, p, "[[grant]]\nverbs = [\"fly\"]\n")
	for _, args := range [][]string{nil, {"config", "check"}} {
		code, _, errs := p.run(t, args...)
		if code != int(fault.ClassUsage) || !strings.Contains(errs, "a.toml:2") {
			t.Errorf("%v: exit %d, %s", args, code, errs)
		}
	}
}

// The reload by signal works where nothing can be watched.
func TestPolicyIsReadAtSIGHUP(t *testing.T) {
	p := newPlace(t)
	dir := makePolicyDir(t, p, grantFile("first"))
	d := p.start(t)
	c := d.client(t)
	write(t, filepath.Join(dir, "a.toml"), grantFile("second"))
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	d.eventually(t, "SIGHUP")
	want := hashOf(t, dir)
	within(t, c, "SIGHUP", func(s *vaultdv1.StatusResponse) bool { return s.GetPolicyHash() == want })
	d.stop(t, syscall.SIGTERM)
}
