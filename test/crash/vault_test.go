//go:build linux

package crash

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/test/faultfs"
	"github.com/vaultd/vaultd/test/rig"
	"github.com/vaultd/vaultd/vault/fault"
)

const vaultWriters = 6

// passwords is what the vault opens with: one, or one of two after a change
// whose outcome is open.
type passwords struct {
	current string
	next    string // empty when no change is open
	changed int
}

// change asks for a new password again and again, until it should stop or a
// call fails.
func (p *passwords) change(ctx context.Context, stop <-chan struct{}, d *rig.Daemon) {
	for !closed(stop) {
		next := fmt.Sprintf("password number %d", p.changed+1)
		p.next = next
		_, err := d.Client.ChangePassword(ctx, &vaultdv1.ChangePasswordRequest{
			OldPassword: []byte(p.current), NewPassword: []byte(next), Iterations: 600_000,
		})
		if err != nil {
			return
		}
		p.current, p.next = next, ""
		p.changed++
	}
}

// open unseals with whatever opens, and checks that exactly one does.
func (p *passwords) open(ctx context.Context, d *rig.Daemon) error {
	err := unseal(ctx, d, p.current)
	if p.next == "" {
		return err
	}
	opens, other := p.current, p.next
	if rig.Code(err) == fault.CodeWrongPassword {
		opens, other = p.next, p.current
		if err = unseal(ctx, d, opens); err == nil {
			p.changed++
		}
	}
	if err != nil {
		return fmt.Errorf("after an open password change: %w", err)
	}
	if _, err := d.Client.Seal(ctx, &vaultdv1.SealRequest{}); err != nil {
		return err
	}
	if err := unseal(ctx, d, other); rig.Code(err) != fault.CodeWrongPassword {
		return fmt.Errorf("the vault opens with %q, and with %q it says: %w", opens, other, noError(err))
	}
	p.current, p.next = opens, ""
	return unseal(ctx, d, opens)
}

