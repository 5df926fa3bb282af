//go:build linux

package packages

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// serve runs a daemon as the package's user, does something with it, and stops
// it. There is no systemd in the sandbox; test/boot has one.
const serve = `
serve() {
	install -d -o vaultd -g vaultd /run/vaultd
	setpriv --reuid vaultd --regid vaultd --init-groups vaultd --system >/var/tmp/log 2>&1 & daemon=$!
	for i in $(seq 100); do [ ! -S /run/vaultd/vaultd.sock ] || break; sleep 0.1; done
	"$@" || { cat /var/tmp/log; return 1; }
	kill $daemon && wait $daemon
}
`

// keep makes a vault and encrypts something by a key in it.
const keep = serve + `
keep() {
	echo correct horse battery >/var/tmp/password
	vaultctl init --password-file /var/tmp/password >/dev/null
	vaultctl key create mail >/dev/null
	echo a secret | vaultctl encrypt mail >/var/tmp/sealed
}
`

// find opens what keep encrypted.
const find = serve + `
find() {
	vaultctl unseal --password-file /var/tmp/password >/dev/null
	vaultctl decrypt </var/tmp/sealed
}
`

func TestDebLifeCycle(t *testing.T) {
	needTool(t, "dpkg")
	deb := theDeb(t)
	s := newSandbox(t)
	s.put(t, "now.deb", deb)
	before := s.ours(t)

	install := "dpkg --install --force-depends /packages/now.deb"
	out := s.run(t, install)
	if !strings.Contains(out, "vaultctl init") {
		t.Errorf("installing does not say what comes next:\n%s", out)
	}
	s.run(t, `getent passwd vaultd && getent group vaultd`)
	if got := s.run(t, `stat -c '%a %U:%G %n' /etc/vaultd/vaultd.toml /etc/vaultd/policy.d`); got != "644 root:root /etc/vaultd/vaultd.toml\n750 root:vaultd /etc/vaultd/policy.d\n" {
		t.Error(got)
	}
	s.run(t, keep+"serve keep")

	t.Run("again", func(t *testing.T) {
		s.run(t, "echo '# mine' >>/etc/vaultd/vaultd.toml; "+install+"; grep -q mine /etc/vaultd/vaultd.toml")
	})
	t.Run("remove", func(t *testing.T) {
		out := s.run(t, "dpkg --remove vaultd")
		if !strings.Contains(out, "/var/lib/vaultd") || !strings.Contains(out, "purge") {
			t.Errorf("removing does not say where the keys are:\n%s", out)
		}
		s.run(t, "! command -v vaultd; test -e /etc/vaultd/vaultd.toml; test -e /var/lib/vaultd/header; getent passwd vaultd")
	})
	t.Run("install after remove", func(t *testing.T) {
		s.run(t, install)
		if out := s.run(t, find+"serve find"); !strings.Contains(out, "a secret") {
			t.Error(out)
		}
	})
	t.Run("purge", func(t *testing.T) {
		s.run(t, "echo '# a policy' >/etc/vaultd/policy.d/own.toml")
		// What a restore moved aside, and where one was stopped: keys, all of them.
		aside, stopped := "/var/lib/vaultd.before-restore-20260102T030405.000000Z", "/var/lib/vaultd.restoring"
		s.run(t, "for d in "+aside+" "+stopped+"; do mkdir $d; touch $d/header; done; echo 0123 >/etc/vaultd/unseal.key")
		out := s.run(t, "dpkg --purge vaultd")
		if !strings.Contains(out, "left /etc/vaultd/unseal.key") {
			t.Errorf("purging does not say that a key file is left:\n%s", out)
		}
		for _, dir := range []string{"/var/lib/vaultd", aside, stopped, "/var/lib/vaultd-anchor", "/var/log/vaultd"} {
			if !strings.Contains(out, "destroyed "+dir+"\n") {
				t.Errorf("purging does not say that %s is gone:\n%s", dir, out)
			}
		}
		left := slices.DeleteFunc(s.ours(t), func(f string) bool { return slices.Contains(before, f) })
		// The administrator's own policy, and so the directories above it.
		if diff := cmp.Diff([]string{"/etc/vaultd"}, left); diff != "" {
			t.Error(diff)
		}
		s.run(t, "test -e /etc/vaultd/policy.d/own.toml; getent passwd vaultd")
	})
}

