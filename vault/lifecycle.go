package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"

	"github.com/vaultd/vaultd/internal/secret"
	"github.com/vaultd/vaultd/vault/store"
)

// InitResult is what a new vault reports.
type InitResult struct {
	VaultID    [16]byte
	Iterations int
	Warnings   []string
}

// Init makes a vault and leaves it unsealed. Iterations of PBKDF2 are
// calibrated when zero, and refused under 600,000. It refuses a directory that
// holds a vault already, or what is left of one.
func (v *Vault) Init(ctx context.Context, password []byte, iterations int) (res InitResult, err error) {
	v.admin.Lock()
	defer v.admin.Unlock()
	exists := E(CodeInitialized, "there is a vault here already")
	if v.isOpen() {
		return InitResult{}, exists
	}
	if err := v.usable(ctx); err != nil {
		return InitResult{}, err
	}
	if _, _, err := v.files.load(); err == nil {
		return InitResult{}, exists
	} else if err != ErrNotInitialized {
		return InitResult{}, err
	}
	warnings, err := checkNewPassword(password)
	if err != nil {
		return InitResult{}, err
	}
	if iterations, err = v.chooseIterations(iterations); err != nil {
		return InitResult{}, err
	}
	if err := os.MkdirAll(v.o.Dir, 0o700); err != nil {
		return InitResult{}, fmt.Errorf("make the vault's directory: %w", err)
	}
	lock, err := store.LockDir(v.o.Dir)
	if err != nil {
		return InitResult{}, storeError(err)
	}
	defer func() {
		if err != nil {
			v.guesses.sealed()
			_ = lock.Close() // the first error is the one to tell
			v.custody.closed = nil
		}
	}()
	h := &header{epoch: 1, critical: slices.Clone(knownFeatures)}
	if _, err := io.ReadFull(v.o.Random, h.vaultID[:]); err != nil {
		return InitResult{}, fmt.Errorf("make a vault id: %w", err)
	}
	root, err := secret.Read(v.o.Random, rootKeyLen)
	if err != nil {
		return InitResult{}, fmt.Errorf("make a root key: %w", err)
	}
	defer root.Wipe()
	s, err := newPasswordSlot(v.o.Random, h.vaultID, password, root.Bytes(), iterations)
	if err != nil {
		return InitResult{}, err
	}
	h.slots = []slot{s}
	if _, err := h.seal(root.Bytes()); err != nil {
		return InitResult{}, err
	}
	if err := v.guesses.unsealed(h, root.Bytes()); err != nil {
		return InitResult{}, err
	}
	so := v.storeOptions(h, root.Bytes(), lock)
	so.Publish = func() error { return v.files.replace(h.encoded) }
	st, err := store.Create(so)
	if errors.Is(err, store.ErrExists) {
		return InitResult{}, ErrHeaderDamaged.Because(fmt.Errorf("there is a store without a header: %w", err))
	}
	if err != nil {
		return InitResult{}, storeError(err)
	}
	l := newLoader()
	defer l.backups.wipeIf(&err)
	if err := l.backups.derive(h, root.Bytes()); err != nil {
		return InitResult{}, errors.Join(err, st.Close())
	}
	if err := v.tellPolicy(l.kept); err != nil {
		if e := st.Close(); e != nil {
			v.log.Warn("the store was not closed in order", "error", e)
		}
		return InitResult{}, err // there is a vault now, and it stays sealed
	}
	v.publish(h, st, lock, l, h.slots[0].label(), v.auditUnsealed(h, root.Bytes(), &l.auditHead, nil))
	v.log.Info("vault initialised", "vault", fmt.Sprintf("%x", h.vaultID), "kdf_iterations", iterations)
	return InitResult{VaultID: h.vaultID, Iterations: iterations, Warnings: warnings}, nil
}

// Unseal opens the vault with a password of it. See UnsealWith.
func (v *Vault) Unseal(ctx context.Context, password []byte, acceptRollback bool) (warnings []string, err error) {
	return v.UnsealWith(ctx, SlotSecret{Kind: SlotPassword, Secret: password}, acceptRollback)
}

// UnsealWith opens the vault with the secret of a key slot. With acceptRollback it
// goes on although the anchor says that the store is older than it was. The
// warnings say what was found and mended on the way.
func (v *Vault) UnsealWith(ctx context.Context, with SlotSecret, acceptRollback bool) (warnings []string, err error) {
	v.admin.Lock()
	defer v.admin.Unlock()
	return v.unseal(ctx, with, acceptRollback)
}

