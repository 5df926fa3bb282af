package autostart

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// home is an environment with directories of its own, short enough for sockets.
func home(t *testing.T) (dir string, getenv func(string) string, set map[string]string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "vc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	set = map[string]string{"HOME": dir, "XDG_RUNTIME_DIR": filepath.Join(dir, "run")}
	return dir, func(name string) string { return set[name] }, set
}

func TestFind(t *testing.T) {
	dir, getenv, set := home(t)
	state := filepath.Join(dir, ".local/state/vaultd")
	own := Target{Socket: filepath.Join(dir, "run/vaultd/vaultd.sock"), Startable: true, StateDir: state}

	if diff := cmp.Diff(Target{Socket: "/x", StateDir: state}, Find("/x", getenv)); diff != "" {
		t.Errorf("by flag: %s", diff)
	}
	set["VAULTD_SOCKET"] = "/y"
	if diff := cmp.Diff(Target{Socket: "/y", StateDir: state}, Find("", getenv)); diff != "" {
		t.Errorf("by environment: %s", diff)
	}
	if diff := cmp.Diff(Target{Socket: "/x", StateDir: state}, Find("/x", getenv)); diff != "" {
		t.Errorf("the flag beats the environment: %s", diff)
	}
	delete(set, "VAULTD_SOCKET")
	if err := os.MkdirAll(filepath.Join(dir, ".local/share/vaultd"), 0o700); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(own, Find("", getenv)); diff != "" {
		t.Errorf("with a vault of one's own: %s", diff)
	}
	clear(set)
	if diff := cmp.Diff(Target{Socket: "/run/vaultd/vaultd.sock"}, Find("", getenv)); diff != "" {
		t.Errorf("without a home: %s", diff)
	}
}

func TestRunning(t *testing.T) {
	dir, _, _ := home(t)
	target := Target{Socket: filepath.Join(dir, "s")}
	if target.Running(context.Background()) {
		t.Error("nothing is there, and runs")
	}
	l, err := net.Listen("unix", target.Socket)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if !target.Running(context.Background()) {
		t.Error("a listening socket does not run")
	}
	l.Close()
	if target.Running(context.Background()) {
		t.Error("a stale socket runs")
	}
}

// Root with somebody else's environment must not take a socket that they could
// have made for its daemon, nor write below their home.
func TestFindTrustsNoOtherUsersPlaces(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make directories of others")
	}
	for _, variable := range []string{"HOME", "XDG_RUNTIME_DIR"} {
		dir, getenv, set := home(t)
		foreign := filepath.Join(dir, "foreign")
		if err := os.MkdirAll(filepath.Join(foreign, "vaultd"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(foreign, "vaultd/vaultd.sock"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(foreign, 4711, 4711); err != nil {
			t.Fatal(err)
		}
		set[variable] = foreign
		if diff := cmp.Diff(Target{Socket: "/run/vaultd/vaultd.sock"}, Find("", getenv)); diff != "" {
			t.Errorf("%s: %s", variable, diff)
		}
	}
}
