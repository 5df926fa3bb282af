//go:build linux

package crash

import (
	"fmt"
	"math"
	"testing"
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/test/faultfs"
	"github.com/vaultd/vaultd/test/rig"
	"github.com/vaultd/vaultd/vault/fault"
)

// The power goes while a vault is made. Afterwards there is a vault that opens,
// which must be so if its making was acknowledged, or none and one can be made.
func TestInitSurvivesPowerCut(t *testing.T) {
	for _, model := range []faultfs.Model{faultfs.Ext4, faultfs.Posix} {
		t.Run(model.String(), func(t *testing.T) {
			rng := chance(t)
			there, syncs := 0, 0
			for round := range rounds(t, 8) {
				d := newCuttableDisk(t, model)
				tr := &trial{t: t, rng: rng, disk: d, home: rig.NewHome(t, d.dir())}
				daemon := rig.MustStart(t, tr.home)
				failed := tr.cutDuring(round, daemon, &syncs, func() error {
					_, err := daemon.Client.Init(rig.Context(t), &vaultdv1.InitRequest{Password: []byte(rig.Password), Iterations: 600_000})
					return err
				})
				daemon, err := rig.Start(t, tr.home)
				if err != nil {
					tr.fail(round, nil, err)
				}
				err = daemon.Unseal(rig.Context(t), rig.Password)
				switch {
				case err == nil:
					there++
				case rig.Code(err) == fault.CodeNotInitialized && failed != nil:
					daemon.Init(t)
				default:
					tr.fail(round, daemon, err)
				}
				if _, err := daemon.Client.CreateKey(rig.Context(t), &vaultdv1.CreateKeyRequest{Name: "after/k"}); err != nil {
					tr.fail(round, daemon, err)
				}
				daemon.Kill()
			}
			t.Logf("%d vaults were there after the cut; making one takes %d fsyncs", there, syncs)
		})
	}
}

// The power goes while the password is changed: exactly one of the two opens
// the vault, the new one if the change was acknowledged.
func TestPasswordChangeSurvivesPowerCut(t *testing.T) {
	for _, model := range []faultfs.Model{faultfs.Ext4, faultfs.Posix} {
		t.Run(model.String(), func(t *testing.T) {
			tr := newTrial(t, newCuttableDisk(t, model))
			syncs := 0
			for round := range rounds(t, 8) {
				daemon := tr.begin(round)
				p := tr.passwords
				p.next = fmt.Sprintf("password number %d", round)
				failed := tr.cutDuring(round, daemon, &syncs, func() error {
					_, err := daemon.Client.ChangePassword(rig.Context(t), &vaultdv1.ChangePasswordRequest{
						OldPassword: []byte(p.current), NewPassword: []byte(p.next), Iterations: 600_000,
					})
					return err
				})
				if failed == nil {
					p.current, p.next, p.changed = p.next, "", p.changed+1
				}
			}
			tr.begin(-1)
			t.Logf("%d of the changes took place; one takes %d fsyncs", tr.passwords.changed, syncs)
		})
	}
}

// The power goes while a key is destroyed with a rewrite of the store, which
// replaces every file.
func TestRewriteSurvivesPowerCut(t *testing.T) {
	for _, model := range []faultfs.Model{faultfs.Ext4, faultfs.Posix} {
		t.Run(model.String(), func(t *testing.T) {
			tr := newTrial(t, newCuttableDisk(t, model))
			w, syncs, destroyed := tr.writers[0], 0, 0
			for round := range rounds(t, 8) {
				daemon := tr.begin(round)
				for range 3 {
					if err := w.create(rig.Context(t), daemon.Client); err != nil {
						tr.fail(round, daemon, err)
					}
					w.owners[len(w.owners)-1], w.pending = w.pending.after, nil
				}
				k := w.owner().pick(tr.rng, func(k *key) bool { return !k.destroyed }).clone()
				k.destroyAll()
				w.try("destroy "+k.name, w.owner().with(k))
				failed := tr.cutDuring(round, daemon, &syncs, func() error {
					_, err := daemon.Client.DestroyKey(rig.Context(t), &vaultdv1.DestroyKeyRequest{Name: k.name, Now: true})
					return err
				})
				if failed == nil {
					w.owners[len(w.owners)-1], w.pending = w.pending.after, nil
					destroyed++
				}
			}
			tr.begin(-1)
			t.Logf("%d rewrites were acknowledged; one takes %d fsyncs", destroyed, syncs)
		})
	}
}

// cutDuring takes the power after a random fsync of a call, and returns how
// the call ended. In the first round it lets it end, and counts into syncs.
func (tr *trial) cutDuring(round int, daemon *rig.Daemon, syncs *int, call func() error) error {
	tr.t.Helper()
	fs := tr.disk.fs
	synced := func() int { return fs.Calls(faultfs.OpFsync) + fs.Calls(faultfs.OpFsyncDir) }
	before := synced()
	target := before + 1 + tr.rng.IntN(*syncs+1)
	if round == 0 {
		target = math.MaxInt
	}
	ended := make(chan error, 1)
	go func() { ended <- call() }()
	for len(ended) == 0 && synced() < target {
		time.Sleep(100 * time.Microsecond)
	}
	if round == 0 {
		*syncs = synced() - before
	}
	done := len(ended) > 0
	tr.cut(daemon, []faultfs.Loss{faultfs.AllLost, faultfs.SomeKept, faultfs.Torn}[tr.rng.IntN(3)])
	err := <-ended
	if done && err != nil {
		tr.fail(round, daemon, err)
	}
	return err
}

// One read fails while a vault is opened and used. The daemon lives, and the
// next attempt works.
func TestVaultSurvivesOneReadError(t *testing.T) {
	d := newCuttableDisk(t, faultfs.Ext4)
	home := rig.NewHome(t, d.dir())
	home.Config = "min_free = \"1 MiB\"\nballast = \"1 MiB\"\n"
	daemon := rig.MustStart(t, home)
	daemon.Init(t)
	gallery := rig.NewGallery(t, daemon, "read", 20)
	tr := &trial{t: t, rng: chance(t), disk: d, home: home}
	fired := 0
	for round := range rounds(t, 10) {
		if tr.rng.IntN(2) == 0 {
			if err := daemon.Stop(); err != nil {
				tr.fail(round, daemon, err)
			}
		}
		tr.cut(daemon, faultfs.AllLost) // a new mount, so that nothing is cached
		in := d.fs.Inject(faultfs.Fault{Op: faultfs.OpRead, Skip: tr.rng.IntN(40)})
		var err error
		if daemon, err = rig.Start(t, tr.home); err != nil {
			if in.Fired() == 0 {
				tr.fail(round, nil, err)
			}
			daemon = rig.MustStart(t, tr.home)
		}
		for range 3 { // the fault may hit the opening or the use
			if err = daemon.Unseal(rig.Context(t), rig.Password); err == nil {
				err = gallery.Check(rig.Context(t), daemon.Client)
			}
			if err == nil || !daemon.Running() {
				break
			}
			_, _ = daemon.Client.Seal(rig.Context(t), &vaultdv1.SealRequest{})
		}
		if err != nil || !daemon.Running() || daemon.Panicked() {
			t.Logf("a read of %s failed", in.Path())
			tr.fail(round, daemon, err)
		}
		fired += in.Fired()
	}
	t.Logf("%d reads failed", fired)
}
