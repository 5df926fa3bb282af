//go:build linux

package boot

import (
	"strings"
)

// installsItself replaces the packaged service by one that the program installs,
// over the same vault.
func (m *machine) installsItself() {
	m.refused(root, "a package has installed", "vaultd", "service", "install")
	m.refused(root, "a package has installed", "vaultd", "service", "uninstall")
	m.refused(bob, "needs root", "vaultd", "service", "stop", "--system")
	m.must(root, "", "systemctl", "disable", "--now", "vaultd.socket", "vaultd.service")
	m.must(root, "", "rm", "/usr/lib/systemd/system/vaultd.service", "/usr/lib/systemd/system/vaultd.socket", "/usr/lib/systemd/system/"+askPassword,
		"/usr/lib/sysusers.d/vaultd.conf", "/usr/lib/tmpfiles.d/vaultd.conf")
	m.must(root, "", "mv", "/usr/bin/vaultd", "/usr/local/bin/vaultd")
	m.must(root, "", "cp", "/usr/bin/vaultctl", "/usr/local/bin/vaultctl")
	m.must(root, "", "systemctl", "daemon-reload")
	const vaultd = "/usr/local/bin/vaultd"

	m.refused(root, "not installed", vaultd, "service", "start")
	m.refused(root, "not installed", vaultd, "service", "status")
	m.must(root, "", vaultd, "service", "install")
	m.refused(root, "installed already", vaultd, "service", "install")
	for path, want := range map[string]string{
		"/etc/systemd/system/vaultd.service": "644 root root", "/etc/systemd/system/vaultd.socket": "644 root root",
		"/etc/systemd/system/" + askPassword: "644 root root",
	} {
		if got := strings.TrimSpace(m.must(root, "", "stat", "-c", "%a %U %G", path)); got != want {
			m.t.Errorf("%s is %s", path, got)
		}
	}
	for _, unit := range []string{"vaultd.service", "vaultd.socket"} {
		if out := m.must(root, "", "systemctl", "is-enabled", unit); out != "enabled\n" {
			m.t.Errorf("%s is %s", unit, out)
		}
	}
	m.must(root, "", vaultd, "service", "start")
	if out := m.must(root, "", vaultd, "service", "status", "-o", "json"); !strings.Contains(out, `"state":"running"`) {
		m.t.Errorf("status: %s", out)
	}
	m.openedAgain()
	if out, _ := m.try(root, "", "systemctl", "is-enabled", askPassword); out != "disabled\n" {
		m.t.Errorf("%s is %s", askPassword, out)
	}
	m.must(root, "", "systemctl", "enable", askPassword)
	m.must(root, "", vaultd, "service", "restart")
	m.must(root, "", "systemctl", "start", askPassword)
	m.answers(password)
	m.until("the answer has opened the vault", func() bool { return m.show("StatusText") == "Unsealed" })
	m.openBy("password")
	m.must(root, "", vaultd, "service", "stop")
	m.refused(root, "stopped", vaultd, "service", "status")
	m.refused(bob, "no daemon answers", "vaultctl", "status", "--socket", socket)

	out := m.must(root, "", vaultd, "service", "uninstall")
	for _, want := range []string{"/var/lib/vaultd\n", "/var/lib/vaultd-anchor/anchor\n", "/var/log/vaultd/audit\n", "/etc/vaultd\n"} {
		if !strings.Contains(out, want) {
			m.t.Errorf("uninstall says nothing of %q:\n%s", want, out)
		}
	}
	m.must(root, "", "test", "-e", "/var/lib/vaultd/header")
	for _, gone := range []string{
		"/etc/systemd/system/vaultd.service", "/etc/systemd/system/vaultd.socket", "/etc/systemd/system/" + askPassword,
		"/etc/systemd/system/multi-user.target.wants/" + askPassword, "/etc/sysusers.d/vaultd.conf", "/etc/tmpfiles.d/vaultd.conf", socket,
	} {
		m.must(root, "", "test", "!", "-e", gone)
	}
	m.refused(root, "not installed", vaultd, "service", "uninstall")
}

// ownService is a user's own vault, beside the machine's.
func (m *machine) ownService() {
	m.refused(alice, "linger", "vaultd", "service", "install", "--user")
	if _, err := m.try(root, "", "loginctl", "enable-linger", alice.user); err != nil {
		m.t.Skipf("no user's service manager can be had here: %v", err)
	}
	uid := strings.TrimSpace(m.must(root, "", "id", "-u", alice.user))
	me := as{user: alice.user, runtime: "/run/user/" + uid}
	m.until("the user's service manager runs", func() bool {
		out, _ := m.try(me, "", "systemctl", "--user", "is-system-running")
		return out == "running\n" || out == "degraded\n"
	})
	m.must(me, "", "vaultd", "service", "install")
	m.must(me, "", "vaultd", "service", "start")
	own := me.runtime + "/vaultd/vaultd.sock"
	m.must(me, password, "vaultctl", "init", "--socket", own, "--password-file", "-")
	m.must(me, "", "vaultctl", "key", "create", "own", "--type", "aes-256-gcm", "--socket", own)
	m.must(me, "", "vaultd", "service", "restart")
	m.refused(me, "sealed", "vaultctl", "key", "show", "own", "--socket", own)
	m.must(me, password, "vaultctl", "unseal", "--socket", own, "--password-file", "-")
	m.must(me, "", "vaultctl", "key", "show", "own", "--socket", own)
	out := m.must(me, "", "vaultd", "service", "uninstall")
	if want := "/home/" + alice.user + "/.local/share/vaultd\n"; !strings.Contains(out, want) {
		m.t.Errorf("uninstall says nothing of %q:\n%s", want, out)
	}
	m.must(me, "", "test", "!", "-e", own)
	// So that the machine's vault is the one that is found again.
	m.must(me, "", "rm", "-r", "/home/"+alice.user+"/.local")
}
