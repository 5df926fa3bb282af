package vault

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/vaultd/vaultd/vault/store"
)

// restoringSuffix is of the directory in which a restored vault is made.
const restoringSuffix = ".restoring"

// asideName is where what was in the directory goes.
func (r *restorer) asideName() string {
	return r.o.Dir + ".before-restore-" + r.o.Now().UTC().Format("20060102T150405.000000Z")
}

// lookAround finds out what is in the directory, and what is known of the vault.
func (r *restorer) lookAround() error {
	info, err := os.Lstat(r.o.Dir)
	switch {
	case err == nil:
		r.owner = info
	case !errors.Is(err, fs.ErrNotExist):
		return err
	case os.Geteuid() == 0:
		r.warn("%s is made anew and belongs to root: a daemon of another user needs it to be its own", r.o.Dir)
	}
	return asOwner(r.owner, r.look)
}

func (r *restorer) look() (err error) {
	r.known, err = store.KnownOf(store.Options{Dir: r.o.Dir, AnchorPath: r.o.AnchorPath, VaultID: r.header.vaultID, RootKey: r.root.Bytes()})
	if err != nil {
		return storeError(err)
	}
	main, second := headerFiles{dir: r.o.Dir}.read(headerName), headerFiles{dir: r.o.Dir}.read(headerBackupName)
	incomplete, err := store.Incomplete(r.o.Dir)
	if err != nil {
		return err
	}
	gone := errors.Is(main.err, fs.ErrNotExist) && errors.Is(second.err, fs.ErrNotExist)
	p, err := r.readPresent()
	switch {
	case incomplete, gone && errors.Is(err, store.ErrNoStore):
		return r.warnOfLoss()
	case !r.o.Replace:
		return E(CodeInitialized, "there is a vault in %s", r.o.Dir).
			WithHint("with --replace it is moved aside, and what it revoked stays revoked")
	}
	r.occupied = true
	newer := newest(err, main.err, second.err)
	switch {
	case newer != nil && !r.o.Resurrect:
		return newer
	case errors.Is(err, store.ErrWrongKey):
		r.warn("the vault in %s is another one: nothing of it is taken over", r.o.Dir)
		return nil
	case err != nil && !r.o.Resurrect:
		return E(CodeStoreCorrupt, "what the vault in %s revoked can't be read", r.o.Dir).
			WithHint("'vaultd check' says what is wrong with it, and --repair may mend it; with --resurrect it is left out of account").Because(err)
	case err != nil:
		r.warn("what the vault in %s revoked can't be read, and is left out of account", r.o.Dir)
		return nil
	case r.o.Resurrect:
		r.warn("what the vault in %s revoked, destroyed, limits or forbids after the backup may be in force again, and its key slots are those of the backup", r.o.Dir)
		p.keepNothing()
	}
	if p.seq < r.known.Seq {
		r.warn("the anchor knows the vault as of commit %d, the one in %s is of %d: later revocations are unknown", r.known.Seq, r.o.Dir, p.seq)
	}
	r.present = p
	return r.chooseHeader(main, second)
}

// newest is not nil where one of the errors is of a vault that a newer program wrote.
func newest(errs ...error) error {
	for _, err := range errs {
		var domain *Error
		if errors.Is(err, errHeaderNewer) || errors.As(storeError(err), &domain) && domain.Code == CodeNewerFormat {
			return E(CodeNewerFormat, "the vault that is there was written by a newer vaultd, and what it revoked can't be read").
				WithHint("restore with the newer vaultd; with --resurrect what is there is left out of account").Because(err)
		}
	}
	return nil
}

// warnOfLoss says what the anchor knows of a vault that is gone.
func (r *restorer) warnOfLoss() error {
	if r.known.Seq > r.last.Seq+1 { // making the backup was one more
		r.warn("the anchor knows the vault as of commit %d, the backup is of %d: revocations made in between, if any, are lost", r.known.Seq, r.last.Seq)
	}
	return nil
}

// warnOfSlots says that the anchor knows of later key slots than those there are.
func (r *restorer) warnOfSlots() {
	r.warn("the anchor knows that the key slots were changed later: a password that was replaced, or a slot that was removed, may open the vault again")
}

// chooseHeader keeps the key slots that the vault has now: a password that was
// changed since the backup, maybe because somebody knew it, stays changed.
func (r *restorer) chooseHeader(copies ...headerCopy) error {
	var now *header
	for _, c := range copies {
		if c.err == nil && c.header.vaultID == r.header.vaultID && c.header.verify(r.root.Bytes()) == nil &&
			(now == nil || c.header.epoch > now.epoch) {
			now = c.header
		}
	}
	if now != nil && !r.o.Resurrect {
		return r.keepHeader(now)
	}
	if now == nil {
		r.warn("the key slots of the vault in %s can't be read: those of the backup open it again, whatever was changed or removed since", r.o.Dir)
	}
	epoch := r.known.HeaderEpoch
	if now != nil {
		epoch = max(epoch, now.epoch)
	}
	return r.raiseEpoch(epoch)
}

// keepHeader takes the present header, with what the backup's says that a program has to know.
func (r *restorer) keepHeader(now *header) error {
	missing := slices.DeleteFunc(slices.Clone(r.header.critical), func(f string) bool { return slices.Contains(now.critical, f) })
	r.header = now
	if now.epoch < r.known.HeaderEpoch {
		r.warnOfSlots()
		if err := r.raiseEpoch(r.known.HeaderEpoch); err != nil {
			return err
		}
	}
	if len(missing) == 0 {
		return nil
	}
	h := r.header.clone()
	h.critical = append(slices.Clone(h.critical), missing...)
	slices.Sort(h.critical)
	h.epoch++
	if _, err := h.seal(r.root.Bytes()); err != nil {
		return err
	}
	r.header = h
	return nil
}

