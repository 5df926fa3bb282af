package journald

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/vaultd/vaultd/vault/audit"
)

func line(r audit.Record) []byte { return audit.AppendLine(nil, &r) }

func TestFields(t *testing.T) {
	for name, c := range map[string]struct {
		record   audit.Record
		priority string
		fields   map[string]string
	}{
		"use of a key": {
			audit.Record{
				Seq: 7, Request: "r1", Principal: audit.Principal{UID: 1000, User: "alice"}, Action: "key.encrypt", Owner: "alice",
				Key: audit.Key{Name: "session"}, Outcome: audit.Allowed,
			},
			"6",
			map[string]string{
				"VAULTD_SEQ": "7", "VAULTD_UID": "1000", "VAULTD_USER": "alice", "VAULTD_ACTION": "key.encrypt", "VAULTD_OWNER": "alice",
				"VAULTD_KEY": "session", "VAULTD_OUTCOME": "allowed", "VAULTD_REQUEST": "r1",
			},
		},
		"denied": {
			audit.Record{Action: "vault.seal", Outcome: audit.Denied, Code: "permission_denied"},
			"4",
			map[string]string{
				"VAULTD_SEQ": "0", "VAULTD_UID": "0", "VAULTD_ACTION": "vault.seal", "VAULTD_OUTCOME": "denied", "VAULTD_CODE": "permission_denied",
			},
		},
		"failed": {
			audit.Record{Action: "vault.unseal", Outcome: audit.Failed},
			"5",
			map[string]string{"VAULTD_SEQ": "0", "VAULTD_UID": "0", "VAULTD_ACTION": "vault.unseal", "VAULTD_OUTCOME": "error"},
		},
		"tampered": {
			audit.Record{Action: audit.ActionFilesTampered, Outcome: audit.Failed},
			"2",
			map[string]string{"VAULTD_SEQ": "0", "VAULTD_UID": "0", "VAULTD_ACTION": "vault.tampered", "VAULTD_OUTCOME": "error"},
		},
	} {
		priority, fields := describe(line(c.record))
		c.fields["SYSLOG_IDENTIFIER"] = Identifier
		if diff := cmp.Diff(c.fields, fields); diff != "" || fmt.Sprint(int(priority)) != c.priority {
			t.Errorf("%s: priority %d %s", name, priority, diff)
		}
	}
	if _, fields := describe([]byte("no record\nMESSAGE=forged")); len(fields) != 1 {
		t.Errorf("%v", fields)
	}
}

// The library knows journald at one fixed path. So the test's own binary gets a
// mount namespace in which somebody else listens there.
const helperVar = "VAULTD_TEST_JOURNALD"

func TestMain(m *testing.M) {
	if os.Getenv(helperVar) != "" {
		os.Exit(withJournald())
	}
	os.Exit(m.Run())
}

const skipped = 77

func TestEntriesReachJournald(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), helperVar+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	switch {
	case cmd.ProcessState == nil || cmd.ProcessState.ExitCode() == skipped:
		t.Skipf("no mount namespace here: %v %s", err, out)
	case err != nil:
		t.Fatalf("%v\n%s", err, out)
	}
}

// withJournald runs in a mount namespace of its own.
func withJournald() int {
	fail := func(args ...any) int { fmt.Println(args...); return 1 }
	if err := unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		fmt.Println(err)
		return skipped
	}
	if err := unix.Mount("none", "/run", "tmpfs", 0, "mode=0755"); err != nil {
		fmt.Println(err)
		return skipped
	}
	w := Writer{}
	first := append(line(audit.Record{Seq: 0, Action: "key.sign", Outcome: audit.Allowed, Principal: audit.Principal{User: "eve\nPRIORITY=0"}}), '\n')
	second := append(line(audit.Record{Seq: 1, Action: "vault.seal", Outcome: audit.Denied}), '\n')
	if n, err := w.Write(first); err == nil || n != 0 {
		return fail("without a journald:", n, err)
	}
	const address = "/run/systemd/journal/socket"
	if err := os.MkdirAll(filepath.Dir(address), 0o755); err != nil {
		return fail(err)
	}
	l, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.Bind(l, &unix.SockaddrUnix{Name: address})
	}
	if err == nil {
		err = unix.SetsockoptTimeval(l, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 10})
	}
	if err != nil {
		return fail(err)
	}
	if n, err := w.Write(slices.Concat(first, second)); err != nil || n != len(first)+len(second) {
		return fail("with a journald:", n, err)
	}
	for _, want := range []map[string]string{
		{"MESSAGE": string(bytes.TrimSpace(first)), "PRIORITY": "6", "VAULTD_ACTION": "key.sign", "VAULTD_SEQ": "0"},
		{"MESSAGE": string(bytes.TrimSpace(second)), "PRIORITY": "4", "VAULTD_ACTION": "vault.seal", "VAULTD_SEQ": "1"},
	} {
		b := make([]byte, 64<<10)
		n, err := unix.Read(l, b)
		if err != nil {
			return fail(err)
		}
		fields := map[string]string{}
		for _, f := range strings.Split(string(b[:n]), "\n") {
			if name, value, ok := strings.Cut(f, "="); ok {
				if fields[name] == "" {
					fields[name] = value
				}
			}
		}
		for _, name := range slices.Sorted(maps.Keys(want)) {
			if fields[name] != want[name] {
				return fail(name, "is", fields[name], "and not", want[name])
			}
		}
		// A name with a line end in it forges no field: its length comes before it.
		if want["VAULTD_SEQ"] == "0" && !bytes.Contains(b[:n], append([]byte("VAULTD_USER\n"), 14, 0, 0, 0, 0, 0, 0, 0)) {
			return fail("a line end in a field")
		}
	}
	return 0
}
