package vault_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/vaultd/vaultd/vault"
)

// liveCheck verifies the vault while it is open.
func (r *rig) liveCheck() *vault.CheckReport {
	r.Helper()
	c, err := r.BeginCheck(ctx)
	if err != nil {
		r.Fatal(err)
	}
	defer c.Close()
	for {
		done, err := c.Step(ctx)
		if err != nil {
			r.Fatal(err)
		}
		if done {
			return c.Report()
		}
	}
}

func TestLiveCheckSaysWhatIsWrongWhere(t *testing.T) {
	r := newRig(t)
	info, tracked := r.create("alice/a", ""), r.tracked("alice/t")
	r.encrypt("alice/t", "registered")
	r.create("alice/b", "ed25519")
	if report := r.liveCheck(); !report.OK() || report.Records == 0 {
		t.Fatalf("%+v", report)
	}
	for what, c := range map[string]struct {
		damage func() (undo func())
		where  string
	}{
		"header":  {flip(t, filepath.Join(r.dir, "header"), 40), "header"},
		"keyring": {flip(t, filepath.Join(r.dir, "keyring.backup"), 100), "keyring.backup"},
		"journal": {flip(t, filepath.Join(r.dir, "journal-1.b"), 300), "journal-1.b"},
		"record": {func() func() {
			path := info.ID.String() + "/1"
			body := r.Tamper(t, vault.KindDEK, path, func(b []byte) []byte { b[20] ^= 1; return b })
			return func() { r.Tamper(t, vault.KindDEK, path, func([]byte) []byte { return body }) }
		}, "records"},
		"registration of no version": {func() func() {
			path := tracked.ID.String() + "/1"
			r.Tamper(t, vault.KindToken, path, func([]byte) []byte { return aToken(2) })
			return func() { r.Tamper(t, vault.KindToken, path, func([]byte) []byte { return nil }) }
		}, "records"},
		"registration of a key that has none": {func() func() {
			path := info.ID.String() + "/0"
			r.Tamper(t, vault.KindToken, path, func([]byte) []byte { return aToken(1) })
			return func() { r.Tamper(t, vault.KindToken, path, func([]byte) []byte { return nil }) }
		}, "records"},
	} {
		undo := c.damage()
		report := r.liveCheck()
		undo()
		if report.OK() || report.Findings[0].File != c.where {
			t.Errorf("%s: %+v", what, report.Findings)
		}
	}
	if report := r.liveCheck(); !report.OK() {
		t.Fatalf("%+v", report)
	}
}

// flip changes a byte of a file, and back.
func flip(t *testing.T, path string, at int64) func() func() {
	change := func() {
		t.Helper()
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		var b [1]byte
		if _, err := f.ReadAt(b[:], at); err != nil {
			t.Fatal(err)
		}
		b[0] ^= 1
		if _, err := f.WriteAt(b[:], at); err != nil {
			t.Fatal(err)
		}
	}
	return func() func() { change(); return change }
}
