//go:build linux

package packages

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// sandbox is a root that looks like this machine's, and whose changes are
// thrown away: an overlay, mounted in a name space that ends with each script.
type sandbox struct{ dir string }

func newSandbox(t *testing.T) sandbox {
	t.Helper()
	if testing.Short() {
		t.Skip("installing is not part of the short tests")
	}
	if os.Getuid() != 0 {
		t.Skip("installing packages needs root")
	}
	for _, tool := range []string{"unshare", "chroot", "mount"} {
		needTool(t, tool)
	}
	dir := t.TempDir()
	// An overlay can't lie on another, as a container's root may.
	if err := os.MkdirAll(filepath.Join(dir, "layers"), 0o755); err != nil {
		t.Fatal(err)
	}
	s := sandbox{dir}
	for _, d := range []string{"layers/up", "layers/work", "root", "packages"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// It begins as a machine that never had a vault, whatever this one has.
	if out, err := s.try("rm -rf /var/lib/vaultd /var/lib/vaultd-anchor /var/log/vaultd /etc/vaultd"); err != nil {
		t.Skipf("no overlay of the root can be made here: %v %s", err, out)
	}
	return s
}

// put lays a package where scripts find it as /packages/NAME.
func (s sandbox) put(t *testing.T, name, from string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "packages", name), content, 0o644); err != nil {
		t.Fatal(err)
	}
}

const enter = `set -e
mount -t overlay overlay -o "lowerdir=/,upperdir=$DIR/layers/up,workdir=$DIR/layers/work" "$DIR/root"
mkdir -p "$DIR/root/packages"
mount --bind "$DIR/packages" "$DIR/root/packages"
mount -t proc proc "$DIR/root/proc"
mount -t tmpfs run "$DIR/root/run"
mount --bind /dev "$DIR/root/dev"
chroot "$DIR/root" /bin/sh -eu -c "$SCRIPT"
`

// try runs a script in the sandbox. What it starts ends with it.
func (s sandbox) try(script string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", "--mount", "--pid", "--fork", "--kill-child", "--ipc", "--uts", "--net", "/bin/sh", "-c", enter)
	cmd.Env = []string{
		"DIR=" + s.dir, "SCRIPT=" + script, "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
		"DEBIAN_FRONTEND=noninteractive", "HOME=/root",
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	return out.String(), err
}

// run runs a script that must succeed.
func (s sandbox) run(t *testing.T, script string) string {
	t.Helper()
	out, err := s.try(script)
	if err != nil {
		t.Fatalf("%s\n%v\n%s", script, err, out)
	}
	return out
}

// ours lists what is called after vaultd where packages and daemons put things.
func (s sandbox) ours(t *testing.T) []string {
	t.Helper()
	out := s.run(t, `find /etc /usr /var /opt /srv /run -name '*vaultd*' ! -path '/var/lib/dpkg/*' ! -path '/var/tmp/*' | sort`)
	var all []string
	for line := range strings.FieldsSeq(out) {
		all = append(all, line)
	}
	return all
}
