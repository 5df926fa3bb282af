//go:build linux

package autoseal

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"
)

// busConfig is a bus where everybody may do everything, as the daemon is the only
// other one on it.
const busConfig = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=%s</listen>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*" eavesdrop="false"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
`

// startBus starts a dbus-daemon and returns its address.
func startBus(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("dbus-daemon")
	if err != nil {
		t.Skip("there is no dbus-daemon here")
	}
	dir, err := os.MkdirTemp("", "vaultd-bus-") // short, for the socket's path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	config := filepath.Join(dir, "bus.conf")
	socket := filepath.Join(dir, "bus")
	if err := os.WriteFile(config, fmt.Appendf(nil, busConfig, socket), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--config-file="+config, "--nofork", "--nopidfile", "--print-address")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skipf("no bus starts here: %v", err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.HasPrefix(line, "unix:") {
		t.Fatalf("the bus says %q: %v", line, err)
	}
	return "unix:path=" + socket
}

// peer is one more on the bus.
func peer(t *testing.T, bus string) *dbus.Conn {
	t.Helper()
	c, err := dbus.Connect(bus)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

const (
	logindName   = "org.freedesktop.login1"
	managerPath  = dbus.ObjectPath("/org/freedesktop/login1")
	userPath     = managerPath + "/user/_own"
	sessionPath  = managerPath + "/session/_31"
	strangerPath = managerPath + "/session/_32"
)

// logind says what systemd-logind would, for one user.
type logind struct {
	conn *dbus.Conn
	uid  uint32

	mu    sync.Mutex // guards what follows
	state string     // of the user; empty for none
	locks []*os.File // ours of the pipes whose other ends are inhibitor locks
	given []*os.File // those, until they have been received for sure
	taker string     // who took the last
}

func startLogind(t *testing.T, bus string) *logind {
	t.Helper()
	l := &logind{conn: peer(t, bus), uid: uint32(os.Getuid()), state: "active"}
	t.Cleanup(func() {
		l.letGo()
		for _, f := range l.locks {
			_ = f.Close()
		}
	})
	for path, methods := range map[dbus.ObjectPath]map[string]any{
		managerPath: {"Inhibit": l.inhibit, "GetUser": l.getUser},
	} {
		if err := l.conn.ExportMethodTable(methods, path, logindName+".Manager"); err != nil {
			t.Fatal(err)
		}
	}
	for path, get := range map[dbus.ObjectPath]func(string, string) (dbus.Variant, *dbus.Error){
		userPath:     func(string, string) (dbus.Variant, *dbus.Error) { return l.userState() },
		sessionPath:  owned(l.uid),
		strangerPath: owned(l.uid + 1),
	} {
		if err := l.conn.ExportMethodTable(map[string]any{"Get": get}, path, "org.freedesktop.DBus.Properties"); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := l.conn.RequestName(logindName, dbus.NameFlagDoNotQueue); err != nil || r != dbus.RequestNameReplyPrimaryOwner {
		t.Fatal("the name is not given:", r, err)
	}
	return l
}

// owned answers for a session of that user.
func owned(uid uint32) func(string, string) (dbus.Variant, *dbus.Error) {
	type reference struct {
		UID  uint32
		Path dbus.ObjectPath
	}
	return func(string, string) (dbus.Variant, *dbus.Error) {
		return dbus.MakeVariant(reference{uid, userPath}), nil
	}
}

func (l *logind) inhibit(sender dbus.Sender, what, _, _, mode string) (dbus.UnixFD, *dbus.Error) {
	if what != "sleep" || mode != "delay" {
		return 0, dbus.MakeFailedError(errors.New("asked for " + what + ", " + mode))
	}
	ours, theirs, err := os.Pipe()
	if err != nil {
		return 0, dbus.MakeFailedError(err)
	}
	l.mu.Lock()
	l.locks, l.given, l.taker = append(l.locks, ours), append(l.given, theirs), string(sender)
	l.mu.Unlock()
	return dbus.UnixFD(theirs.Fd()), nil
}

// letGo leaves the locks to who took them.
func (l *logind) letGo() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.given {
		_ = f.Close()
	}
	l.given = nil
}

func (l *logind) getUser(uid uint32) (dbus.ObjectPath, *dbus.Error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if uid != l.uid || l.state == "" {
		return "", dbus.NewError(logindName+".NoSuchUser", []any{"no user"})
	}
	return userPath, nil
}

func (l *logind) userState() (dbus.Variant, *dbus.Error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return dbus.MakeVariant(l.state), nil
}

// say sends a signal of the manager.
func (l *logind) say(t *testing.T, path dbus.ObjectPath, member string, args ...any) {
	t.Helper()
	if err := l.conn.Emit(path, logindName+"."+member, args...); err != nil {
		t.Fatal(err)
	}
}

func (l *logind) setState(s string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state = s
}

// lock is the number of locks taken so far, our end of the last, and who took it.
func (l *logind) lock() (int, *os.File, string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.locks) == 0 {
		return 0, nil, ""
	}
	return len(l.locks), l.locks[len(l.locks)-1], l.taker
}

// logindMessage is a signal as logind sends it, to one receiver alone, which gets it
// whatever it asked the bus for.
func logindMessage(to string) *dbus.Message {
	return &dbus.Message{
		Type: dbus.TypeSignal,
		Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldPath:        dbus.MakeVariant(managerPath),
			dbus.FieldInterface:   dbus.MakeVariant(logindName + ".Manager"),
			dbus.FieldMember:      dbus.MakeVariant("PrepareForSleep"),
			dbus.FieldDestination: dbus.MakeVariant(to),
			dbus.FieldSignature:   dbus.MakeVariant(dbus.SignatureOf(true)),
		},
		Body: []any{true},
	}
}