// raiseEpoch seals the header anew above an epoch that the anchor knows.
func (r *restorer) raiseEpoch(known uint64) error {
	if r.header.epoch > known {
		return nil
	}
	h := r.header.clone()
	h.epoch = known + 1
	if _, err := h.seal(r.root.Bytes()); err != nil {
		return err
	}
	r.header = h
	return nil
}

// build makes the vault beside the directory and puts it in place.
func (r *restorer) build() (err error) {
	dir := r.o.Dir + restoringSuffix
	if err := r.clearWay(dir); err != nil {
		return err
	}
	if r.present == nil {
		if r.header.epoch < r.known.HeaderEpoch {
			r.warnOfSlots()
		}
		if err := r.raiseEpoch(r.known.HeaderEpoch); err != nil {
			return err
		}
	}
	b, err := store.Build(store.Options{
		Dir: dir, AnchorPath: r.o.AnchorPath, VaultID: r.header.vaultID, RootKey: r.root.Bytes(),
		HeaderHash: r.header.hash(), HeaderEpoch: r.header.epoch, Log: r.o.Log, Now: r.o.Now,
		Publish: func() error { return headerFiles{dir: dir}.replace(r.header.encoded) },
	}, r.known.Generation+1)
	if err != nil {
		err = storeError(err)
	} else {
		defer b.Close()
		err = r.fill(b)
	}
	if err != nil {
		if b != nil { // else somebody else made it
			_ = os.RemoveAll(dir) // it never was a vault
		}
		return err
	}
	r.o.reached("made")
	return r.place(b, dir)
}

// clearWay removes what an interrupted restore left, unless it is whole: then it
// may be a vault that was on its way aside.
func (r *restorer) clearWay(dir string) error {
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	lock, err := store.LockDir(dir)
	if err != nil {
		return storeError(err)
	}
	defer lock.Close()
	if incomplete, err := store.Incomplete(dir); err != nil {
		return err
	} else if incomplete {
		return os.RemoveAll(dir)
	}
	aside := r.asideName() + "-earlier"
	r.warn("an interrupted restore left a vault in %s; it is now in %s", dir, aside)
	return os.Rename(dir, aside)
}

// fill writes all records, durably.
func (r *restorer) fill(b *store.Builder) error {
	seq, highWater := max(r.last.Seq, r.known.Seq), r.highWater
	if r.present != nil {
		seq = max(seq, r.present.seq)
	}
	if r.known.HighWater.After(highWater) {
		highWater = r.known.HighWater
	}
	seq++
	if err := r.put(b, seq); err != nil {
		return storeError(err)
	}
	r.o.reached("filled")
	return storeError(b.Finish(seq, highWater))
}

// place puts the new directory where the old one was. At every moment there is
// one whole vault there, or none where there was none.
func (r *restorer) place(b *store.Builder, dir string) error {
	if r.owner != nil {
		if err := giveTo(r.owner, dir); err != nil {
			return fmt.Errorf("put the restored vault in place: %w", err)
		}
	}
	if !r.occupied {
		// The anchor first: a vault that its anchor does not know is taken for one
		// that was put back.
		if err := r.anchor(b); err != nil {
			return err
		}
		r.o.reached("anchored")
	}
	aside, err := swap(dir, r.o.Dir, r.asideName(), r.o.reached)
	if err != nil {
		return E(CodeInternal, "the restored vault could not be put in place; it is in %s", dir).
			WithHint("if %s is a mount point, restore to a directory in it and move that", r.o.Dir).Because(err)
	}
	if aside != "" && !r.occupied {
		_ = os.Remove(filepath.Join(aside, "lock"))
		if os.Remove(aside) == nil {
			aside = ""
		}
	}
	r.report.Aside = aside
	r.o.reached("placed")
	if r.occupied {
		if err := r.anchor(b); err != nil {
			return err
		}
	}
	return nil
}

// anchor writes the anchor, as the one to whom the store belongs.
func (r *restorer) anchor(b *store.Builder) error {
	path := r.o.AnchorPath
	if path == "" {
		return nil
	}
	dir := filepath.Dir(path)
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("make the anchor's directory: %w", err)
		}
		if err := giveTo(r.owner, dir); err != nil {
			return fmt.Errorf("make the anchor's directory: %w", err)
		}
	}
	if err := asOwner(r.owner, b.WriteAnchor); err != nil {
		return E(CodeInternal, "the vault's anchor could not be written").
			WithHint("mend that and restore again, or unseal with --accept-rollback if the vault is in place").Because(err)
	}
	return nil
}

// swap puts dir in the place of target; what was there goes to aside.
func swap(dir, target, aside string, reached func(string)) (string, error) {
	_, err := os.Lstat(target)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.Rename(dir, target); err != nil {
			return "", err
		}
		return "", syncDir(filepath.Dir(target))
	case err != nil:
		return "", err
	}
	if err := exchangeDirs(dir, target); err == nil {
		reached("exchanged")
		if err := os.Rename(dir, aside); err != nil {
			return dir, nil // it is whole there too
		}
		return aside, syncDir(filepath.Dir(target))
	} else if !errors.Is(err, errors.ErrUnsupported) {
		return "", err
	}
	// Without an exchange there is a moment with nothing in place.
	if err := os.Rename(target, aside); err != nil {
		return "", err
	}
	if err := os.Rename(dir, target); err != nil {
		return "", errors.Join(err, os.Rename(aside, target))
	}
	return aside, syncDir(filepath.Dir(target))
}
