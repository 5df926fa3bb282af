package harden

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"

	"github.com/vaultd/vaultd/internal/secret"
	"golang.org/x/sys/unix"
)

// A hardened process can't be un-hardened, so each test plays it in a child:
// this binary again, with its part in the environment.
const roleVar = "HARDEN_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVar) {
	case "plain":
		playVictim()
	case "hardened":
		for _, m := range Process() {
			if m.Err != nil {
				fmt.Println("refused:", m.Name, m.Err)
			}
		}
		playVictim()
	case "spy-plain":
		playSpy("plain")
	case "spy-hardened":
		playSpy("hardened")
	default:
		os.Exit(m.Run())
	}
}

// The two canaries are built at run time, so that the program text, which a core
// may hold, has neither.
func heapCanary() string  { return strings.Repeat("HEAP-canary.", 3) }
func arenaCanary() string { return strings.Repeat("ARENA-canary.", 3) }

var keep []byte

// playVictim holds a secret in the arena and one in the heap, tells that it is
// ready, and waits until its input closes.
func playVictim() {
	keep = []byte(heapCanary())
	s := secret.New(3 * 13) // never whole in the heap
	for i := range s.Len() {
		s.Bytes()[i] = "ARENA-canary."[i%13]
	}
	debug.SetTraceback("crash") // so that SIGABRT reaches the kernel's core dump
	var limit unix.Rlimit
	_ = unix.Getrlimit(unix.RLIMIT_CORE, &limit)
	fmt.Printf("locked=%v core=%d/%d umask=%o\n", secret.Locked(), limit.Cur, limit.Max, unix.Umask(0o077))
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	s.Wipe()
}

// playSpy is another process of the same user, and even the parent: it tries to
// look into its child.
func playSpy(victim string) {
	v, _, err := start(victim, "", nil)
	if err != nil {
		fmt.Println("start:", err)
		return
	}
	pid := v.Process.Pid
	for _, name := range []string{"mem", "environ", "maps", "auxv"} {
		f, err := os.Open(fmt.Sprintf("/proc/%d/%s", pid, name))
		fmt.Println(name, err == nil)
		if err == nil {
			_ = f.Close()
		}
	}
	_, err = os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	fmt.Println("exe", err == nil)
	local := make([]byte, 1)
	_, err = unix.ProcessVMReadv(pid, []unix.Iovec{{Base: &local[0], Len: 1}}, []unix.RemoteIovec{{Base: 0, Len: 1}}, 0)
	fmt.Println("readv", err != unix.EPERM) // address 0: EFAULT when the right was there
	fmt.Println("attach", syscall.PtraceAttach(pid) == nil)
	_ = v.Process.Kill()
	_, _ = v.Process.Wait()
}

// start runs a role until it says "ready" and returns what it said before. The
// child's core limit is as high as it may be.
func start(role, dir string, attr *syscall.SysProcAttr) (*exec.Cmd, []string, error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &limit); err == nil {
		limit.Cur = limit.Max
		_ = unix.Setrlimit(unix.RLIMIT_CORE, &limit)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{roleVar + "=" + role, "GORACE=atexit_sleep_ms=0"}
	cmd.Dir = dir
	cmd.SysProcAttr = attr
	if _, err := cmd.StdinPipe(); err != nil {
		return nil, nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	var said []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if lines.Text() == "ready" {
			return cmd, said, nil
		}
		said = append(said, lines.Text())
	}
	return nil, nil, fmt.Errorf("%s ended: %q, %w", role, said, cmd.Wait())
}

// stranger is a user without privileges, when the test is root.
func stranger() *syscall.SysProcAttr {
	if os.Getuid() != 0 {
		return nil
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
}

func TestMeasuresHold(t *testing.T) {
	cmd, said, err := start("hardened", "", stranger())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	if len(said) != 1 || !strings.Contains(said[0], "core=0/0 umask=77") {
		t.Errorf("the hardened child says %q", said)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(status), "NoNewPrivs:\t1") {
		t.Error("new privileges are still possible")
	}
	var st unix.Stat_t
	if err := unix.Stat(fmt.Sprintf("/proc/%d/environ", cmd.Process.Pid), &st); err != nil || st.Uid != 0 {
		t.Errorf("/proc entries belong to uid %d (%v), want root since it is not dumpable", st.Uid, err)
	}
}

// Another process of the same user can open, read and trace a plain process,
// and can do nothing of it to a hardened one.
func TestSameUserCannotLookInside(t *testing.T) {
	if os.Getuid() == 0 && os.Getenv(roleVar) == "" {
		t.Log("as root: the parts are played by uid 65534")
	}
	spy := func(role string) string {
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = []string{roleVar + "=spy-" + role}
		cmd.SysProcAttr = stranger()
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	ways := []string{"mem", "environ", "maps", "auxv", "exe", "readv", "attach"}
	control, got := spy("plain"), spy("hardened")
	for _, way := range ways {
		if !strings.Contains(control, way+" true\n") {
			t.Errorf("control: %s is closed for a plain process too:\n%s", way, control)
		}
		if !strings.Contains(got, way+" false\n") {
			t.Errorf("%s is open:\n%s", way, got)
		}
	}
}

// abort sends SIGABRT and returns whether the kernel says it dumped core, and
// the core itself when it landed in the directory.
func abort(t *testing.T, role string) (dumped bool, core []byte) {
	t.Helper()
	dir := t.TempDir()
	cmd, _, err := start(role, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGABRT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	ws := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ws.Signaled() || ws.Signal() != syscall.SIGABRT {
		t.Fatalf("%s ended with %v", role, cmd.ProcessState)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		core = append(core, b...)
	}
	return ws.CoreDump(), core
}

func TestNoCoreDump(t *testing.T) {
	if dumped, core := abort(t, "hardened"); dumped || len(core) > 0 {
		t.Fatalf("dumped %v, %d bytes left behind", dumped, len(core))
	}
	if raceEnabled {
		t.Skip("no control: the race detector's shadow memory makes a plain core of gigabytes")
	}
	dumped, core := abort(t, "plain")
	if !dumped || len(core) == 0 {
		t.Skipf("no control here: even a plain process leaves no core in its directory (dumped=%v)", dumped)
	}
	if !strings.Contains(string(core), heapCanary()) {
		t.Error("control: a plain core does not hold the heap")
	}
	if secret.Locked() && strings.Contains(string(core), arenaCanary()) {
		t.Error("a plain core holds the locked arena")
	}
}
