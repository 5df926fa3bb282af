package secret

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// The tests that need a process of their own run this binary again with the
// name of the part to play.
const roleVar = "SECRET_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVar) {
	case "no-memlock":
		playNoMemlock()
	case "overrun":
		debug.SetPanicOnFault(true)
		playOverrun()
	default:
		os.Exit(m.Run())
	}
}

func play(t *testing.T, role string, attr *syscall.SysProcAttr) string {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{roleVar + "=" + role, "GORACE=atexit_sleep_ms=0"}
	cmd.SysProcAttr = attr
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", role, err, out)
	}
	return string(out)
}

// Without CAP_IPC_LOCK and with nothing left of RLIMIT_MEMLOCK, secrets still
// work and the weakness shows.
func playNoMemlock() {
	if err := unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unix.Rlimit{}); err != nil {
		fmt.Println("setrlimit:", err)
	}
	s := From([]byte(canary))
	fmt.Println(Locked(), Protection(), s.Equal([]byte(canary)), s)
}

func TestRefusedLockIsVisible(t *testing.T) {
	attr := &syscall.SysProcAttr{}
	if os.Getuid() == 0 {
		attr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
	}
	if got, want := strings.TrimSpace(play(t, "no-memlock", attr)), "false unlocked true [secret]"; got != want {
		t.Fatalf("got %q, want %q", got, want)
	}
}

func playOverrun() {
	s := New(3 * os.Getpagesize())
	for _, off := range []int{-1, 3 * os.Getpagesize()} {
		fmt.Println(off, faults(s, off))
	}
}

func faults(s *Bytes, off int) (faulted bool) {
	defer func() { faulted = recover() != nil }()
	sink = peek(s, off)
	return false
}

var sink byte // so that the load is not optimised away

func TestGuardPagesStopOverruns(t *testing.T) {
	if out := play(t, "overrun", nil); strings.Count(out, "true") != 2 {
		t.Fatalf("reading past the end went through:\n%s", out)
	}
}

// smaps tells what the kernel thinks of the mapping.
func TestMappingIsLockedAndUndumpable(t *testing.T) {
	if !Locked() {
		t.Skipf("this process may not lock memory (%s)", Protection())
	}
	s := From([]byte(canary))
	defer s.Wipe()
	flags := vmFlags(t, fmt.Sprintf("%x", addressOf(s)))
	for _, want := range []string{" lo", " dd"} {
		if !strings.Contains(flags, want) {
			t.Errorf("no%s in %q", want, flags)
		}
	}
	if !strings.Contains(flags, " dc") && !strings.Contains(flags, " wf") {
		t.Errorf("a forked child would inherit it: %q", flags)
	}
}

// Memory from memfd_secret can't be had through /proc/self/mem, even by root
// and even by the process itself.
func TestHiddenMemoryHidesFromProcMem(t *testing.T) {
	if Protection() != "memfd_secret" {
		t.Skipf("no memfd_secret here, secrets are in %s memory", Protection())
	}
	s := From([]byte(canary))
	defer s.Wipe()
	plain := []byte(canary)
	mem, err := os.Open("/proc/self/mem")
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	got := make([]byte, len(canary))
	if _, err := mem.ReadAt(got, addressOfSlice(plain)); err != nil || !bytes.Equal(got, plain) {
		t.Fatalf("control: ordinary memory: %q, %v", got, err)
	}
	clear(got)
	if n, err := mem.ReadAt(got, int64(addressOf(s))); err == nil || n != 0 || !errors.Is(err, syscall.EIO) {
		t.Fatalf("read %d bytes %q, %v", n, got, err)
	}
}

func vmFlags(t *testing.T, address string) string {
	t.Helper()
	var want uint64
	if _, err := fmt.Sscanf(address, "%x", &want); err != nil {
		t.Fatal(err)
	}
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	inside := false
	for line := range strings.Lines(string(smaps)) {
		var lo, hi uint64
		if n, _ := fmt.Sscanf(line, "%x-%x", &lo, &hi); n == 2 {
			inside = lo <= want && want < hi
		}
		if rest, ok := strings.CutPrefix(line, "VmFlags:"); ok && inside {
			return rest
		}
	}
	t.Fatalf("no mapping at %s", address)
	return ""
}