// UnsealAlone is UnsealWith that nobody asked for: it keeps away from a vault that
// is sealed on purpose, which is then sealed.
func (v *Vault) UnsealAlone(ctx context.Context, with SlotSecret) (warnings []string, err error) {
	v.admin.Lock()
	defer v.admin.Unlock()
	if !v.isOpen() && v.Sealing().OnPurpose() {
		return nil, ErrSealed
	}
	return v.unseal(ctx, with, false)
}

// unseal is UnsealWith for who holds v.admin.
func (v *Vault) unseal(ctx context.Context, with SlotSecret, acceptRollback bool) (warnings []string, err error) {
	if err := v.usable(ctx); err != nil {
		return nil, err
	}
	if !v.Initialized() {
		return nil, ErrNotInitialized
	}
	lock, err := store.LockDir(v.o.Dir)
	if err != nil {
		return nil, storeError(err)
	}
	defer func() {
		if err != nil {
			v.guesses.sealed()
			_ = lock.Close() // the first error is the one to tell
		}
		if err != nil && !errors.Is(err, ErrWrongPassword) {
			v.custody.closed = nil // something may have been mended
		}
	}()
	h, backup, err := v.files.load()
	if err != nil {
		return nil, err
	}
	if err := v.files.private(); err != nil {
		return nil, err
	}
	root, by, err := v.rootKey(h, with)
	if err != nil {
		return nil, err
	}
	defer root.Wipe()
	note, err := v.mendBackup(h, backup, root.Bytes(), acceptRollback)
	if err != nil {
		return nil, err
	}
	warnings = append(warnings, note...)

	if err := v.guesses.unsealed(h, root.Bytes()); err != nil {
		return nil, err
	}
	defer easeCollector()()
	up, err := v.beginUpgrade(h)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			up.abandon(v)
		}
	}()
	l := newLoader()
	defer l.backups.wipeIf(&err)
	if err := l.backups.derive(h, root.Bytes()); err != nil {
		return nil, err
	}
	so := v.storeOptions(h, root.Bytes(), lock)
	so.AcceptRollback = acceptRollback
	so.Visit = l.visit
	st, err := store.Open(so)
	if err != nil {
		return nil, storeError(err)
	}
	if err := l.finish(); err != nil {
		return nil, storeError(errors.Join(err, st.Close()))
	}
	if up != nil {
		var note string
		if h, note, err = up.finish(v, h, st, root.Bytes()); err != nil {
			if e := st.Close(); e != nil {
				v.log.Warn("the store was not closed in order", "error", e)
			}
			return nil, err
		}
		warnings = append(warnings, note)
	}
	warnings = append(warnings, v.warnOfAside()...)
	if err := v.tellPolicy(l.kept); err != nil {
		if e := st.Close(); e != nil {
			v.log.Warn("the store was not closed in order", "error", e)
		}
		return nil, err
	}
	keys := len(l.ring.keys) // others may add some from the moment of publishing
	warnings = append(warnings, v.tellRestored(st, l)...)
	o := v.publish(h, st, lock, l, by.label(), v.auditUnsealed(h, root.Bytes(), &l.auditHead, warnings))
	v.log.Info("vault unsealed", "vault", fmt.Sprintf("%x", h.vaultID), "keys", keys, "slot", o.with)
	return o.warnings, nil
}

// usable refuses what cannot work on a closed or unsealed vault. The caller holds v.admin.
func (v *Vault) usable(ctx context.Context) error {
	switch {
	case v.closed:
		return E(CodeUnreachable, "the daemon is stopping")
	case v.isOpen():
		return E(CodeUnsealed, "the vault is unsealed already")
	}
	if err := ctx.Err(); err != nil {
		return E(CodeTimeout, "the request was given up").Because(err)
	}
	return nil
}

func (v *Vault) isOpen() bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.opened != nil
}

// mendBackup brings header.backup up to date with the header in force, which
// is authenticated. A backup that is newer shows that the header itself was
// put back to an older one.
func (v *Vault) mendBackup(h *header, backup headerCopy, root []byte, acceptRollback bool) ([]string, error) {
	if backup.err == nil && bytes.Equal(backup.header.encoded, h.encoded) {
		return nil, nil
	}
	what := "it was damaged"
	switch {
	case errors.Is(backup.err, fs.ErrNotExist):
		what = "it was missing"
	case backup.err == nil && backup.header.verify(root) == nil && backup.header.epoch > h.epoch:
		if !acceptRollback {
			return nil, ErrStoreRolledBack.WithHint("header is older than header.backup; if you restored it on purpose, unseal with --accept-rollback")
		}
		what = "it was newer than the header, which was accepted"
	case backup.err == nil:
		what = "it was older, as after a crash while the header was replaced"
	}
	note := "header.backup was made anew: " + what
	if err := v.files.put(headerBackupName, h.encoded); err != nil {
		note = "header.backup needs to be made anew (" + what + "), but could not be written"
		v.log.Warn(note, "error", err)
		return []string{note}, nil
	}
	v.log.Warn(note)
	return []string{note}, nil
}

