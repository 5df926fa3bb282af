//go:build linux

package boot

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/vaultd/vaultd/test/rig"
)

const password = rig.Password

var (
	root  = as{}
	alice = as{user: "vdalice"}
	bob   = as{user: "vdbob"}
	carol = as{user: "vdcarol"} // an administrator, as are the next
	dan   = as{user: "vddan"}
	erin  = as{user: "vderin"}
)

// kept is what users have encrypted under keys of their own, in a file of that name
// at home, and find again whatever happens to the machine.
var kept = []struct {
	who               as
	key, secret, file string
}{
	{alice, "k", "alice's secret", "/home/vdalice/secret.vd1"},
	{bob, "mine", "bob's secret", "/home/vdbob/secret.vd1"},
	{carol, "mine", "carol's secret", "/home/vdcarol/secret.vd1"},
}

// policy lets bob use a key of alice's, from one unit or by one program.
const policy = `[[grant]]
effect = "allow"
user   = "vdbob"
unit   = "vdjob.service"
verbs  = ["encrypt"]
keys   = ["vdalice/k"]

[[grant]]
effect = "allow"
user   = "vdbob"
exe    = "/usr/bin/vaultctl"
verbs  = ["decrypt"]
keys   = ["vdalice/k"]
`

// job is a service of somebody else's that uses the vault.
const job = `[Service]
Type=oneshot
User=vdbob
StandardInput=file:/etc/hostname
ExecStart=/usr/bin/vaultctl encrypt vdalice/k --out /home/vdbob/job.vd1
`

// TestBootedMachine is the life of one machine: installed, used, reloaded,
// restarted, hung, rebooted, and given up, in this order.
func TestBootedMachine(t *testing.T) {
	m := newMachine(t)
	m.place(t)
	m.boot()
	m.prepare()
	for _, part := range []struct {
		name string
		do   func(m *machine)
	}{
		{"the socket starts the daemon", (*machine).startedBySocket},
		{"it is confined and locked", (*machine).confined},
		{"users and a unit use it", (*machine).used},
		{"it reloads", (*machine).reloaded},
		{"it seals itself", (*machine).sealsItself},
		{"no request fails while it restarts", (*machine).restarted},
		{"no request fails while it is upgraded", (*machine).upgraded},
		{"the watchdog ends one that hangs", (*machine).hung},
		{"it is there after a reboot", (*machine).rebooted},
		{"it is checked while it is down", (*machine).checked},
		{"a drop-in tells it programs", (*machine).toldPrograms},
		{"it unseals itself", (*machine).unsealsItself},
		{"people open it after a reboot", (*machine).openedByPeople},
		{"a TPM unseals it", (*machine).unsealedByTPM},
		{"a user's own service", (*machine).ownService},
		{"it installs and removes itself", (*machine).installsItself},
	} {
		ok := t.Run(part.name, func(t *testing.T) {
			whole := m.t
			m.t = t
			defer func() { m.t = whole }()
			part.do(m)
		})
		if !ok {
			return // what follows builds on it
		}
	}
}

// place puts into the machine what a package would.
func (m *machine) place(t *testing.T) {
	tree, err := rig.Root()
	if err != nil {
		t.Fatal(err)
	}
	for to, from := range map[string]string{
		"/usr/lib/systemd/system/vaultd.service":              "systemd/vaultd.service",
		"/usr/lib/systemd/system/vaultd.socket":               "systemd/vaultd.socket",
		"/usr/lib/systemd/system/vaultd-ask-password.service": "systemd/vaultd-ask-password.service",
		"/usr/share/doc/vaultd/examples/tpm.conf":             "systemd/tpm.conf",
		"/usr/lib/sysusers.d/vaultd.conf":                     "sysusers.d/vaultd.conf",
		"/usr/lib/tmpfiles.d/vaultd.conf":                     "tmpfiles.d/vaultd.conf",
		"/etc/vaultd/vaultd.toml":                             "etc/vaultd/vaultd.toml",
	} {
		m.install(filepath.Join(tree, "packaging", from), to, 0o644)
	}
	m.install(rig.Program(t, "vaultd"), "/usr/bin/vaultd", 0o755)
	m.install(rig.Program(t, "vaultctl"), "/usr/bin/vaultctl", 0o755)
	m.install("/proc/self/exe", "/usr/local/bin/vaultd-boot-client", 0o755)
}

