//go:build linux

package packages

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

//go:embed testdata/booted.sh
var booted string

// boot makes the overlay of the root boot its systemd, which runs the script as
// a unit and powers off. The policy of this machine, that packages start
// nothing, is not that one's. Without the filter's additions nspawn refuses the
// calls that lock memory.
const boot = `set -e
mount -t overlay overlay -o "lowerdir=/,upperdir=$DIR/layers/up,workdir=$DIR/layers/work" "$DIR/root"
mkdir -p "$DIR/root/packages"
cp "$DIR"/packages/* "$DIR/root/packages/"
rm -f "$DIR/root/usr/sbin/policy-rc.d"
units="$DIR/root/etc/systemd/system"
printf '[Service]\nType=oneshot\nExecStart=/bin/bash /packages/booted.sh\n' >"$units/vaultd-test.service"
mkdir -p "$units/multi-user.target.wants"
ln -sf ../vaultd-test.service "$units/multi-user.target.wants/"
exec systemd-nspawn --directory "$DIR/root" --boot --register=no --keep-unit --machine="$MACHINE" --private-network \
	--console=interactive --kill-signal=SIGRTMIN+3 --system-call-filter='@memlock memfd_secret @keyring bpf' \
	-- systemd.unit=multi-user.target
`

// With a real systemd: install, use as three users, a service and an
// administrator, upgrade under load, switch off, remove, purge.
func TestDebOnBootedSystem(t *testing.T) {
	deb, older := theDeb(t), built(t, "VAULTD_OLDER_PACKAGES", "*.deb")
	needTool(t, "systemd-nspawn")
	s := newSandbox(t)
	s.put(t, "now.deb", deb)
	s.put(t, "older.deb", older)
	if err := os.WriteFile(filepath.Join(s.dir, "packages", "booted.sh"), []byte(booted), 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "/bin/sh", "-c", boot)
	cmd.Env = append(os.Environ(), "DIR="+s.dir, fmt.Sprintf("MACHINE=vaultd-packages-%d", os.Getpid()), "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1")
	terminal, err := pty.Start(cmd) // without one there is no console
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	var console bytes.Buffer
	_, _ = console.ReadFrom(terminal) // ends in an error when the machine is gone
	ended := cmd.Wait()
	result, err := os.ReadFile(filepath.Join(s.dir, "layers/up/packages/result"))
	if err != nil {
		t.Skipf("no systemd boots here: %v\n%s", ended, tail(console.String()))
	}
	lines := strings.Split(strings.TrimSpace(string(result)), "\n")
	if !slices.Contains(lines, "done") {
		t.Errorf("it did not get to its end: %v\n%s", ended, tail(console.String()))
	}
	bad := strings.Contains(string(result), "not ok ")
	if bad || len(lines) < 30 {
		journal, _ := os.ReadFile(filepath.Join(s.dir, "layers/up/packages/journal"))
		t.Errorf("\n%s\n%s", result, journal)
	}
	t.Logf("%d checks", strings.Count(string(result), "ok "))
}

func tail(s string) string {
	const enough = 2000
	return s[max(0, len(s)-enough):]
}
