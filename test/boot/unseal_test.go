//go:build linux

package boot

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// keyFile is where the daemon looks for one, and credstore what systemd hands to it.
const (
	keyFile   = "/etc/vaultd/unseal.key"
	credstore = "/etc/credstore.encrypted"
)

// askPassword is the unit that asks for the password at boot.
const askPassword = "vaultd-ask-password.service"

// unsealsItself is a vault that opens without a person after a reboot, by each means in
// turn, and by an answer at the console.
func (m *machine) unsealsItself() {
	m.must(root, "", "vaultctl", "slot", "add", "key-file", keyFile, "--password-file", "/root/password")
	if got := strings.TrimSpace(m.must(root, "", "stat", "-c", "%a %U", keyFile)); got != "400 vaultd" {
		m.t.Errorf("the key file is %s", got)
	}
	m.must(root, "[unseal]\nkey_file = \""+keyFile+"\"\n", "tee", "--append", "/etc/vaultd/vaultd.toml")
	m.reboot()
	m.openBy("key-file")

	// A person's seal holds until the next start.
	m.must(carol, "", "vaultctl", "seal")
	m.must(root, "", "systemctl", "reload", "vaultd.service")
	m.until("the service is active after a reload", func() bool { return m.show("ActiveState") == "active" })
	m.refused(alice, "sealed", "vaultctl", "encrypt", "k")
	m.must(root, "", "systemctl", "restart", "vaultd.service")
	m.openBy("key-file")

	// A daemon that opens the vault before it answers anybody: no use of a key fails.
	m.upgradedUnder(bob.user + "/mine")
	m.openBy("key-file")

	m.must(root, "", "mkdir", "-p", credstore)
	m.must(root, "", "bash", "-o", "pipefail", "-c", "umask 077; vaultctl slot add credential --password-file /root/password |"+
		" systemd-creds encrypt --name=vaultd.unseal - "+credstore+"/vaultd.unseal")
	m.must(root, "", "vaultctl", "slot", "remove", "key-file", "--password-file", "/root/password")
	m.must(root, "", "rm", keyFile)
	m.reboot()
	m.openBy("credential")

	m.must(root, "", "vaultctl", "slot", "remove", "credential", "--password-file", "/root/password")
	m.must(root, "", "rm", credstore+"/vaultd.unseal")
	m.must(root, "", "systemctl", "restart", "vaultd.service")
	m.refused(alice, "sealed", "vaultctl", "encrypt", "k")
	m.must(root, "", "systemctl", "start", askPassword)
	m.answers("not the password")
	m.answers(password)
	m.until("the answer has opened the vault", func() bool { return m.show("StatusText") == "Unsealed" })
	m.openBy("password")

	// Somebody else opens it, and the question is taken back.
	m.must(root, "", "systemctl", "restart", "vaultd.service")
	m.until("it asks again", func() bool { return m.question() != "" })
	m.openedAgain()
	m.until("the question is taken back", func() bool { return m.question() == "" })
	m.must(root, "", "systemctl", "stop", askPassword)
	m.must(root, "", "systemctl", "restart", "vaultd.service")
	m.openedAgain()
}

// openBy is that the vault is open by this key slot, and everything is there.
func (m *machine) openBy(slot string) {
	m.t.Helper()
	var status struct {
		With     string   `json:"unsealed_with"`
		Problems []string `json:"unseal_problems"`
	}
	out, err := m.try(root, "", "vaultctl", "status", "-o", "json")
	if err := json.Unmarshal([]byte(out), &status); err != nil {
		m.t.Fatal(err, out)
	}
	if err != nil || status.With != slot {
		m.t.Fatalf("unsealed with %q, want %q: %v, %v", status.With, slot, err, status.Problems)
	}
	if text := m.show("StatusText"); text != "Unsealed" {
		m.t.Errorf("status text: %q", text)
	}
	m.keptAll()
	m.unitWorks()
}

// openedByPeople is a vault that people open after a reboot: by the password at the
// console, by recovery words, and by shares that three of them enter.
func (m *machine) openedByPeople() {
	if os.Getenv(bootVar) != "long" {
		m.t.Skip("three more reboots take long: run 'make boot-long'")
	}
	m.must(root, "", "systemctl", "enable", askPassword)
	m.reboot()
	m.answers(password)
	m.until("the answer has opened the vault", func() bool { return m.show("StatusText") == "Unsealed" })
	m.openBy("password")
	m.must(root, "", "systemctl", "disable", "--now", askPassword)

	words := m.must(root, "", "vaultctl", "slot", "add", "recovery", "--print", "--password-file", "/root/password")
	m.reboot()
	m.refused(alice, "sealed", "vaultctl", "encrypt", "k")
	m.must(carol, words, "vaultctl", "unseal", "--recovery", "--recovery-words-file", "-")
	m.openBy("recovery")
	m.must(root, "", "vaultctl", "slot", "remove", "recovery", "--password-file", "/root/password")

	const dir = "/root/shares"
	m.must(root, "", "vaultctl", "slot", "add", "shares", "--shares", "5", "--threshold", "3", "--out-dir", dir, "--password-file", "/root/password")
	m.reboot()
	for i, who := range []as{dan, carol, erin} {
		m.refused(alice, "sealed", "vaultctl", "encrypt", "k")
		share := m.must(root, "", "sh", "-c", fmt.Sprintf("cat %s/*-%d-of-5*", dir, 2*i+1))
		if _, err := m.try(alice, share, "vaultctl", "unseal", "--share-file", "-"); err == nil || !strings.Contains(err.Error(), "permission denied") {
			m.t.Errorf("a user who is no administrator enters a share: %v", err)
		}
		m.must(who, share, "vaultctl", "unseal", "--share-file", "-")
	}
	m.openBy("shares")
	m.must(root, "", "vaultctl", "slot", "remove", "shares", "--password-file", "/root/password")
	m.must(root, "", "rm", "-r", dir)
}

// question is the socket that awaits the answer to a question for the password, empty for none.
func (m *machine) question() string {
	out, _ := m.try(root, "", "sh", "-c", `grep -l '^Id=vaultd:unseal$' /run/systemd/ask-password/ask.* 2>/dev/null | xargs -r sed -n 's/^Socket=//p'`)
	return strings.TrimSpace(out)
}

// answers is what systemd's agents at the console and elsewhere do.
func (m *machine) answers(text string) {
	m.t.Helper()
	asked := ""
	m.until("the password is asked for", func() bool { asked = m.question(); return asked != "" })
	m.must(root, text, "/lib/systemd/systemd-reply-password", "1", asked)
	m.until("the answer is taken", func() bool { return m.question() != asked })
}
