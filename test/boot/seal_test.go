//go:build linux

package boot

import "strings"

// sealsItself, as the unit confines it: at a signal of systemctl, and before sleep.
func (m *machine) sealsItself() {
	m.must(root, "[seal]\non_suspend = true\n", "tee", "--append", "/etc/vaultd/vaultd.toml")
	journal := func() string { return m.must(root, "", "journalctl", "-u", "vaultd", "-o", "cat", "--no-pager") }
	m.until("it says whether it hears logind", func() bool { return strings.Contains(journal(), "logind is ") })
	if strings.Contains(journal(), "logind is heard") {
		list := m.must(root, "", "systemd-inhibit", "--list", "--no-pager")
		if !strings.Contains(list, "vaultd") || !strings.Contains(list, "delay") {
			m.t.Errorf("sleep does not wait:\n%s", list)
		}
	} else {
		m.t.Log("no logind runs in this machine")
		if out := m.must(root, "", "vaultctl", "status"); !strings.Contains(out, "on_suspend") {
			m.t.Errorf("the status does not tell that logind is not heard:\n%s", out)
		}
	}
	m.must(root, "", "systemctl", "kill", "--signal=SIGUSR1", "--kill-whom=main", "vaultd.service")
	m.until("the vault is sealed", func() bool { return strings.Contains(m.show("StatusText"), "SIGUSR1") })
	m.openedAgain()
}

// upgraded is the program, under load, as a package does it: the new daemon is
// sealed, and says so to everybody who waited for it.
func (m *machine) upgraded() {
	m.upgradedUnder("")
	m.openedAgain()
}

// upgradedUnder is that no request fails meanwhile: for the status, or with a key of bob's.
func (m *machine) upgradedUnder(key string) {
	m.t.Helper()
	before := m.show("MainPID")
	m.under(bob, key, func() {
		m.must(root, "", "cp", "/usr/bin/vaultd", "/usr/bin/vaultd.dpkg-new")
		m.must(root, "", "mv", "/usr/bin/vaultd.dpkg-new", "/usr/bin/vaultd")
		m.must(root, "", "systemctl", "daemon-reload")
		m.must(root, "", "systemctl", "try-restart", "vaultd.service")
	})
	if after := m.show("MainPID"); after == before || after == "0" {
		m.t.Errorf("process %s became %s", before, after)
	}
}