// prepare does what a package's scripts do, and makes users.
func (m *machine) prepare() {
	m.must(root, "", "systemd-sysusers", "vaultd.conf")
	m.must(root, "", "systemd-tmpfiles", "--create", "vaultd.conf")
	m.must(root, "", "systemctl", "daemon-reload")
	m.must(root, "", "systemctl", "enable", "vaultd.service")
	for _, u := range []as{alice, bob, carol, dan, erin} {
		m.must(root, "", "useradd", "--create-home", u.user)
	}
	for _, u := range []as{carol, dan, erin} {
		m.must(root, "", "usermod", "--append", "--groups", "vaultd", u.user)
	}
	m.must(root, password, "tee", "/root/password")
	m.must(root, policy, "tee", "/etc/vaultd/policy.d/10-job.toml")
	m.must(root, job, "tee", "/etc/systemd/system/vdjob.service")
	m.must(root, "", "systemctl", "daemon-reload")
}

func (m *machine) startedBySocket() {
	m.must(root, "", "systemctl", "start", "vaultd.socket")
	if state := m.show("ActiveState"); state != "inactive" {
		m.t.Errorf("the service is %s before anybody asks", state)
	}
	m.refused(alice, "not initialised", "vaultctl", "status")
	if state := m.show("ActiveState"); state != "active" {
		m.t.Errorf("the service is %s after somebody asked", state)
	}
	if text := m.show("StatusText"); !strings.Contains(text, "vaultctl init") {
		m.t.Errorf("status text: %q", text)
	}
	m.must(root, "", "vaultctl", "init", "--password-file", "/root/password")
	if text := m.show("StatusText"); text != "Unsealed" {
		m.t.Errorf("status text: %q", text)
	}
}