// Purge destroys what it says, and follows no link or mount out of it.
func TestDebPurgeStaysAtHome(t *testing.T) {
	needTool(t, "dpkg")
	deb := theDeb(t)
	s := newSandbox(t)
	s.put(t, "now.deb", deb)
	s.run(t, `dpkg --install --force-depends /packages/now.deb
		mkdir /srv/elsewhere && touch /srv/elsewhere/file
		rm -rf /var/log/vaultd && ln -s /srv/elsewhere /var/log/vaultd
		ln -s /srv/elsewhere /var/lib/vaultd/link
		mkdir /var/lib/vaultd-anchor/mounted && mount -t tmpfs other /var/lib/vaultd-anchor/mounted && touch /var/lib/vaultd-anchor/mounted/file
		dpkg --purge vaultd
		test -e /srv/elsewhere/file
		test -L /var/log/vaultd
		test -e /var/lib/vaultd-anchor/mounted/file
		! test -e /var/lib/vaultd`)
}

func TestDebUpgradeKeepsKeys(t *testing.T) {
	needTool(t, "dpkg")
	deb, older := theDeb(t), built(t, "VAULTD_OLDER_PACKAGES", "*.deb")
	s := newSandbox(t)
	s.put(t, "now.deb", deb)
	s.put(t, "older.deb", older)
	s.run(t, "dpkg --install --force-depends /packages/older.deb; "+keep+"serve keep")
	out := s.run(t, "dpkg --install --force-depends /packages/now.deb; "+find+"serve find")
	if !strings.Contains(out, "a secret") {
		t.Error(out)
	}
}

func TestRPMLifeCycle(t *testing.T) {
	rpm := built(t, "VAULTD_PACKAGES", "*.rpm")
	needTool(t, "rpm")
	older := built(t, "VAULTD_OLDER_PACKAGES", "*.rpm")
	s := newSandbox(t)
	s.put(t, "now.rpm", rpm)
	s.put(t, "older.rpm", older)
	// A machine of Debian has no database of what its rpms would need.
	if out := s.run(t, "rpm --install --nodeps /packages/older.rpm; "+keep+"serve keep"); !strings.Contains(out, "systemctl enable") {
		t.Errorf("installing does not say what comes next:\n%s", out)
	}
	if out := s.run(t, "echo '# mine' >>/etc/vaultd/vaultd.toml; rpm --upgrade --nodeps /packages/now.rpm; grep mine /etc/vaultd/vaultd.toml; "+find+"serve find"); !strings.Contains(out, "a secret") {
		t.Error(out)
	}
	out := s.run(t, "rpm --erase vaultd; ! command -v vaultd; test -e /var/lib/vaultd/header")
	if !strings.Contains(out, "/var/lib/vaultd") {
		t.Errorf("erasing does not say where the keys are:\n%s", out)
	}
}

// The image for containers is these two trees and nothing else: no shell, no C
// library, no accounts. The programs are Alpine's as well.
func TestContainerNeedsNothing(t *testing.T) {
	trees := built(t, "VAULTD_PACKAGES", "container")
	s := newSandbox(t)
	out, err := exec.Command("cp", "-a", trees, filepath.Join(s.dir, "packages")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v %s", err, out)
	}
	said := s.run(t, `
		mkdir /alone
		cp -R /packages/container/programs/. /alone/
		chown -R 65532:65532 /packages/container/data
		cp -a /packages/container/data/. /alone/
		chroot --userspec=65532:65532 --groups= /alone /usr/bin/vaultd --system >/var/tmp/log 2>&1 & daemon=$!
		for i in $(seq 100); do [ ! -S /alone/run/vaultd/vaultd.sock ] || break; sleep 0.1; done
		inside() { chroot --userspec=65532:65532 --groups= /alone /usr/bin/vaultctl "$@"; }
		echo correct horse battery | inside init --password-file - || { cat /var/tmp/log; exit 1; }
		inside owner create web
		inside key create web/session
		kill $daemon && wait $daemon`)
	if !strings.Contains(said, "web/session") {
		t.Error(said)
	}
}