// unseal is patient with the delay that wrong passwords cost.
func unseal(ctx context.Context, d *rig.Daemon, password string) error {
	for {
		err := d.Unseal(ctx, password)
		if rig.Code(err) != fault.CodeUnlockThrottled || ctx.Err() != nil {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// trial is a vault that is crashed over and over.
type trial struct {
	t         *testing.T
	rng       *rand.Rand
	disk      *disk
	home      rig.Home
	writers   []*writer
	passwords *passwords
	lives     int
}

func newTrial(t *testing.T, d *disk) *trial {
	tr := &trial{t: t, rng: chance(t), disk: d, home: rig.NewHome(t, d.dir()), passwords: &passwords{current: rig.Password}}
	tr.home.Config = "min_free = \"1 MiB\"\nballast = \"1 MiB\"\n"
	for i := range vaultWriters {
		tr.writers = append(tr.writers, newWriter(i, rand.New(rand.NewPCG(tr.rng.Uint64(), uint64(i)))))
	}
	daemon := rig.MustStart(t, tr.home)
	daemon.Init(t)
	if err := daemon.Stop(); err != nil {
		t.Fatal(err)
	}
	return tr
}

// moved follows the disk to its new mount after a cut.
func (tr *trial) moved() {
	home := rig.Home{Run: tr.home.Run, Config: tr.home.Config}
	fresh := tr.disk.dir()
	home.Store, home.Anchor = fresh+"/store", fresh+"/anchor/anchor"
	tr.home = home
}

// begin starts the daemon, unseals it and checks everything.
func (tr *trial) begin(round int) *rig.Daemon {
	tr.t.Helper()
	daemon, err := rig.Start(tr.t, tr.home)
	if err != nil {
		tr.fail(round, nil, err)
	}
	ctx := rig.Context(tr.t)
	if err := tr.passwords.open(ctx, daemon); err != nil {
		tr.fail(round, daemon, err)
	}
	tr.check(round, daemon)
	return daemon
}

func (tr *trial) check(round int, daemon *rig.Daemon) {
	tr.t.Helper()
	ctx := rig.Context(tr.t)
	for _, w := range tr.writers {
		if err := w.check(ctx, daemon.Client); err != nil {
			tr.fail(round, daemon, err)
		}
	}
}

func (tr *trial) fail(round int, daemon *rig.Daemon, err error) {
	tr.t.Helper()
	log := ""
	if daemon != nil {
		log = daemon.Log()
	}
	tr.t.Fatalf("round %d: %v\nthe daemon's log:\n%s", round, err, log)
}

// load writes for a while and then crashes under the load; without a crash it
// lets every call end.
func (tr *trial) load(daemon *rig.Daemon, length time.Duration, crash func()) {
	ctx, cancel := context.WithTimeout(context.Background(), rig.Deadline)
	defer cancel()
	stop := make(chan struct{})
	var writing sync.WaitGroup
	for _, w := range tr.writers {
		writing.Go(func() { w.run(ctx, stop, daemon.Client) })
	}
	if tr.rng.IntN(3) == 0 {
		writing.Go(func() { tr.passwords.change(ctx, stop, daemon) })
		length += 200 * time.Millisecond // one change takes about as long
	}
	// Of the first life something is there to lose, however slow the machine is.
	for end := time.Now().Add(10 * time.Second); tr.lives == 0 && tr.acked() == 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(length)
	if crash != nil {
		crash()
	}
	close(stop)
	writing.Wait()
	tr.lives++
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func (tr *trial) acked() (n int64) {
	for _, w := range tr.writers {
		n += w.acked.Load()
	}
	return n
}

func (tr *trial) report() {
	tr.t.Logf("%d lives, %d acknowledged calls, %d password changes", tr.lives, tr.acked(), tr.passwords.changed)
	if tr.acked() == 0 {
		tr.t.Error("nothing was ever acknowledged")
	}
}

func (tr *trial) span() time.Duration { return time.Duration(10+tr.rng.IntN(300)) * time.Millisecond }

func TestVaultSurvivesKill(t *testing.T) {
	tr := newTrial(t, newPlainDisk(t))
	for round := range rounds(t, 6) {
		if tr.rng.IntN(4) == 0 { // die while starting or unsealing, too
			if daemon, err := rig.Start(t, tr.home); err == nil {
				time.AfterFunc(time.Duration(tr.rng.IntN(150))*time.Millisecond, func() { _ = daemon.Process.Process.Kill() })
				_ = daemon.Unseal(rig.Context(t), tr.passwords.current)
				daemon.Kill()
			} else {
				tr.fail(round, nil, err)
			}
		}
		daemon := tr.begin(round)
		switch tr.rng.IntN(5) {
		case 0:
			tr.load(daemon, tr.span(), func() {
				if err := daemon.Stop(); err != nil {
					tr.fail(round, daemon, err)
				}
			})
		default:
			tr.load(daemon, tr.span(), daemon.Kill)
		}
	}
	tr.begin(-1)
	tr.report()
}

func TestVaultSurvivesPowerCut(t *testing.T) {
	for _, model := range []faultfs.Model{faultfs.Ext4, faultfs.Posix} {
		t.Run(model.String(), func(t *testing.T) {
			tr := newTrial(t, newCuttableDisk(t, model))
			losses := []faultfs.Loss{faultfs.AllLost, faultfs.SomeKept, faultfs.Torn}
			for round := range rounds(t, 5) {
				daemon := tr.begin(round)
				tr.load(daemon, tr.span(), func() { tr.cut(daemon, losses[tr.rng.IntN(3)]) })
			}
			tr.begin(-1).Kill()
			tr.report()
		})
	}
}

func (tr *trial) cut(daemon *rig.Daemon, loss faultfs.Loss) {
	tr.disk.cut(daemon.Process.Process, daemon.Kill, loss, tr.rng)
	tr.moved()
}

// One system call fails at a random moment, from the daemon's start on. The
// daemon must live on, refuse what it can't keep, and after a seal and unseal
// go on as before; or at the latest after a restart.
func TestVaultSurvivesOneIOError(t *testing.T) {
	tr := newTrial(t, newCuttableDisk(t, faultfs.Ext4))
	fired := 0
	for round := range rounds(t, 8) {
		rule := randomFault(tr.rng)
		note := func(err error) error { return fmt.Errorf("with %+v: %w", rule, err) }
		early := tr.rng.IntN(3) == 0
		var in *faultfs.Injection
		if early {
			in = tr.disk.fs.Inject(rule)
		}
		daemon, err := rig.Start(t, tr.home)
		switch {
		case err != nil && (!early || in.Fired() == 0):
			tr.fail(round, nil, err)
		case err != nil:
			if strings.Contains(err.Error(), "goroutine ") {
				tr.fail(round, nil, note(err))
			}
			tr.disk.fs.Heal()
			fired++
			continue
		}
		if err := tr.passwords.open(rig.Context(t), daemon); err != nil {
			if !early || in.Fired() == 0 {
				tr.fail(round, daemon, err)
			}
			if err := tr.passwords.open(rig.Context(t), daemon); err != nil {
				tr.fail(round, daemon, note(fmt.Errorf("the second unseal: %w", err)))
			}
		}
		if !early {
			in = tr.disk.fs.Inject(rule)
		}
		tr.load(daemon, tr.span(), nil)
		tr.disk.fs.Heal()
		if in.Fired() > 0 {
			tr.survived(round, daemon, note)
		}
		if tr.rng.IntN(2) == 0 {
			daemon.Kill()
		} else {
			tr.cut(daemon, faultfs.SomeKept)
		}
		fired += in.Fired()
		tr.begin(round).Kill()
	}
	t.Logf("%d faults fired", fired)
	tr.report()
}

func randomFault(rng *rand.Rand) faultfs.Fault {
	often := []faultfs.Op{faultfs.OpWrite, faultfs.OpFsync}
	seldom := []faultfs.Op{
		faultfs.OpFsyncDir, faultfs.OpCreate, faultfs.OpRename, faultfs.OpUnlink, faultfs.OpTruncate, faultfs.OpAllocate,
	}
	f := faultfs.Fault{Op: often[rng.IntN(len(often))], Skip: rng.IntN(150), Forget: rng.IntN(2) == 0}
	if rng.IntN(2) == 0 {
		f.Op, f.Skip = seldom[rng.IntN(len(seldom))], rng.IntN(5)
	}
	if rng.IntN(4) == 0 {
		f.Errno = syscall.ENOSPC
	}
	return f
}

// survived checks a daemon that has met its error: it lives, seals and unseals.
func (tr *trial) survived(round int, daemon *rig.Daemon, note func(error) error) {
	tr.t.Helper()
	ctx := rig.Context(tr.t)
	if !daemon.Running() || daemon.Panicked() {
		tr.fail(round, daemon, note(os.ErrProcessDone))
	}
	if _, err := daemon.Client.Seal(ctx, &vaultdv1.SealRequest{}); err != nil && rig.Code(err) != fault.CodeSealed {
		tr.fail(round, daemon, note(fmt.Errorf("seal: %w", err)))
	}
	if err := tr.passwords.open(ctx, daemon); err != nil {
		tr.fail(round, daemon, note(fmt.Errorf("unseal: %w", err)))
	}
	tr.check(round, daemon)
}
