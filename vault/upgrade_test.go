package vault

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vaultd/vaultd/vault/store"
)

// outdated makes a sealed vault with a key as a vaultd made it that knew of no
// features, which is the first that there was.
func outdated(t *testing.T) Options {
	t.Helper()
	features := knownFeatures
	knownFeatures = nil
	defer func() { knownFeatures = features }()
	base := t.TempDir()
	o := Options{Dir: filepath.Join(base, "vault"), AnchorPath: filepath.Join(base, "anchor")}
	v := makeVault(t, o)
	if _, err := v.Init(context.Background(), []byte("password"), 600_000); err != nil {
		t.Fatal(err)
	}
	if _, err := v.CreateKey(context.Background(), CreateKey{Name: Name{"alice", "k"}}); err != nil {
		t.Fatal(err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	return o
}

func makeVault(t *testing.T, o Options) *Vault {
	t.Helper()
	v, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	return v
}

// opens unseals the vault and looks whether its key and the features are there.
func opens(t *testing.T, o Options) {
	t.Helper()
	v := makeVault(t, o)
	if _, err := v.Unseal(context.Background(), []byte("password"), false); err != nil {
		t.Fatal(err)
	}
	if k, err := v.ShowKey(context.Background(), Name{"alice", "k"}); err != nil || k.Name.String() != "alice/k" {
		t.Error("the key:", k, err)
	}
	if got := v.opened.header.critical; !slices.Equal(got, knownFeatures) {
		t.Errorf("the header has %q", got)
	}
	if found, err := v.Inspect(context.Background()); err != nil || len(found) > 0 {
		t.Errorf("its own files are strange to it: %v, %v", found, err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
}

// At every moment of an upgrade there is either the old vault or the new one.
func TestInterruptedUpgrade(t *testing.T) {
	o := outdated(t)
	moments := t.TempDir()
	var steps []string
	v := makeVault(t, o)
	v.OnHeaderStep(func(step string) {
		steps = append(steps, step)
		to := filepath.Join(moments, step)
		if err := errors.Join(os.CopyFS(filepath.Join(to, "vault"), os.DirFS(o.Dir)), os.Chmod(filepath.Join(to, "vault"), 0o700)); err != nil {
			t.Fatal(err)
		}
		anchor, err := os.ReadFile(o.AnchorPath)
		if err == nil {
			err = os.WriteFile(filepath.Join(to, "anchor"), anchor, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	if _, err := v.Unseal(context.Background(), []byte("password"), false); err != nil {
		t.Fatal(err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	if len(steps) != 6 {
		t.Fatalf("steps: %q", steps)
	}
	for _, step := range steps {
		t.Run(step, func(t *testing.T) {
			dir := filepath.Join(moments, step)
			opens(t, Options{Dir: filepath.Join(dir, "vault"), AnchorPath: filepath.Join(dir, "anchor")})
		})
	}
	opens(t, o)
}

// What was set aside is the vault of before, and an older program opens it.
func TestWhatWasSetAsideOpens(t *testing.T) {
	o := outdated(t)
	opens(t, o)
	aside := makeVault(t, o).aside()
	if len(aside) != 1 || !strings.HasPrefix(aside[0], "before-records-2-") {
		t.Fatalf("set aside: %q", aside)
	}
	features := knownFeatures
	knownFeatures = nil
	defer func() { knownFeatures = features }()
	_, err := makeVault(t, o).Unseal(context.Background(), []byte("password"), false)
	if e := new(Error); !errors.As(err, &e) || e.Code != CodeNewerFormat || !strings.Contains(e.Error(), featureRecords2) {
		t.Errorf("an older vaultd says of the new one: %v", err)
	}
	opens(t, Options{Dir: filepath.Join(o.Dir, aside[0])})
}

// What a newer program wrote is told from damage, kind by kind.
func TestRecordsOfANewerVaultd(t *testing.T) {
	for _, c := range []struct {
		kind  store.Kind
		body  []byte
		newer bool
	}{
		{kindRestored + 1, []byte{1}, true},
		{kindPrincipal + 1, []byte{1}, true}, // a number that was left free
		{kindKey, []byte{keyFormatExtended + 1}, true},
		{kindKey, []byte{keyFormatExtended}, false},
		{kindRevocation, []byte{revocationFormatCode}, false},
		{kindRevocation, []byte{revocationFormatCode + 1}, true},
		{kindToken, []byte{recordFormat + 1}, true},
		{kindToken, nil, false},
	} {
		rec := store.Record{ID: store.ID{Kind: c.kind, Path: "x"}, Body: c.body}
		if newLoader().take(rec) == nil {
			t.Errorf("kind %d, %v: taken", c.kind, c.body)
		}
		if got := newerRecord(rec) != nil; got != c.newer {
			t.Errorf("kind %d, %v: newer is %v", c.kind, c.body, got)
		}
	}
}

// A vault that does not open is left as it was, and so is one without room for a copy.
func TestUpgradeOfWhatDoesNotOpenChangesNothing(t *testing.T) {
	o := outdated(t)
	features := knownFeatures
	knownFeatures = nil
	v := makeVault(t, o)
	if _, err := v.Unseal(context.Background(), []byte("password"), false); err != nil {
		t.Fatal(err)
	}
	put := store.Put{ID: store.ID{Kind: 99, Path: "x"}, Body: []byte{1}}
	if err := v.opened.commit(context.Background(), store.Batch{Puts: []store.Put{put}}); err != nil {
		t.Fatal(err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	knownFeatures = features
	before, _ := os.ReadFile(filepath.Join(o.Dir, headerName))
	v = makeVault(t, o)
	_, err := v.Unseal(context.Background(), []byte("password"), false)
	if e := new(Error); !errors.As(err, &e) || e.Code != CodeNewerFormat || !strings.Contains(e.Error(), "kind 99") {
		t.Errorf("a record of a newer vaultd: %v", err)
	}
	after, _ := os.ReadFile(filepath.Join(o.Dir, headerName))
	if string(before) != string(after) || len(v.aside()) > 0 {
		t.Errorf("the header changed: %v; set aside: %q", string(before) != string(after), v.aside())
	}
}
