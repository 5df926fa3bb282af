package vault

import (
	"bytes"
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/vaultd/vaultd/internal/ownfile"
	"github.com/vaultd/vaultd/vault/store"
)

// Touched says what somebody other than the vault did to one of its files.
type Touched = store.Touched

// custody is what the vault knows of its files. It is guarded by admin, which
// everything holds that writes one of them but the open store, which has a
// custody of its own.
type custody struct {
	header, backup ownfile.File
	behind         bool // the backup is not the header, since it could not be written

	// places are the directories that hold the vault and its anchor.
	places map[string]ownfile.Mark
	// closed is what was there when the vault was sealed or first looked at, by
	// path; nil when it is to be looked at anew.
	closed map[string]ownfile.Mark
	// unsure: the store was not closed in order, and may still be written.
	unsure bool
}

// passing are names in the vault's directory that come and go by the vault's own
// doing. A file that is written without holding admin belongs here too.
func (v *Vault) passing() []string {
	names := []string{headerName + tempSuffix, headerBackupName + tempSuffix}
	if dir, name := filepath.Split(v.o.Guesses); filepath.Clean(dir) == filepath.Clean(v.o.Dir) {
		names = append(names, name, name+tempSuffix)
	}
	return append(names, v.aside()...) // an administrator removes them
}

// Inspect says what somebody else did to the vault's files since it was
// unsealed or sealed. It changes nothing, holds nobody up for long, and says
// nothing while an unseal, a seal or a change of the password runs: these write the files.
func (v *Vault) Inspect(ctx context.Context) ([]Touched, error) {
	if !v.admin.TryLock() {
		return nil, nil
	}
	defer v.admin.Unlock()
	if v.closed {
		return nil, nil
	}
	found := v.inspectPlaces()
	if v.opened == nil { // changes only under v.admin
		return append(found, v.inspectSealed()...), nil
	}
	c, current := &v.custody, v.opened.header.encoded
	right := func(b []byte) bool { return bytes.Equal(b, current) }
	if what := c.header.Look(right); what != "" {
		found = append(found, Touched{File: headerName, What: what})
	}
	if !c.behind {
		if what := c.backup.Look(right); what != "" {
			found = append(found, Touched{File: headerBackupName, What: what})
		}
	}
	more, err := v.opened.store.Inspect(ctx, append([]string{headerName, headerBackupName}, v.passing()...)...)
	return append(found, more...), err
}

// takeCustody begins anew, for a vault that was just unsealed.
func (v *Vault) takeCustody() {
	v.custody = custody{
		header: ownfile.File{Path: filepath.Join(v.o.Dir, headerName), Limit: maxHeaderLen},
		backup: ownfile.File{Path: filepath.Join(v.o.Dir, headerBackupName), Limit: maxHeaderLen},
		behind: !v.backupInForce(),
	}
	v.custody.header.Wrote()
	v.custody.backup.Wrote()
	v.inspectPlaces()
}

// wroteHeader notes that the header was replaced by the vault itself.
func (v *Vault) wroteHeader() {
	v.custody.behind = !v.backupInForce()
	v.custody.header.Wrote()
	v.custody.backup.Wrote()
}

// backupInForce reports whether the backup is the header in force. It is not
// after a write error.
func (v *Vault) backupInForce() bool {
	backup := v.files.read(headerBackupName)
	return backup.err == nil && bytes.Equal(backup.header.encoded, v.opened.header.encoded)
}

// closeCustody notes what a sealed vault looks like.
func (v *Vault) closeCustody(orderly bool) {
	v.custody = custody{unsure: !orderly}
	if orderly {
		v.custody.closed = v.survey()
	}
	v.inspectPlaces()
}

// inspectSealed compares names, identities, sizes and times with those noted.
func (v *Vault) inspectSealed() (found []Touched) {
	c := &v.custody
	if c.unsure {
		return nil
	}
	now := v.survey()
	if c.closed == nil {
		c.closed = now
		return nil
	}
	for _, file := range slices.Sorted(maps.Keys(c.closed)) {
		was := c.closed[file]
		is, there := now[file]
		what := "was removed"
		if there {
			what = is.Since(was)
		}
		if what != "" {
			found = append(found, Touched{File: file, What: what})
		}
	}
	for _, file := range slices.Sorted(maps.Keys(now)) {
		if _, known := c.closed[file]; !known {
			found = append(found, Touched{File: file, What: "was put there by somebody else"})
		}
	}
	c.closed = now
	return found
}

// maxSurveyed bounds what is looked at in one directory.
const maxSurveyed = 4096

// survey describes the anchor, and what is in the vault's directory and in
// those directly in it.
func (v *Vault) survey() map[string]ownfile.Mark {
	marks, anchor := make(map[string]ownfile.Mark), v.o.AnchorPath
	if mark, err := ownfile.Of(anchor); anchor != "" && err == nil {
		marks[anchor] = mark
	}
	surveyDir(marks, v.passing(), v.o.Dir, "", true)
	return marks
}

func surveyDir(marks map[string]ownfile.Mark, passing []string, dir, below string, deeper bool) {
	list, err := os.ReadDir(filepath.Join(dir, below))
	if err != nil {
		return // its own mark, or that of its place, tells
	}
	for i, e := range list {
		name := filepath.Join(below, e.Name())
		mark, err := ownfile.Of(filepath.Join(dir, name))
		if err != nil || i >= maxSurveyed || slices.Contains(passing, name) {
			continue
		}
		if e.IsDir() {
			mark = mark.Fixed()
			if deeper {
				surveyDir(marks, passing, dir, name, false)
			}
		}
		marks[name] = mark
	}
}

// inspectPlaces looks at the directories that hold the vault and its anchor. That
// of an unsealed vault is the store's to look at.
func (v *Vault) inspectPlaces() (found []Touched) {
	if v.o.AnchorPath != "" {
		found = v.inspectPlace(found, filepath.Dir(v.o.AnchorPath))
	}
	if v.opened == nil {
		found = v.inspectPlace(found, v.o.Dir)
	}
	return found
}

// inspectPlace looks at a directory itself.
func (v *Vault) inspectPlace(found []Touched, dir string) []Touched {
	c := &v.custody
	now, err := ownfile.Of(dir)
	was, known := c.places[dir]
	what := ""
	switch {
	case known && err != nil:
		what = ownfile.Missing(err)
	case known:
		what = now.Fixed().Since(was)
	case err == nil: // else Init makes it
		if c.places == nil {
			c.places = make(map[string]ownfile.Mark)
		}
		c.places[dir] = now.Fixed()
	}
	if what != "" {
		found = append(found, Touched{File: dir, What: what})
	}
	return found
}
