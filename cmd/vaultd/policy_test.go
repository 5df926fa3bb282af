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
	"github.com/vaultd/vaultd/test/rig"
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

// aSecond is in which changes of files are in force, as promised; stretched
// where the race detector is on.
var aSecond = rig.Promise{Within: map[bool]time.Duration{false: time.Second, true: 10 * time.Second}[raceEnabled]}

// within waits for a condition on the daemon's status, and notes how long.
func within(t *testing.T, c *client.Client, what string, ok func(*vaultdv1.StatusResponse) bool) *vaultdv1.StatusResponse {
	t.Helper()
	var s *vaultdv1.StatusResponse
	if !aSecond.Await(func() bool { s = status(t, c); return ok(s) }) {
		t.Fatalf("%s: not in time: generation %d, problem %q", what, s.GetPolicyGeneration(), s.GetPolicyProblem())
	}
	return s
}

// policyEdit is a way in which people and programs change a policy file.
type policyEdit struct {
	name string
	edit func(text string) error
}

// policyEdits are ways to change a.toml, the only file in dir. They are done in
// order; each finds what the one before has left.
func policyEdits(dir string) []policyEdit {
	file := filepath.Join(dir, "a.toml")
	put := func(text string) error { return os.WriteFile(file, []byte(text), 0o600) }
	return []policyEdit{
		{"written in place", put},
		{"renamed into place", func(text string) error {
			return errors.Join(os.WriteFile(file+".tmp", []byte(text), 0o600), os.Rename(file+".tmp", file))
		}},
		{"backup kept, as vim does", func(text string) error {
			return errors.Join(os.Rename(file, file+"~"), put(text), os.Remove(file+"~"))
		}},
		{"truncated, then written", func(text string) error {
			f, err := os.OpenFile(file, os.O_WRONLY|os.O_TRUNC, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteString(text)
			return errors.Join(err, f.Close())
		}},
		{"truncated, and written a good while later", func(text string) error {
			err := os.Truncate(file, 0)
			time.Sleep(3 * policyDebounce)
			return errors.Join(err, put(text))
		}},
		{"deleted and made again", func(text string) error { return errors.Join(os.Remove(file), put(text)) }},
		{"another made, the first deleted", func(text string) error {
			other := filepath.Join(dir, "b.toml")
			return errors.Join(os.WriteFile(other, []byte(text), 0o600), os.Remove(file), os.Rename(other, file))
		}},
		{"a burst of writes", func(text string) error {
			for range 1000 {
				if err := put(text); err != nil {
					return err
				}
			}
			return nil
		}},
		{"directory replaced", func(text string) error {
			next, old := dir+".new", dir+".old"
			return errors.Join(os.RemoveAll(old), os.Mkdir(next, 0o700), os.WriteFile(filepath.Join(next, "a.toml"), []byte(text), 0o600),
				os.Rename(dir, old), os.Rename(next, dir))
		}},
		{"link swapped, as Kubernetes does", func(text string) error {
			// a.toml -> ..data/a.toml, and ..data -> a directory that is never written again.
			at := func(name string) string { return filepath.Join(dir, name) }
			first := errors.Join(os.Mkdir(at("..v1"), 0o700), os.WriteFile(at("..v1/a.toml"), []byte(text), 0o600),
				os.Symlink("..v1", at("..data")), os.Symlink("..data/a.toml", at("..a")), os.Rename(at("..a"), file))
			time.Sleep(3 * policyDebounce)
			return errors.Join(first, os.Mkdir(at("..v2"), 0o700), os.WriteFile(at("..v2/a.toml"), []byte(text+"# 2\n"), 0o600),
				os.Symlink("..v2", at("..next")), os.Rename(at("..next"), at("..data")))
		}},
		{"link swapped again", func(text string) error {
			at := func(name string) string { return filepath.Join(dir, name) }
			return errors.Join(os.Mkdir(at("..v3"), 0o700), os.WriteFile(at("..v3/a.toml"), []byte(text), 0o600),
				os.Symlink("..v3", at("..next")), os.Rename(at("..next"), at("..data")), os.RemoveAll(at("..v1")), os.RemoveAll(at("..v2")))
		}},
	}
}

// Whatever way a policy file is changed, the change is in force within a
// second, and there is never a moment in which no policy is. So it is where the
// system has nothing left to watch with.
func TestPolicyEditsAreInForce(t *testing.T) {
	for name, start := range map[string]func(*testing.T, place) *daemon{
		"watched":              func(t *testing.T, p place) *daemon { return p.start(t) },
		"no inotify instances": func(t *testing.T, p place) *daemon { return p.startWithout(t, "max_inotify_instances") },
		"no inotify watches":   func(t *testing.T, p place) *daemon { return p.startWithout(t, "max_inotify_watches") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			dir := makePolicyDir(t, p, grantFile("first"))
			d := start(t, p)
			const polls = "can't be watched"
			if name != "watched" {
				d.eventually(t, polls)
			}
			alwaysSomePolicy := watchPolicy(t, d)
			followEdits(t, d, dir)
			followFlaws(t, d, dir)
			alwaysSomePolicy()
			aSecond.Kept(t)
			d.stop(t, syscall.SIGTERM)
			if name == "watched" && strings.Contains(d.log.String(), polls) {
				t.Errorf("the directory is polled:\n%s", d.log)
			}
		})
	}
}

// watchPolicy looks all the time whether a policy is in force, until the
// function that it returns is called.
func watchPolicy(t *testing.T, d *daemon) (end func()) {
	t.Helper()
	empty, c := emptyHash(t), d.client(t)
	stop, watched := make(chan struct{}), sync.WaitGroup{}
	watched.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			s, err := c.Status(context.Background(), &vaultdv1.StatusRequest{})
			if err != nil || s.GetPolicyHash() == "" || s.GetPolicyHash() == empty {
				t.Errorf("a moment without a policy: %v, %v", s, err)
				return
			}
			time.Sleep(time.Millisecond) // others run here as well
		}
	})
	return func() { close(stop); watched.Wait() }
}

func followEdits(t *testing.T, d *daemon, dir string) {
	t.Helper()
	c := d.client(t)
	if got := status(t, c).GetPolicyHash(); got != hashOf(t, dir) {
		t.Fatalf("at the start %q is in force", got)
	}
	for i, e := range policyEdits(dir) {
		if err := e.edit(grantFile(fmt.Sprint("edit", i))); err != nil {
			t.Fatalf("%s: %v", e.name, err)
		}
		want := hashOf(t, dir)
		within(t, c, e.name, func(s *vaultdv1.StatusResponse) bool {
			return s.GetPolicyHash() == want && s.GetPolicyProblem() == ""
		})
	}
}

// followFlaws checks that what is broken changes nothing and is told, and that
// what mends it counts.
func followFlaws(t *testing.T, d *daemon, dir string) {
	t.Helper()
	c, file := d.client(t), filepath.Join(dir, "a.toml")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
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
