//go:build linux

package boot

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/vaultd/vaultd/test/rig"
)

// tpmDir is where the container sees the TPM that runs outside of it, as a chip does: the
// socket of an emulator, since the kernels of CI have no device for one.
const tpmDir = "/var/lib/vdtpm"

// unsealedByTPM is a vault that the machine's TPM opens at boot, as long as the machine boots as it did.
func (m *machine) unsealedByTPM() {
	tpm := rig.StartTPMIn(m.t, filepath.Join(m.dir, "tpm"))
	reachable := func() {
		if err := os.Chmod(tpm.Socket, 0o666); err != nil {
			m.t.Fatal(err)
		}
	}
	reachable()
	socket := filepath.Join(tpmDir, filepath.Base(tpm.Socket))
	m.must(root, "", "sed", "-i", `/^\[unseal\]/a tpm = "`+socket+`"`, "/etc/vaultd/vaultd.toml")
	m.must(root, "", "systemctl", "restart", "vaultd.service")
	m.openedAgain()
	m.must(root, "", "vaultctl", "slot", "add", "tpm", "--password-file", "/root/password")

	off := func() {
		m.goDown()
		tpm.Reboot()
		reachable()
	}
	off()
	m.boot()
	m.openBy("tpm")

	off()
	tpm.Extend(7, "another Secure Boot key")
	m.boot()
	m.refused(alice, "sealed", "vaultctl", "encrypt", "k")
	if status, _ := m.try(root, "", "vaultctl", "status", "-o", "json"); !strings.Contains(status, "PCR 7") {
		m.t.Errorf("the status does not tell what has changed:\n%s", status)
	}
	m.openedAgain()
	m.must(root, "", "vaultctl", "slot", "remove", "tpm", "--password-file", "/root/password")

	// The drop-in that a real device needs. What stands for it here is none.
	m.must(root, "", "groupadd", "--force", "--system", "tss")
	m.must(root, "", "sh", "-c", "rm -f /dev/tpmrm0 && mknod /dev/tpmrm0 c 1 3 && chgrp tss /dev/tpmrm0 && chmod 0660 /dev/tpmrm0")
	m.must(root, "", "sed", "-i", `/^tpm = /d`, "/etc/vaultd/vaultd.toml")
	m.must(root, "", "systemctl", "restart", "vaultd.service")
	m.openedAgain()
	m.refused(root, "finds no TPM", "vaultctl", "slot", "add", "tpm", "--password-file", "/root/password")
	m.must(root, "", "mkdir", "-p", "/etc/systemd/system/vaultd.service.d")
	m.must(root, "", "cp", "/usr/share/doc/vaultd/examples/tpm.conf", "/etc/systemd/system/vaultd.service.d/tpm.conf")
	m.must(root, "", "systemctl", "daemon-reload")
	m.must(root, "", "systemctl", "restart", "vaultd.service")
	m.openedAgain()
	m.refused(root, "the TPM does not work", "vaultctl", "slot", "add", "tpm", "--password-file", "/root/password")
	m.must(root, "", "rm", "-r", "/etc/systemd/system/vaultd.service.d/tpm.conf", "/dev/tpmrm0")
	m.must(root, "", "systemctl", "daemon-reload")
	m.must(root, "", "systemctl", "restart", "vaultd.service")
	m.openedAgain()
}
