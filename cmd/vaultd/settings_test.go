package main

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vaultd/vaultd/internal/config"
	"github.com/vaultd/vaultd/ipc"
	"github.com/vaultd/vaultd/vault/fault"
)

// atHome gives the test an environment of its own.
func atHome(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	for _, name := range []string{"XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"} {
		t.Setenv(name, "")
	}
	return home
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func TestUserNeedsNoConfiguration(t *testing.T) {
	home := atHome(t)
	c, err := (&settings{user: true}).load()
	if err != nil {
		t.Fatal(err)
	}
	want := config.Store{
		Dir: filepath.Join(home, ".local/share/vaultd"), Anchor: filepath.Join(home, ".local/state/vaultd/anchor"),
		OnTampering: config.ReactWarn,
	}
	if diff := cmp.Diff(want, c.Store); diff != "" {
		t.Error(diff)
	}
	if c.Socket.Mode != 0o600 {
		t.Errorf("a user's socket has mode %v", c.Socket.Mode)
	}
}

func TestFileThenFlags(t *testing.T) {
	home := atHome(t)
	write(t, filepath.Join(home, ".config/vaultd/vaultd.toml"),
		"[store]\ndir = \"/from/file\"\n[socket]\npath = \"/file.sock\"\n[log]\nlevel = \"warn\"\n")
	c, err := (&settings{user: true}).load()
	if err != nil {
		t.Fatal(err)
	}
	if c.Store.Dir != "/from/file" || c.Socket.Path != "/file.sock" || c.Log.Level != slog.LevelWarn {
		t.Errorf("the file does not count: %+v", c)
	}
	s := settings{user: true, store: "here", socket: "/flag.sock", level: "debug"}
	if c, err = s.load(); err != nil {
		t.Fatal(err)
	}
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	here := filepath.Join(wd, "here")
	if c.Store.Dir != here || c.Store.Anchor != here+".anchor" || c.Socket.Path != "/flag.sock" || c.Log.Level != slog.LevelDebug {
		t.Errorf("flags do not win: %+v", c)
	}
	s.anchor = "/flag.anchor"
	if c, err = s.load(); err != nil || c.Store.Anchor != "/flag.anchor" {
		t.Errorf("anchor %s, %v", c.Store.Anchor, err)
	}
}

func TestBadSettingsAreUsageErrors(t *testing.T) {
	home := atHome(t)
	bad := filepath.Join(home, "bad.toml")
	write(t, bad, "[socket]\npaht = \"/x\"\n")
	for name, c := range map[string]struct {
		s    settings
		want string
	}{
		"both scopes":     {settings{user: true, system: true}, "exclude each other"},
		"no such file":    {settings{user: true, config: filepath.Join(home, "none")}, "there is no configuration file"},
		"misspelt key":    {settings{user: true, config: bad}, `bad.toml:2: unknown key "paht" in [socket]; did you mean "path"?`},
		"level":           {settings{user: true, level: "loud"}, "none of debug, info, warn, error"},
		"anchor in store": {settings{user: true, store: "/s", anchor: "/s/a"}, "lies within the store"},
		"long socket":     {settings{user: true, socket: "/" + strings.Repeat("x", 200)}, "choose a shorter one"},
	} {
		_, err := c.s.load()
		if err == nil || !strings.Contains(err.Error(), c.want) || exitCode(err) != int(fault.ClassUsage) {
			t.Errorf("%s: exit %d, %v", name, exitCode(err), err)
		}
	}
}

func TestHomelessUserMayNameEverything(t *testing.T) {
	atHome(t)
	t.Setenv("HOME", "")
	if _, err := (&settings{user: true}).load(); exitCode(err) != int(fault.ClassUsage) {
		t.Errorf("without HOME: %v", err)
	}
	c, err := (&settings{user: true, store: "/s", socket: "/s.sock"}).load()
	if err != nil || c.Store.Dir != "/s" || c.Socket.Mode != 0o600 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestUnknownGroupIsRefused(t *testing.T) {
	if _, err := policyOf(config.Access{AdminGroups: []string{"no-such-group-here"}}); exitCode(err) != int(fault.ClassUsage) {
		t.Errorf("got %v", err)
	}
	p, err := policyOf(config.Access{AdminGroups: []string{"0", "4711"}})
	if err != nil || !cmp.Equal(p.AdminGroups, []uint32{0, 4711}) || p.DaemonUID != uint32(os.Geteuid()) {
		t.Errorf("%+v, %v", p, err)
	}
}

// The configuration has every limit of the server, under the same name and
// with the same default.
func TestLimitsAreTheServers(t *testing.T) {
	atHome(t)
	got, want := limitsOf(config.System().Limits), ipc.DefaultLimits()
	if got.Expensive != 0 {
		t.Errorf("expensive = %d in the configuration, where 0 leaves it to the server", got.Expensive)
	}
	got.Expensive = want.Expensive
	if got.ChangesPerSecond != 100 {
		t.Errorf("changes_per_second = %d by default", got.ChangesPerSecond)
	}
	got.ChangesPerSecond = want.ChangesPerSecond // the server alone has no rate
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	in, out := reflect.TypeFor[config.Limits](), reflect.TypeFor[ipc.Limits]()
	for i := range out.NumField() {
		if _, ok := in.FieldByName(out.Field(i).Name); !ok {
			t.Errorf("ipc.Limits.%s can't be configured", out.Field(i).Name)
		}
	}
	// Each field arrives where it belongs.
	var l config.Limits
	v := reflect.ValueOf(&l).Elem()
	for i := range v.NumField() {
		v.Field(i).SetInt(int64(i + 1))
	}
	to := reflect.ValueOf(limitsOf(l))
	for i := range v.NumField() {
		if v.Type().Field(i).Name == "KeysPerOwner" {
			continue // the vault's
		}
		if got := to.FieldByName(v.Type().Field(i).Name).Int(); got != int64(i+1) {
			t.Errorf("%s arrives as %d", v.Type().Field(i).Name, got)
		}
	}
}
