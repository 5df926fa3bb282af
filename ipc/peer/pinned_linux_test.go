package peer

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// sleeper is a living child that ends with the test.
func sleeper(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Skipf("no process to hold: %v", err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd
}

func pin(t *testing.T, pid int) *Pinned {
	t.Helper()
	p, err := Pin(int32(pid))
	if errors.Is(err, ErrNoPin) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func TestPinnedProcessIsToldWhenItEnds(t *testing.T) {
	cmd := sleeper(t)
	p := pin(t, cmd.Process.Pid)
	if p.UID != uint32(os.Geteuid()) || p.Started == 0 || len(p.Boot) != 36 {
		t.Errorf("%+v", p)
	}
	if again := pin(t, cmd.Process.Pid); again.Started != p.Started || again.Boot != p.Boot {
		t.Errorf("%+v is not %+v", again, p)
	}
	ended := make(chan bool, 1)
	go func() { ended <- p.Wait() }()
	select {
	case <-ended:
		t.Fatal("it ended while it lived")
	case <-time.After(50 * time.Millisecond):
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	// It is a zombie, which nobody has waited for: over is over.
	select {
	case e := <-ended:
		if !e {
			t.Error("let go, and not ended")
		}
	case <-time.After(time.Minute):
		t.Fatal("nobody was told")
	}
	if !p.Wait() {
		t.Error("not ended any more")
	}
}

func TestLettingGoEndsTheWait(t *testing.T) {
	p := pin(t, sleeper(t).Process.Pid)
	ended := make(chan bool, 1)
	go func() { ended <- p.Wait() }()
	p.Close()
	p.Close()
	select {
	case e := <-ended:
		if e {
			t.Error("a living process ended")
		}
	case <-time.After(time.Minute):
		t.Fatal("still waiting")
	}
}

func TestPinOfNoProcess(t *testing.T) {
	pin(t, os.Getpid()) // where it can be done
	cmd := sleeper(t)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	for _, pid := range []int32{int32(cmd.Process.Pid), 0, -1, 1 << 30} {
		if p, err := Pin(pid); !errors.Is(err, ErrGone) {
			t.Errorf("process %d: %+v, %v", pid, p, err)
		}
	}
	zombie := sleeper(t)
	_ = zombie.Process.Signal(syscall.SIGKILL)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if _, err := Pin(int32(zombie.Process.Pid)); errors.Is(err, ErrGone) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("a process that has exited is there")
		}
	}
}
