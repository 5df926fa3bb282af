//go:build unix

package rig

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// TPM is an emulated TPM 2.0, a swtpm that runs. Its state lives in files, as
// that of a chip outlives the machine's power.
type TPM struct {
	Socket string // takes raw commands

	t       testing.TB
	dir     string
	process *exec.Cmd
	ended   chan struct{}
}

// StartTPM makes a TPM with seeds of its own. The test is skipped where there is no swtpm.
func StartTPM(t testing.TB) *TPM {
	t.Helper()
	dir, err := os.MkdirTemp("", "vaultd-tpm-") // short, for the socket's path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return StartTPMIn(t, dir)
}

// StartTPMIn is StartTPM with the socket, tpm.sock, and the state in a directory of the caller's.
func StartTPMIn(t testing.TB, dir string) *TPM {
	t.Helper()
	if _, err := exec.LookPath("swtpm"); err != nil {
		t.Skip("no swtpm here: Debian has it in the package swtpm")
	}
	tpm := &TPM{Socket: filepath.Join(dir, "tpm.sock"), t: t, dir: dir}
	t.Cleanup(tpm.kill)
	tpm.start()
	return tpm
}

// Reboot is what a machine's reboot is to its TPM: an orderly end, and a start
// with PCRs that are reset.
func (tpm *TPM) Reboot() {
	tpm.t.Helper()
	tpm.command([]byte{0x80, 0x01, 0, 0, 0, 12, 0, 0, 0x01, 0x45, 0, 0}) // TPM2_Shutdown(CLEAR)
	tpm.kill()
	tpm.start()
}

// Extend extends a PCR of the SHA-256 bank, as firmware does with what it starts.
func (tpm *TPM) Extend(pcr uint32, what string) {
	tpm.t.Helper()
	c := []byte{0x80, 0x02, 0, 0, 0, 65, 0, 0, 0x01, 0x82}
	c = binary.BigEndian.AppendUint32(c, pcr)
	c = append(c, 0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 1, 0, 0) // an empty password
	c = append(c, 0, 0, 0, 1, 0, 0x0b)                      // one digest, of SHA-256
	digest := sha256.Sum256([]byte(what))
	tpm.command(append(c, digest[:]...))
}

func (tpm *TPM) start() {
	tpm.t.Helper()
	if err := os.Remove(tpm.Socket); err != nil && !os.IsNotExist(err) {
		tpm.t.Fatal(err)
	}
	p := exec.Command("swtpm", "socket", "--tpm2", "--tpmstate", "dir="+tpm.dir,
		"--server", "type=unixio,path="+tpm.Socket, "--flags", "not-need-init,startup-clear")
	log := &syncBuffer{}
	p.Stdout, p.Stderr = log, log
	p.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithTest(p.SysProcAttr)
	ended, started := make(chan struct{}), make(chan error)
	go func() {
		runtime.LockOSThread() // see Start
		err := p.Start()
		started <- err
		if err == nil {
			_ = p.Wait() // it ends by a signal
			close(ended)
		}
	}()
	if err := <-started; err != nil {
		tpm.t.Fatal(err)
	}
	tpm.process, tpm.ended = p, ended
	for deadline := time.Now().Add(Deadline); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if c, err := net.Dial("unix", tpm.Socket); err == nil {
			if err := c.Close(); err != nil {
				tpm.t.Fatal(err)
			}
			return
		}
		select {
		case <-ended:
			tpm.t.Fatalf("swtpm ended at its start:\n%s", log)
		default:
		}
	}
	tpm.t.Fatalf("swtpm did not listen:\n%s", log)
}

func (tpm *TPM) kill() {
	if tpm.process == nil {
		return
	}
	_ = tpm.process.Process.Kill() // gone already is as good
	<-tpm.ended
	tpm.process = nil
}

// command sends one command and expects success.
func (tpm *TPM) command(c []byte) {
	tpm.t.Helper()
	if err := tpm.exchange(c); err != nil {
		tpm.t.Fatal(err)
	}
}

func (tpm *TPM) exchange(c []byte) (err error) {
	conn, err := net.Dial("unix", tpm.Socket)
	if err != nil {
		return err
	}
	defer func() {
		if e := conn.Close(); err == nil {
			err = e
		}
	}()
	if err := conn.SetDeadline(time.Now().Add(Deadline)); err != nil {
		return err
	}
	if _, err := conn.Write(c); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	n, err := conn.Read(answer)
	if err != nil || n < 10 {
		return fmt.Errorf("an answer of %d bytes, %w", n, err)
	}
	if rc := binary.BigEndian.Uint32(answer[6:]); rc != 0 {
		return fmt.Errorf("TPM command %x: response code %#x", c[6:10], rc)
	}
	return nil
}
