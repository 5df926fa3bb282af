package paths

import (
	"errors"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func TestUserPaths(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("XDG paths are for Unix")
	}
	for name, c := range map[string]struct {
		env  func(string) string
		want Set
		err  error
	}{
		"login session": {env("HOME", "/home/a", "XDG_RUNTIME_DIR", "/run/user/1000"), Set{
			"/home/a/.config/vaultd/vaultd.toml", "/home/a/.config/vaultd/policy.d", "/home/a/.local/share/vaultd", "/home/a/.local/state/vaultd/anchor",
			"/run/user/1000/vaultd/vaultd.sock", "/home/a/.local/state/vaultd/audit",
		}, nil},
		"no runtime directory": {env("HOME", "/home/a/"), Set{
			"/home/a/.config/vaultd/vaultd.toml", "/home/a/.config/vaultd/policy.d", "/home/a/.local/share/vaultd", "/home/a/.local/state/vaultd/anchor",
			"/home/a/.local/state/vaultd/run/vaultd.sock", "/home/a/.local/state/vaultd/audit",
		}, nil},
		"all by XDG, no HOME": {env("XDG_CONFIG_HOME", "/c", "XDG_DATA_HOME", "/d", "XDG_STATE_HOME", "/s"), Set{
			"/c/vaultd/vaultd.toml", "/c/vaultd/policy.d", "/d/vaultd", "/s/vaultd/anchor", "/s/vaultd/run/vaultd.sock", "/s/vaultd/audit",
		}, nil},
		"relative values are ignored": {env("HOME", "/h", "XDG_DATA_HOME", "data", "XDG_RUNTIME_DIR", "."), Set{
			"/h/.config/vaultd/vaultd.toml", "/h/.config/vaultd/policy.d", "/h/.local/share/vaultd", "/h/.local/state/vaultd/anchor",
			"/h/.local/state/vaultd/run/vaultd.sock", "/h/.local/state/vaultd/audit",
		}, nil},
		"nothing set":   {env(), Set{}, ErrNoHome},
		"relative HOME": {env("HOME", "."), Set{}, ErrNoHome},
	} {
		got, err := User(c.env)
		if !errors.Is(err, c.err) {
			t.Errorf("%s: error %v, want %v", name, err, c.err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestSocketsInOrder(t *testing.T) {
	for name, c := range map[string]struct {
		env  func(string) string
		want []string
	}{
		"named": {env("VAULTD_SOCKET", "/x", "HOME", "/h"), []string{"/x"}},
		"user":  {env("HOME", "/h", "XDG_RUNTIME_DIR", "/r"), []string{"/r/vaultd/vaultd.sock", "/run/vaultd/vaultd.sock"}},
		"none":  {env(), []string{"/run/vaultd/vaultd.sock"}},
	} {
		if diff := cmp.Diff(c.want, Sockets(c.env)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// The limit is the kernel's own: the longest path works, one more byte does not.
func TestSocketLimitIsTheKernels(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no sockets here")
	}
	dir := t.TempDir()
	longest := filepath.Join(dir, strings.Repeat("s", MaxSocket-len(dir)-1))
	if err := CheckSocket(longest); err != nil {
		t.Errorf("%d bytes: %v", len(longest), err)
	}
	l, err := net.Listen("unix", longest)
	if err != nil {
		t.Fatalf("the kernel refuses %d bytes: %v", len(longest), err)
	}
	l.Close()
	if err := CheckSocket(longest + "s"); err == nil || !strings.Contains(err.Error(), "shorter") {
		t.Errorf("one more byte: %v", err)
	}
	if l, err := net.Listen("unix", longest+"s"); err == nil {
		l.Close()
		t.Error("the kernel takes one more byte than the limit says")
	}
	if err := CheckSocket("vaultd.sock"); err == nil {
		t.Error("a relative path was taken")
	}
}
