//go:build unix

package main

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"golang.org/x/sys/unix"
)

func TestServiceManagerSeesTheVaultsState(t *testing.T) {
	d := newPlace(t).start(t)
	d.init(t)
	d.expect(t, "STATUS="+statusUnsealed)
	if _, err := d.client(t).Seal(t.Context(), &vaultdv1.SealRequest{}); err != nil {
		t.Fatal(err)
	}
	d.expect(t, "STATUS="+statusSealed)
	d.stop(t, syscall.SIGTERM)
	if said := d.place.start(t).ready; !strings.Contains(said, "STATUS="+statusSealed) {
		t.Errorf("started again, it says %q", said)
	}
}

func TestServiceManagerSeesThatThereIsNoVault(t *testing.T) {
	if said := newPlace(t).start(t).ready; !strings.Contains(said, "STATUS="+statusUninitialized) {
		t.Errorf("it says %q", said)
	}
}

// Between RELOADING=1, which has the time that the manager's own clock shows, and
// READY=1 the files are read again.
func TestServiceManagerWaitsForAReload(t *testing.T) {
	d := newPlace(t).start(t)
	before := monotonic(t)
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	said := d.expect(t, "RELOADING=1")
	after := monotonic(t)
	var at int64
	for line := range strings.Lines(said) {
		if rest, ok := strings.CutPrefix(line, "MONOTONIC_USEC="); ok {
			for _, c := range strings.TrimSpace(rest) {
				at = 10*at + int64(c-'0')
			}
		}
	}
	if at < before || at > after {
		t.Errorf("%q is not between %d and %d", said, before, after)
	}
	d.expect(t, "READY=1")
	d.stop(t, syscall.SIGTERM)
}

func monotonic(t *testing.T) int64 {
	t.Helper()
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		t.Skip(err)
	}
	return now.Nano() / 1000
}

func TestWatchdogIsTold(t *testing.T) {
	p := newPlace(t)
	cmd := p.command()
	cmd.Env = append(cmd.Env, "WATCHDOG_USEC=100000")
	d := p.startCommand(t, cmd)
	for range 3 {
		d.expect(t, "WATCHDOG=1")
	}
	d.stop(t, syscall.SIGTERM)
}

// A watchdog of another process is none of ours.
func TestWatchdogOfAnotherProcess(t *testing.T) {
	p := newPlace(t)
	cmd := p.command()
	cmd.Env = append(cmd.Env, "WATCHDOG_USEC=1000", "WATCHDOG_PID=1")
	d := p.startCommand(t, cmd)
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 256)
	_ = d.notify.SetReadDeadline(time.Now().Add(time.Minute))
	if n, err := d.notify.Read(b); err != nil || strings.Contains(string(b[:n]), "WATCHDOG") {
		t.Errorf("it says %q, %v", b[:n], err)
	}
}

// A daemon that hangs stops telling, and logs where it hangs, without arguments.
func TestWatchdogBitesADaemonThatHangs(t *testing.T) {
	address := filepath.Join(newPlace(t).dir, "notify")
	n, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	t.Setenv("NOTIFY_SOCKET", address)
	var log logBuffer
	m := manager{slog.New(slog.NewTextHandler(&log, nil))}

	const limit = 40 * time.Millisecond
	hang := make(chan struct{})
	asked := 0
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		m.keepAlive(ctx, limit, func() {
			if asked++; asked > 2 {
				<-hang
			}
		})
		close(ended)
	}()
	b := make([]byte, 256)
	_ = n.SetReadDeadline(time.Now().Add(time.Minute))
	for range 2 {
		if size, err := n.Read(b); err != nil || string(b[:size]) != "WATCHDOG=1" {
			t.Fatalf("told %q, %v", b[:size], err)
		}
	}
	for end := time.Now().Add(time.Minute); !strings.Contains(log.String(), "the daemon hangs") && time.Now().Before(end); {
		time.Sleep(limit / 4)
	}
	_ = n.SetReadDeadline(time.Now().Add(5 * limit))
	if size, err := n.Read(b); err == nil {
		t.Errorf("told %q by one that hangs", b[:size])
	}
	cancel()
	<-ended
	close(hang)
	if said := log.String(); !strings.Contains(said, "the daemon hangs") || !strings.Contains(said, "askAlive") || strings.Contains(said, "(0x") {
		t.Errorf("log:\n%s", said)
	}
}

// A service manager that does not listen holds nothing up.
func TestNotifyDoesNotWaitForEver(t *testing.T) {
	address := filepath.Join(newPlace(t).dir, "notify")
	n, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	t.Setenv("NOTIFY_SOCKET", address)
	begun := time.Now()
	word := "STATUS=" + string(bytes.Repeat([]byte("x"), 1000))
	for range 100_000 {
		if err := notify(word); err != nil {
			if took := time.Since(begun); took > 30*time.Second {
				t.Errorf("took %v", took)
			}
			return
		}
	}
	t.Skip("this system queues without end")
}
