//go:build unix

package policyfile

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vaultd/vaultd/internal/watch"
	"github.com/vaultd/vaultd/vault/policy"
)

// While files are edited, broken, removed and replaced, the policy in force is
// always a whole one: what every version denies is denied at every instant.
func TestNoInstantWithoutPolicy(t *testing.T) {
	const deny = "[[grant]]\neffect = \"deny\"\nany_user = true\nverbs = [\"export\"]\nkeys = [\"*/*\"]\n"
	dir := filepath.Join(t.TempDir(), "policy.d")
	path := filepath.Join(dir, "p.toml")
	version := func(n int) []byte { return []byte(deny + grantFor(fmt.Sprint("user", n))) }
	must(t, os.Mkdir(dir, 0o755), os.WriteFile(path, version(0), 0o644))

	p := &policy.Policy{DaemonUID: 1}
	reload := func() {
		if s, errs := Load(dir, policy.Machine{}); len(errs) == 0 {
			p.Install(s)
		}
	}
	w := watch.New([]string{dir}, 100*time.Millisecond, reload)
	defer w.Close()
	reload()

	var done atomic.Bool
	var decisions sync.WaitGroup
	defer decisions.Wait()
	defer done.Store(true)
	decisions.Go(func() {
		who := &policy.Principal{UID: 1000, Groups: []uint32{}, User: "alice"}
		for !done.Load() {
			if d := p.Authorize(who, policy.ExportKey, policy.Resource{Owner: "alice", Key: "k"}); d.Rule != policy.RuleDeny {
				t.Errorf("an instant of %+v", d)
				return
			}
			time.Sleep(time.Millisecond)
		}
	})
	inForce := func(n int) {
		t.Helper()
		who := &policy.Principal{UID: 2000, Groups: []uint32{}, User: fmt.Sprint("user", n)}
		for began := time.Now(); !p.Authorize(who, policy.Encrypt, policy.Resource{Owner: "a", Key: "k"}).Allowed; time.Sleep(5 * time.Millisecond) {
			if time.Since(began) > 20*time.Second {
				t.Fatalf("version %d is not in force", n)
			}
		}
	}
	inForce(0)
	for n, change := range []func() error{
		func() error { return os.WriteFile(path, version(1), 0o644) },
		func() error { // truncated, left so for longer than a burst, then written
			if err := os.Truncate(path, 0); err != nil {
				return err
			}
			time.Sleep(300 * time.Millisecond)
			return os.WriteFile(path, version(2), 0o644)
		},
		func() error { // broken, then mended
			if err := os.WriteFile(path, []byte("[[grant]]\nusr ="), 0o644); err != nil {
				return err
			}
			time.Sleep(300 * time.Millisecond)
			return os.WriteFile(path, version(3), 0o644)
		},
		func() error { // open to others, then not
			if err := os.Chmod(path, 0o666); err != nil {
				return err
			}
			time.Sleep(300 * time.Millisecond)
			if err := os.WriteFile(path, version(4), 0o644); err != nil {
				return err
			}
			return os.Chmod(path, 0o644)
		},
		func() error { // the directory is gone for a while
			if err := os.Rename(dir, dir+".old"); err != nil {
				return err
			}
			time.Sleep(300 * time.Millisecond)
			if err := os.Mkdir(dir, 0o755); err != nil {
				return err
			}
			return os.WriteFile(path, version(5), 0o644)
		},
	} {
		must(t, change())
		inForce(n + 1)
	}
}
