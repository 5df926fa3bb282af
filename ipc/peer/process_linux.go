package peer

import (
	"bytes"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// process is a handle on the peer's process that stays with it: the pidfd
// tells whether /proc/<pid> still is that process.
type process struct {
	pid int32

	mu    sync.Mutex // guards pidfd
	pidfd int        // -1 when closed
}

func (p *process) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pidfd >= 0 {
		_ = unix.Close(p.pidfd)
		p.pidfd = -1
	}
}

// alive reports whether the process has not exited.
func (p *process) alive() bool {
	return p.pidfd >= 0 && !exited(p.pidfd)
}

// exited reports whether the process of the pidfd has exited, or can't be
// asked. A pidfd polls readable once it has.
func exited(pidfd int) bool {
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}} //nolint:gosec // a file descriptor
	for {
		n, err := unix.Poll(fds, 0)
		if err == unix.EINTR {
			continue
		}
		return err != nil || n != 0
	}
}

// observe runs read on the directory in /proc and keeps its answer only if the
// process lived before and after: its number was not given to another meanwhile.
func (p *process) observe(read func(dir string) string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.alive() {
		return ""
	}
	answer := read("/proc/" + strconv.Itoa(int(p.pid)))
	if !p.alive() {
		return ""
	}
	return answer
}

func (p *process) executable() string {
	return p.observe(func(dir string) string {
		name, err := os.Readlink(dir + "/exe")
		if err != nil {
			return ""
		}
		// A process in a mount namespace of its own chooses what its path
		// looks like: the path counts only if it is the same file for us.
		var theirs, ours unix.Stat_t
		if unix.Stat(dir+"/exe", &theirs) != nil || unix.Stat(name, &ours) != nil {
			return ""
		}
		if theirs.Dev != ours.Dev || theirs.Ino != ours.Ino {
			return ""
		}
		return name
	})
}

// units are the units of the process, known when its control groups were read.
func (p *process) units(uid uint32) (unit, userUnit string, known bool) {
	text := p.observe(func(dir string) string {
		b, err := readSmall(dir + "/cgroup")
		if err != nil || len(b) == smallFile { // more than this, maybe
			return ""
		}
		return string(b)
	})
	return unitOf([]byte(text)), userUnitOf([]byte(text), uid), text != ""
}

// started is field 22 of /proc/<pid>/stat. The name of the program, which may
// hold anything, ends at the last parenthesis.
func (p *process) started() uint64 {
	text := p.observe(func(dir string) string {
		b, err := readSmall(dir + "/stat")
		if err != nil {
			return ""
		}
		return string(b)
	})
	_, rest, _ := cutLast(text, ") ")
	fields := strings.Fields(rest) // from field 3 on
	if len(fields) < 20 {
		return 0
	}
	ticks, err := strconv.ParseUint(fields[19], 10, 64)
	if err != nil {
		return 0
	}
	return ticks
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

const smallFile = 4096

// readSmall reads a file of /proc without the fstat and growth of os.ReadFile.
func readSmall(name string) ([]byte, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, smallFile)
	n, err := f.Read(b)
	return b[:n], err
}

// unitOf finds the system unit in the text of /proc/<pid>/cgroup. Only groups
// below system.slice count, since users manage those of their own sessions;
// what lies below the unit is the unit's own affair.
func unitOf(cgroup []byte) string { return unitBelow(cgroup, "/system.slice/") }

// userUnitOf finds the unit below the user's own systemd, which is as strong as
// that user: it may start and move whatever is in it.
func userUnitOf(cgroup []byte, uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	return unitBelow(cgroup, "/user.slice/user-"+id+".slice/user@"+id+".service/")
}

// unitBelow finds the first unit below the group root, slices aside.
func unitBelow(cgroup []byte, root string) string {
	for line := range bytes.Lines(cgroup) {
		hierarchy, rest, _ := strings.Cut(strings.TrimSuffix(string(line), "\n"), ":")
		controllers, group, found := strings.Cut(rest, ":")
		if !found || (hierarchy != "0" || controllers != "") && controllers != "name=systemd" {
			continue
		}
		below, found := strings.CutPrefix(group, root)
		if !found || path.Clean(group) != group {
			return ""
		}
		for part := range strings.SplitSeq(below, "/") {
			switch path.Ext(part) {
			case ".slice":
				continue
			case ".service", ".scope":
				return part
			}
			return ""
		}
	}
	return ""
}
