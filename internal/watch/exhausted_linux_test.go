package watch

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// The test binary is its own helper: with this variable set it watches the
// directory under limits of its own.
const exhaustedHelper = "VAULTD_WATCH_HELPER"

// exhausted runs in a user namespace, where it may lower what it has. It exits
// with 77 where that can't be done.
func exhausted() int {
	limit := os.Getenv("VAULTD_WATCH_LIMIT")
	if err := os.WriteFile(filepath.Join("/proc/sys/user", limit), []byte("0"), 0); err != nil {
		fmt.Println(err)
		return 77
	}
	dir := os.Getenv(exhaustedHelper)
	changed := make(chan struct{}, 1)
	w := New([]string{dir}, 100*time.Millisecond, func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	defer w.Close()
	if s := w.State(); !s.Polling {
		fmt.Println("it has a watch in spite of the limit")
		return 1
	} else {
		fmt.Println(s.Err)
	}
	for i := range 3 {
		began := time.Now()
		if err := os.WriteFile(filepath.Join(dir, "p.toml"), fmt.Append(nil, i), 0o600); err != nil {
			fmt.Println(err)
			return 1
		}
		select {
		case <-changed:
			fmt.Println("noticed after", time.Since(began))
		case <-time.After(patience):
			fmt.Println("not noticed")
			return 1
		}
	}
	return 0
}

// The limits are really used up, for a process of its own.
func TestLimitsExhausted(t *testing.T) {
	for _, limit := range []string{"max_inotify_instances", "max_inotify_watches"} {
		t.Run(limit, func(t *testing.T) {
			t.Parallel()
			c := exec.Command(os.Args[0])
			c.Env = append(os.Environ(), exhaustedHelper+"="+t.TempDir(), "VAULTD_WATCH_LIMIT="+limit)
			c.SysProcAttr = &syscall.SysProcAttr{
				Cloneflags:  syscall.CLONE_NEWUSER,
				UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
				GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
			}
			out, err := c.CombinedOutput()
			switch {
			case c.ProcessState == nil || c.ProcessState.ExitCode() == 77:
				t.Skipf("no user namespace with limits of its own here: %v %s", err, out)
			case err != nil:
				t.Fatalf("%v\n%s", err, out)
			}
			t.Logf("%s", out)
		})
	}
}