// confined looks at the daemon from outside: who it is, what it may, and that
// nothing that it needs is refused by its own confinement.
func (m *machine) confined() {
	pid := m.show("MainPID")
	status := m.must(root, "", "cat", "/proc/"+pid+"/status")
	uid := strings.TrimSpace(m.must(root, "", "id", "-u", "vaultd"))
	for _, want := range []string{"\nUid:\t" + uid + "\t", "\nCapEff:\t0000000000000000\n", "\nCapBnd:\t0000000000000000\n", "\nNoNewPrivs:\t1\n", "\nSeccomp:\t2\n"} {
		if !strings.Contains(status, want) {
			m.t.Errorf("no %q in the daemon's status:\n%s", want, status)
		}
	}
	log := m.must(root, "", "journalctl", "-u", "vaultd.service", "-o", "cat")
	if !strings.Contains(log, `"memory":"memfd_secret"`) && !strings.Contains(log, `"memory":"mlock"`) {
		m.t.Errorf("secrets are not in locked memory:\n%s", log)
	}
	for _, bad := range []string{`"level":"WARN"`, `"level":"ERROR"`} {
		if strings.Contains(log, bad) {
			m.t.Errorf("the log has trouble:\n%s", log)
		}
	}
	for path, want := range map[string]string{
		"/var/lib/vaultd": "700 vaultd vaultd", "/var/lib/vaultd-anchor": "700 vaultd vaultd", "/var/log/vaultd": "700 vaultd vaultd",
		"/run/vaultd": "755 root root", socket: "666 root root", "/etc/vaultd/policy.d": "750 root vaultd",
	} {
		if got := strings.TrimSpace(m.must(root, "", "stat", "-c", "%a %U %G", path)); got != want {
			m.t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	for _, who := range []as{alice, carol} {
		m.refused(who, "Permission denied", "ls", "/var/lib/vaultd")
	}
}

// used is by three users and a unit: each by its own right.
func (m *machine) used() {
	for _, k := range kept {
		m.must(k.who, "", "vaultctl", "key", "create", k.key, "--type", "aes-256-gcm")
		m.must(k.who, k.secret, "vaultctl", "encrypt", k.key, "--out", k.file)
	}
	m.refused(bob, "permission denied", "vaultctl", "encrypt", "vdalice/k")
	m.refused(alice, "permission denied", "vaultctl", "key", "list", "--owner", "vdbob")
	if out := m.must(carol, "", "vaultctl", "key", "list", "--owner", "vdbob"); !strings.Contains(out, "mine") {
		m.t.Errorf("an administrator sees %s", out)
	}
	m.unitWorks()
}

// unitWorks is that bob's unit may what bob may not: the daemon sees who calls in spite
// of its sandbox.
func (m *machine) unitWorks() {
	m.t.Helper()
	m.must(root, "", "systemctl", "start", "vdjob.service")
	hostname := m.must(root, "", "cat", "/etc/hostname")
	sealed := m.must(root, "", "cat", "/home/vdbob/job.vd1")
	if out := m.must(alice, sealed, "vaultctl", "decrypt", "k"); out != hostname {
		m.t.Errorf("the unit encrypted %q, want %q", out, hostname)
	}
}

// reloaded is the policy, without being told and when told.
func (m *machine) reloaded() {
	before := m.show("MainPID")
	m.refused(bob, "permission denied", "vaultctl", "key", "show", "vdalice/k")
	const grant = "[[grant]]\neffect = \"allow\"\nuser = \"vdbob\"\nverbs = [\"show\"]\nkeys = [\"vdalice/k\"]\n"
	m.must(root, grant, "tee", "/etc/vaultd/policy.d/20-show.toml")
	m.until("a new policy file is in force", func() bool {
		_, err := m.try(bob, "", "vaultctl", "key", "show", "vdalice/k")
		return err == nil
	})
	m.must(root, "", "systemctl", "reload", "vaultd.service")
	m.until("the service is active after a reload", func() bool { return m.show("ActiveState") == "active" })
	if after := m.show("MainPID"); after != before {
		m.t.Errorf("process %s became %s", before, after)
	}
	if text := m.show("StatusText"); text != "Unsealed" {
		m.t.Errorf("after a reload: %q", text)
	}
}

// restarted is the daemon, under load, and with metrics from then on.
func (m *machine) restarted() {
	m.must(root, "[metrics]\nsocket = \"/run/vaultd-metrics/metrics.sock\"\n", "tee", "--append", "/etc/vaultd/vaultd.toml")
	m.under(bob, "", func() {
		for range 5 {
			before := m.show("MainPID")
			m.must(root, "", "systemctl", "restart", "vaultd.service")
			if after := m.show("MainPID"); after == before || after == "0" {
				m.t.Errorf("process %s became %s", before, after)
			}
		}
	})
	m.openedAgain()
	if got := strings.TrimSpace(m.must(root, "", "stat", "-c", "%F %a %U", "/run/vaultd-metrics/metrics.sock")); got != "socket 600 vaultd" {
		m.t.Errorf("where metrics are served is: %s", got)
	}
}

// openedAgain unseals, and everything is there.
func (m *machine) openedAgain() {
	m.t.Helper()
	if text := m.show("StatusText"); !strings.Contains(text, "vaultctl unseal") {
		m.t.Errorf("status text: %q", text)
	}
	m.refused(alice, "sealed", "vaultctl", "encrypt", "k")
	m.must(carol, password, "vaultctl", "unseal", "--password-file", "-")
	m.keptAll()
}

// keptAll is that everybody finds what they encrypted.
func (m *machine) keptAll() {
	m.t.Helper()
	for _, k := range kept {
		if out := m.must(k.who, "", "vaultctl", "decrypt", k.key, "--in", k.file); out != k.secret {
			m.t.Errorf("%s decrypts %q", k.who.user, out)
		}
	}
}

// hung stops the daemon in its tracks. Clients wait for the next one.
func (m *machine) hung() {
	m.must(root, "", "systemctl", "reset-failed", "vaultd.service") // forgets the starts before
	m.must(root, "", "mkdir", "-p", "/run/systemd/system/vaultd.service.d")
	m.must(root, "[Service]\nWatchdogSec=2\n", "tee", "/run/systemd/system/vaultd.service.d/watchdog.conf")
	m.must(root, "", "systemctl", "daemon-reload")
	m.must(root, "", "systemctl", "restart", "vaultd.service")
	m.must(root, "", "systemctl", "kill", "--kill-whom=main", "--signal=STOP", "vaultd.service")
	if out, _ := m.try(bob, "", "vaultctl", "status", "--timeout", "30s"); !strings.Contains(out, "sealed") {
		m.t.Errorf("who asked while it hung is told %q", out)
	}
	if n := m.show("NRestarts"); n != "1" {
		m.t.Errorf("the daemon that hung was restarted %s times", n)
	}
	m.must(root, "", "rm", "-r", "/run/systemd/system/vaultd.service.d")
	m.must(root, "", "systemctl", "daemon-reload")
	m.must(root, "", "systemctl", "restart", "vaultd.service")
	m.openedAgain()
}

func (m *machine) rebooted() {
	m.reboot()
	if state := m.show("ActiveState"); state != "active" {
		m.t.Errorf("after the boot the service is %s", state)
	}
	m.openedAgain()
}

// checked is the vault while no daemon serves it, by the command that
// docs/SERVICE.md gives.
func (m *machine) checked() {
	m.must(root, "", "systemctl", "stop", "vaultd.socket")
	if state := m.show("ActiveState"); state != "inactive" {
		m.t.Errorf("without its socket the service is %s", state)
	}
	out := m.must(root, password, "runuser", "-u", "vaultd", "--", "vaultd", "check", "--system", "--password-file", "-")
	if !strings.Contains(out, "The vault is whole") {
		m.t.Errorf("check says %s", out)
	}
	m.must(root, "", "systemctl", "start", "vaultd.service")
	m.openedAgain()
}

// toldPrograms holds docs/SERVICE.md to what it says of grants by program: unknown,
// and of no help, without the drop-in.
func (m *machine) toldPrograms() {
	sealed := m.must(root, "", "cat", "/home/vdbob/job.vd1")
	_, err := m.try(bob, sealed, "vaultctl", "decrypt", "vdalice/k")
	if err == nil || !strings.Contains(err.Error(), "permission denied") {
		m.t.Errorf("by a program that the daemon can't know: %v", err)
	}
	const dropIn = "[Service]\nCapabilityBoundingSet=CAP_SYS_PTRACE\nAmbientCapabilities=CAP_SYS_PTRACE\n"
	m.must(root, "", "mkdir", "-p", "/run/systemd/system/vaultd.service.d")
	m.must(root, dropIn, "tee", "/run/systemd/system/vaultd.service.d/programs.conf")
	m.must(root, "", "systemctl", "daemon-reload")
	m.must(root, "", "systemctl", "restart", "vaultd.service")
	m.openedAgain()
	m.must(bob, sealed, "vaultctl", "decrypt", "vdalice/k")
	m.must(root, "", "rm", "-r", "/run/systemd/system/vaultd.service.d")
	m.must(root, "", "systemctl", "daemon-reload")
	m.must(root, "", "systemctl", "restart", "vaultd.service")
	m.openedAgain()
}
