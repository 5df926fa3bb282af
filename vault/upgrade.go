package vault

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vaultd/vaultd/vault/store"
)

// Critical features of the header. Each says that something in the vault can't be
// read by a program that does not know it. One that was released stays for ever.
const (
	// featureRecords2: there may be records of formats and kinds that the first
	// vaultd did not know. It would have taken them for damage.
	featureRecords2 = "records-2"
)

// knownFeatures are the critical features that this program honours, and that every
// vault has once this program has opened it, sorted.
var knownFeatures = []string{featureRecords2}

// asidePrefix begins the names of directories, within the vault's, that hold the
// vault as it was before an upgrade.
const asidePrefix = "before-"

// upgrade is under way for a vault that lacks features which new ones have.
type upgrade struct {
	missing []string
	aside   string // name of the copy
	begun   bool   // the header may be replaced already, so that the copy is needed
}

// beginUpgrade sets the vault as it is aside, if it is to be upgraded: after that,
// older programs refuse it. The store is not open yet. It returns nil for a vault
// that is up to date.
func (v *Vault) beginUpgrade(h *header) (*upgrade, error) {
	u := &upgrade{}
	for _, f := range knownFeatures {
		if !slices.Contains(h.critical, f) {
			u.missing = append(u.missing, f)
		}
	}
	if len(u.missing) == 0 {
		return nil, nil
	}
	for _, name := range v.aside() { // a copy that was interrupted
		if strings.HasSuffix(name, tempSuffix) {
			if err := os.RemoveAll(filepath.Join(v.o.Dir, name)); err != nil {
				return nil, fmt.Errorf("remove half a copy: %w", err)
			}
		}
	}
	base := asidePrefix + u.missing[0] + "-" + v.o.Now().UTC().Format("20060102T150405Z")
	u.aside = base
	for n := 2; slices.Contains(v.aside(), u.aside); n++ { // of an attempt within the same second
		u.aside = fmt.Sprintf("%s-%d", base, n)
	}
	size, err := store.SetAside(v.o.Dir, u.aside, headerName, headerBackupName)
	switch {
	case errors.Is(err, store.ErrFull):
		return nil, E(CodeStorageFull, "the vault is to be brought up to date, and there is no room for a copy of it first").
			WithHint("make room, or go back to the former vaultd: nothing was changed").Because(err)
	case err != nil:
		return nil, fmt.Errorf("set the vault aside before an upgrade: %w", err)
	}
	v.log.Info("the vault was set aside before an upgrade", "copy", filepath.Join(v.o.Dir, u.aside), "bytes", size)
	return u, nil
}

// finish puts a header in force that has the features. The store is open, and
// everything in it was read: what can't be is never upgraded. Until the first
// rename of the replacement the old header is in force, from then on the new one.
func (u *upgrade) finish(v *Vault, h *header, st *store.Store, root []byte) (*header, string, error) {
	next := h.clone()
	next.epoch++
	next.critical = append(slices.Clone(h.critical), u.missing...)
	slices.Sort(next.critical)
	if _, err := next.seal(root); err != nil {
		return nil, "", err
	}
	u.begun = true
	if err := v.files.replace(next.encoded); err != nil {
		return nil, "", E(CodeStoreFailed, "the header could not be written").
			WithHint("look at the disk, then unseal again").Because(err)
	}
	if err := st.SetHeader(next.hash(), next.epoch); err != nil {
		return nil, "", storeError(err)
	}
	v.log.Warn("the vault was brought up to date; an older vaultd refuses it from now on",
		"features", u.missing, "copy", filepath.Join(v.o.Dir, u.aside))
	if v.o.Upgraded != nil {
		v.o.Upgraded(strings.Join(u.missing, ", "), filepath.Join(v.o.Dir, u.aside))
	}
	return next, "the vault was brought up to date (" + strings.Join(u.missing, ", ") + "); an older vaultd refuses it from now on", nil
}

// abandon removes the copy of an upgrade that was not begun, since the vault does not open.
func (u *upgrade) abandon(v *Vault) {
	if u == nil || u.begun {
		return
	}
	if err := os.RemoveAll(filepath.Join(v.o.Dir, u.aside)); err != nil {
		v.log.Warn("a copy of the vault could not be removed", "copy", u.aside, "error", err)
	}
}

// aside are the names of copies from before upgrades, whole or not.
func (v *Vault) aside() (names []string) {
	list, err := os.ReadDir(v.o.Dir)
	if err != nil {
		return nil // who looks at the files tells
	}
	for _, e := range list {
		if e.IsDir() && strings.HasPrefix(e.Name(), asidePrefix) {
			names = append(names, e.Name())
		}
	}
	return names
}

// warnOfAside tells of copies, in which what was destroyed since still is.
func (v *Vault) warnOfAside() (warnings []string) {
	for _, name := range v.aside() {
		warnings = append(warnings, fmt.Sprintf(
			"the vault as it was before an upgrade is still in %s, with all that was destroyed since; remove it when you trust the upgrade",
			filepath.Join(v.o.Dir, name)))
	}
	return warnings
}

// removeAside removes the copies, when destroyed material is to be gone from the disk.
func (v *Vault) removeAside() error {
	var problems []error
	for _, name := range v.aside() {
		problems = append(problems, os.RemoveAll(filepath.Join(v.o.Dir, name)))
	}
	return errors.Join(problems...)
}