func (v *Vault) storeOptions(h *header, root []byte, lock *store.Lock) store.Options {
	return store.Options{
		Dir: v.o.Dir, Lock: lock, AnchorPath: v.o.AnchorPath, VaultID: h.vaultID, RootKey: root,
		HeaderHash: h.hash(), HeaderEpoch: h.epoch,
		Log: v.log, Now: v.o.Now, MinFree: v.o.MinFree, Ballast: v.o.Ballast,
		OnFail: func(err error) { v.log.Error("the store stopped; seal and unseal to go on", "error", err) },
	}
}

// publish makes an opened store the vault's, from which moment operations run.
func (v *Vault) publish(h *header, st *store.Store, lock *store.Lock, l *loader, with string, warnings []string) *opened {
	o := &opened{
		header: h, store: st, lock: lock, ring: l.ring, exchanges: l.exchanges, kept: l.kept, auditHead: &l.auditHead, random: v.o.Random,
		backups:      l.backups,
		keysPerOwner: &v.keysPerOwner, with: with, life: v.life,
		clock: newClock(v.o.Now, v.o.ClockTolerance, st.HighWater()),
	}
	o.since = o.clock.stamp()
	seen := o.store.HighWater()
	o.warnings = append(warnings, o.resumeRevocations(v.log)...)
	o.forgetStale(v.log)
	v.aliased.Store(len(o.ring.aliases) > 0)
	v.mu.Lock()
	v.opened = o
	v.mu.Unlock()
	begun, told := false, seen
	// After the vault is open, which a rotation needs. Seal waits for v.admin until then.
	o.timekeeper = startTimekeeper(v.o.NoteEvery, func() {
		if err := o.endDue(context.Background()); err != nil {
			v.log.Warn("keys whose time is over are still to be destroyed; they stay unusable", "error", err)
		}
		now := o.clock.stamp()
		if o.tellTimes(told, now, v.o.ExpiryWarning) {
			// The next unseal tells from the time noted on; a crash before this repeats events.
			if err := o.store.Commit(context.Background(), store.Batch{NoteTime: now}); err != nil {
				v.log.Warn("the time could not be noted", "error", err)
			}
		}
		told = now
		if err := v.rotateDue(context.Background(), o); err != nil {
			v.log.Warn("keys could not be rotated on their schedule; this is tried again", "error", err)
		}
		if !begun { // unsealing has noted the time
			begun = true
			return
		}
		if err := o.noteTime(context.Background(), v.o.NoteEvery/2); err != nil {
			v.log.Warn("the time could not be noted", "error", err)
		}
		v.keepAuditHead(o)
	})
	v.bytes.forget()
	v.takeCustody()
	v.changed(false)
	return o
}

func (v *Vault) changed(sealed bool) {
	if v.o.Changed != nil {
		v.o.Changed(sealed)
	}
}

// Seal waits for running operations, wipes every key and closes the store, one
// that stopped after a write error too. Sealing a sealed vault does nothing.
func (v *Vault) Seal() error { return v.SealBecause(SealedByRequest, "") }

func (v *Vault) seal() error {
	v.mu.Lock()
	o := v.opened
	v.opened = nil
	v.mu.Unlock()
	if o == nil {
		return nil
	}
	o.ring.wipe()
	v.guesses.sealed()
	o.timekeeper.close()
	v.auditSealing(o)
	if err := v.tellPolicy(nil); err != nil {
		v.log.Warn("the policy keeps what the vault told it, though it is sealed", "error", err)
	}
	closeErr := o.store.Close()
	if closeErr != nil {
		// Sealed is sealed, and what was acknowledged is in the journal.
		v.log.Warn("the store was not closed in order; the next unseal verifies it from its journal", "error", closeErr)
	}
	o.backups.wipe()
	err := o.lock.Close()
	v.closeCustody(closeErr == nil)
	debug.FreeOSMemory()
	v.log.Info("vault sealed")
	v.changed(true)
	return storeError(err)
}

// Close seals the vault for good; it cannot be unsealed any more.
func (v *Vault) Close() error {
	v.admin.Lock()
	defer v.admin.Unlock()
	v.closed = true
	return v.seal()
}

// private refuses header files that others can write to.
func (f headerFiles) private() error {
	for _, name := range []string{headerName, headerBackupName} {
		info, err := os.Lstat(filepath.Join(f.dir, name))
		if err == nil && !ownedAlone(info) {
			return E(CodeUnsafePerms, "others can write to the vault's %s", name).WithHint("make it yours alone: mode 0600")
		}
	}
	return nil
}
