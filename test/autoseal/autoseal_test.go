//go:build linux

package autoseal

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/test/rig"
	"github.com/vaultd/vaultd/vault/audit"
)

func TestMain(m *testing.M) { rig.Main(m) }

// start starts a daemon that hears of that bus, with an unsealed vault.
func start(t *testing.T, bus, seal string) *rig.Daemon {
	t.Helper()
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", bus)
	h := rig.NewHome(t, t.TempDir())
	h.Config = "[seal]\n" + seal
	d := rig.MustStart(t, h)
	d.Init(t)
	return d
}

func status(t *testing.T, d *rig.Daemon) *vaultdv1.StatusResponse {
	t.Helper()
	s, err := d.Client.Status(rig.Context(t), &vaultdv1.StatusRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// await waits until the condition holds.
func await(t *testing.T, d *rig.Daemon, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(rig.Deadline); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not %s; the daemon's log:\n%s", what, d.Log())
		}
	}
}

// sealedFor waits until the vault is sealed, and looks whether it says that reason
// everywhere.
func sealedFor(t *testing.T, d *rig.Daemon, reason string) {
	t.Helper()
	await(t, d, "sealed", func() bool { return status(t, d).GetSealed() })
	s := status(t, d)
	if s.GetSealReason() != reason || s.GetSealedAt() == nil || s.GetSealDetail() == "" {
		t.Errorf("the status says %q (%q) since %v, and not %q", s.GetSealReason(), s.GetSealDetail(), s.GetSealedAt(), reason)
	}
	var reasons []string
	for e, err := range audit.Read(d.Home.Audit(), audit.Filter{Action: "vault.seal"}) {
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range e.Record.Extra {
			if f.Name == "reason" {
				reasons = append(reasons, f.Value)
			}
		}
	}
	if len(reasons) == 0 || reasons[len(reasons)-1] != reason {
		t.Errorf("the audit log says %q, and not %q", reasons, reason)
	}
	var out bytes.Buffer
	cmd := exec.Command(rig.Program(t, "vaultctl"), "status")
	cmd.Env, cmd.Stdout = d.Home.Env(), &out
	_ = cmd.Run() // its exit status says that the vault is sealed
	if !strings.Contains(out.String(), s.GetSealDetail()) {
		t.Errorf("vaultctl does not say why:\n%s", out.String())
	}
}

// heard waits until the daemon hears logind, and has its lock.
func heard(t *testing.T, d *rig.Daemon) {
	t.Helper()
	await(t, d, "heard", func() bool { return strings.Contains(d.Log(), "logind is heard") })
}

func unseal(t *testing.T, d *rig.Daemon) {
	t.Helper()
	if err := d.Unseal(rig.Context(t), rig.Password); err != nil {
		t.Fatal(err)
	}
	if s := status(t, d); s.GetSealed() || s.GetSealReason() != "" {
		t.Errorf("unsealed, and the status says %v, %q", s.GetSealed(), s.GetSealReason())
	}
}

func signal(t *testing.T, d *rig.Daemon, s os.Signal) {
	t.Helper()
	if err := d.Process.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

func TestSignalSealsAtOnce(t *testing.T) {
	d := start(t, "", "")
	signal(t, d, syscall.SIGUSR1)
	sealedFor(t, d, "signal")
	unseal(t, d)
}

// A vault that was not unsealed since the start, and now stays sealed through reloads, has a
// record of that too.
func TestSignalToASealedVaultIsRecorded(t *testing.T) {
	d := start(t, "", "")
	if err := d.Stop(); err != nil {
		t.Fatal(err)
	}
	d = rig.MustStart(t, d.Home)
	if s := status(t, d); !s.GetSealed() || s.GetSealReason() != "start" {
		t.Fatalf("sealed: %v, for %q", s.GetSealed(), s.GetSealReason())
	}
	signal(t, d, syscall.SIGUSR1)
	await(t, d, "told of", func() bool { return strings.Contains(d.Log(), `"reason":"signal"`) }) // after its record
	sealedFor(t, d, "signal")
}

// A sealed vault that is asked for its status all the time is sealed for idleness,
// one whose keys are used is not, and the setting is followed while it runs.
func TestIdleVaultIsSealed(t *testing.T) {
	d := start(t, "", `idle = "1s"`)
	sealedFor(t, d, "idle") // while await asks for the status

	d.Home.Config = "[seal]\nidle = \"1h\"\n"
	if _, err := d.Home.WriteConfig(); err != nil {
		t.Fatal(err)
	}
	signal(t, d, syscall.SIGHUP)
	await(t, d, "reloaded", func() bool { return strings.Contains(d.Log(), "[seal] idle") })
	unseal(t, d)
	name := &vaultdv1.CreateKeyRequest{Name: "billing/k"}
	if _, err := d.Client.CreateKey(rig.Context(t), name); err != nil {
		t.Fatal("it is sealed although an hour has not passed:", err)
	}
}

func TestSleepWaitsUntilTheVaultIsSealed(t *testing.T) {
	bus := startBus(t)
	l := startLogind(t, bus)
	d := start(t, bus, "on_suspend = true\n")
	locks := func(want int) func() bool { return func() bool { n, _, _ := l.lock(); return n == want } }
	heard(t, d)
	l.letGo()
	_, lock, _ := l.lock()

	l.say(t, managerPath, "Manager.PrepareForSleep", true)
	// logind waits for the end of the lock, as this does.
	if n, err := lock.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Fatal("the lock:", n, err)
	}
	if !status(t, d).GetSealed() {
		t.Error("the machine sleeps, and the vault is not sealed")
	}
	sealedFor(t, d, "suspend")

	l.say(t, managerPath, "Manager.PrepareForSleep", false)
	await(t, d, "a lock for the next sleep", locks(2))
	unseal(t, d)
	l.say(t, managerPath, "Manager.PrepareForSleep", true)
	sealedFor(t, d, "suspend")
}

// Anybody may send anything on the system's bus; only logind is believed.
func TestOthersOnTheBusSealNothing(t *testing.T) {
	bus := startBus(t)
	l := startLogind(t, bus)
	d := start(t, bus, "on_suspend = true\non_lock = true\n")
	heard(t, d)
	_, _, daemon := l.lock()
	stranger := peer(t, bus)
	stranger.Send(logindMessage(daemon), nil)
	// The bus answers after it has passed the other on.
	if err := stranger.BusObject().Call("org.freedesktop.DBus.GetId", 0).Err; err != nil {
		t.Fatal(err)
	}
	// Of another user's session nothing follows either.
	l.say(t, strangerPath, "Session.Lock")
	// What comes after it has been answered when this seals.
	l.say(t, sessionPath, "Session.Lock")
	sealedFor(t, d, "lock")
}

func TestLastSessionOfTheUserEnds(t *testing.T) {
	bus := startBus(t)
	for name, after := range map[string]string{"a lingering user": "lingering", "nothing left": ""} {
		t.Run(name, func(t *testing.T) {
			l := startLogind(t, bus)
			defer l.conn.Close()
			d := start(t, bus, "on_logout = true\non_suspend = true\n")
			heard(t, d)
			l.say(t, managerPath, "Manager.SessionRemoved", "2", sessionPath) // one is left
			l.setState(after)
			l.say(t, managerPath, "Manager.SessionRemoved", "1", sessionPath)
			sealedFor(t, d, "logout")
		})
	}
}

// Without a bus the daemon says so, works, and hears logind once it is there.
func TestLogindComesLater(t *testing.T) {
	bus := startBus(t)
	d := start(t, bus, "on_suspend = true\n")
	problems := func() string { return strings.Join(status(t, d).GetAutoSealProblems(), "\n") }
	await(t, d, "told that there is no logind", func() bool { return strings.Contains(problems(), "on_suspend") })
	l := startLogind(t, bus)
	await(t, d, "heard again", func() bool { return problems() == "" })
	l.say(t, managerPath, "Manager.PrepareForSleep", true)
	sealedFor(t, d, "suspend")
}
