package config

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vaultd/vaultd/internal/paths"
)

func user(t testing.TB) Config {
	t.Helper()
	c, err := User(func(name string) string { return map[string]string{"HOME": "/home/a"}[name] })
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDefaultsAreValid(t *testing.T) {
	for name, c := range map[string]Config{"system": System(), "user": user(t)} {
		if err := c.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := User(func(string) string { return "" }); !errors.Is(err, paths.ErrNoHome) {
		t.Errorf("without HOME: %v", err)
	}
}

// What is shown can be used as a file, and says the same.
func TestShownConfigurationReadsBack(t *testing.T) {
	for name, c := range map[string]Config{"system": System(), "user": user(t)} {
		c.Store.Ballast, c.Access.AdminGroups = 3<<20, []string{"wheel"}
		shown, err := c.TOML()
		if err != nil {
			t.Fatal(err)
		}
		got, err := Parse("shown", shown, Config{})
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, shown)
		}
		if diff := cmp.Diff(c, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestEveryKeyCanBeSet(t *testing.T) {
	got, err := Parse("f", []byte(`
[store]
dir = "/s"
anchor = "/a"
min_free = "10 MiB"
ballast = 4194304
on_tampering = "seal"
[socket]
path = "/r/v.sock"
mode = "0660"
group = "vault"
[access]
admin_groups = ["wheel", "sudo"]
policy_dir = "/p"
[unseal]
sources = ["key-file"]
key_file = "/k"
tpm = "/t"
[audit]
enabled = false
directory = "/l"
segment_size = "2 MiB"
compress = true
journald = true
pipe = "/f"
[events]
expiring_before = "48h"
[metrics]
socket = "/r/m.sock"
mode = "0640"
group = "prometheus"
[limits]
message_size = "2MiB"
connections = 10
connections_per_user = 5
reserved_connections = 4
in_flight = 7
memory = "64 MiB"
memory_per_user = "16 MiB"
expensive = 3
expensive_per_user = 2
requests_per_second = 9
request_burst = 11
changes_per_second = 12
change_burst = 13
keys_per_owner = 14
request_timeout = "1m"
idle_timeout = "2m"
header_timeout = "1s"
write_timeout = "3s"
[seal]
idle = "30m"
on_suspend = true
on_logout = true
on_lock = true
[log]
level = "debug"
format = "json"
`), System())
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Store{"/s", "/a", 10 << 20, 4 << 20, ReactSeal},
		Socket{"/r/v.sock", 0o660, "vault"},
		Access{[]string{"wheel", "sudo"}, "/p"},
		Unseal{[]string{"key-file"}, "/k", "/t"},
		Seal{Duration(30 * time.Minute), true, true, true},
		Audit{false, "/l", 2 << 20, true, true, "/f"},
		Metrics{"/r/m.sock", 0o640, "prometheus"},
		Events{Duration(48 * time.Hour)},
		Limits{
			2 << 20, 10, 5, 4, 7, 64 << 20, 16 << 20, 3, 2, 9, 11, 12, 13, 14,
			Duration(time.Minute), Duration(time.Second), Duration(3 * time.Second), Duration(2 * time.Minute),
		},
		Log{slog.LevelDebug, FormatJSON},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	// No field was forgotten above: all differ from the defaults.
	a, b := reflect.ValueOf(got), reflect.ValueOf(System())
	for i := range a.NumField() {
		for j := range a.Field(i).NumField() {
			if reflect.DeepEqual(a.Field(i).Field(j).Interface(), b.Field(i).Field(j).Interface()) {
				t.Errorf("%s.%s keeps its default", a.Type().Field(i).Name, a.Field(i).Type().Field(j).Name)
			}
		}
	}
}

func TestProblemsNameTheirLine(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"unknown key":            {"# c\n[socket]\npth = \"/x\"", `f:3: unknown key "pth" in [socket]; did you mean "path"?`},
		"unknown key, far":       {"[access]\nwho = 1", `f:2: unknown key "who" in [access]; it is one of admin_groups, policy_dir`},
		"in two sections":        {"[store]\ngroup = \"x\"", `f:2: unknown key "group" in [store]; it is one of anchor, ballast, dir, min_free, on_tampering`},
		"reaction":               {"[store]\non_tampering = \"panic\"", `f:2: [store] on_tampering: "panic" is not what vaultd can do; it is "warn" or "seal"`},
		"idle for too short":     {"[seal]\nidle = \"1ms\"", `f:2: [seal] idle: 1ms is out of bounds; it is from 1s to 720h0m0s, or "0s" for never`},
		"relative pipe":          {"[audit]\npipe = \"x\"", `f:2: [audit] pipe: "x" is not an absolute path`},
		"switch wanted":          {"[audit]\njournald = \"yes\"", `f:2: [audit] journald: wants true or false`},
		"one socket for both":    {"[socket]\npath = \"/s\"\n[metrics]\nsocket = \"/s\"", `f:4: [metrics] socket: /s is the daemon's own socket, which serves no metrics; choose another`},
		"wrong section":          {"[socket]\nmin_free = 0", `f:2: unknown key "min_free" in [socket]; it belongs in [store]`},
		"other case":             {"[store]\nDir = \"/x\"", `f:2: unknown key "Dir" in [store]; did you mean "dir"?`},
		"unknown section":        {"\n[limit]\nmessage_size = 1", `f:2: unknown section [limit]; did you mean "limits"?`},
		"no section":             {"path = \"/x\"", `f:1: unknown section [path]; it is one of access, audit, events, limits, log, metrics, seal, socket, store, unseal`},
		"section as value":       {"store = \"/x\"", `f:1: "store" is a section; write [store] on a line of its own`},
		"dotted":                 {"a.b = 1", `f: unknown section [a]; it is one of access, audit, events, limits, log, metrics, seal, socket, store, unseal`},
		"string wanted":          {"[store]\ndir = 7", `f:2: [store] dir: wants a string`},
		"list wanted":            {"[access]\nadmin_groups = \"wheel\"", `f:2: [access] admin_groups: wants a list of strings`},
		"list of strings wanted": {"[access]\nadmin_groups = [1]", `f:2: [access] admin_groups: wants a list of strings`},
		"number wanted":          {"[limits]\nin_flight = \"7\"", `f:2: [limits] in_flight: wants a whole number`},
		"level as number":        {"[log]\nlevel = 3", `f:2: [log] level: slog: level string "3": unknown name`},
		"mode as number":         {"[socket]\nmode = 0o660", `f:2: [socket] mode: wants a mode in quotes, such as "0660"`},
		"mode out of range":      {"[socket]\nmode = \"4755\"", `f:2: [socket] mode: "4755" is not a mode; write for example "0660"`},
		"mode shuts out":         {"[socket]\nmode = \"0060\"", `f:2: [socket] mode: 0060 shuts the daemon's own user out; it needs at least 0600`},
		"mode executes":          {"[socket]\nmode = \"0700\"", `f:2: [socket] mode: 0700 has execute bits, which mean nothing on a socket`},
		"duration":               {"[limits]\nidle_timeout = 30", `f:2: [limits] idle_timeout: wants a duration in quotes, such as "30s"`},
		"duration unit":          {"[limits]\nidle_timeout = \"30\"", `f:2: [limits] idle_timeout: "30" is not a duration; write for example "30s", "10m" or "1h30m"`},
		"duration bound":         {"[limits]\nidle_timeout = \"-30s\"", `f:2: [limits] idle_timeout: -30s is out of bounds; it is from 1s to 24h0m0s`},
		"size":                   {"[limits]\nmessage_size = true", `f:2: [limits] message_size: wants a size, such as "1 MiB"`},
		"size unit":              {"[limits]\nmessage_size = \"1 MB\"", `f:2: [limits] message_size: "1 MB" is not a size; write a number of bytes, or for example "64 KiB" or "1 MiB"`},
		"size overflow":          {"[store]\nballast = \"9999999999 GiB\"", `f:2: [store] ballast: "9999999999 GiB" is not a size; write a number of bytes, or for example "64 KiB" or "1 MiB"`},
		"size bound":             {"[limits]\nmessage_size = 5", `f:2: [limits] message_size: 5 B is out of bounds; it is from 64 KiB to 64 MiB`},
		"per user bound":         {"[limits]\nconnections = 100\n", `f: [limits] connections_per_user: 128 is out of bounds; it is from 1 to 100`},
		"level":                  {"[log]\nlevel = \"loud\"", `f:2: [log] level: slog: level string "loud": unknown name`},
		"format":                 {"[log]\nformat = \"xml\"", `f:2: [log] format: "xml" is not a log format; it is "auto", "text" or "json"`},
		"relative store":         {"[store]\ndir = \"x\"", `f:2: [store] dir: "x" is not an absolute path`},
		"unknown source":         {"[unseal]\nsources = [\"key-file\", \"usb\"]", `f:2: [unseal] sources: "usb" is none of credential, tpm, key-file`},
		"source twice":           {"[unseal]\nsources = [\"key-file\", \"key-file\"]", `f:2: [unseal] sources: "key-file" is there twice`},
		"key file within":        {"[store]\ndir = \"/s\"\nanchor = \"\"\n[unseal]\nkey_file = \"/s/k\"", `f:5: [unseal] key_file: /s/k lies within the store, so that every copy of the store would hold the key to it; put it elsewhere`},
		"TPM, relative":          {"[unseal]\ntpm = \"t\"", `f:2: [unseal] tpm: "t" is not an absolute path`},
		"key file, relative":     {"[unseal]\nkey_file = \"k\"", `f:2: [unseal] key_file: "k" is not an absolute path`},
		"anchor within":          {"[store]\ndir = \"/s\"\nanchor = \"/s/anchor\"", `f:3: [store] anchor: /s/anchor lies within the store, where it would be rolled back with it; put it elsewhere`},
		"group":                  {"[access]\nadmin_groups = [\"\"]", `f:2: [access] admin_groups: "" is not the name of a group`},
		"syntax":                 {"[store]\ndir = ", "f:2: unexpected EOF; expected value"},
		"twice":                  {"[store]\ndir = \"/a\"\ndir = \"/b\"", `f:3: Key 'store.dir' has already been defined.`},
		"several, in order": {
			"[log]\nlvl = 1\n[store]\ndir = 1",
			"f:2: unknown key \"lvl\" in [log]; did you mean \"level\"?\nf:4: [store] dir: wants a string",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("f", []byte(c.in), System())
			if err == nil {
				t.Fatal("accepted")
			}
			if diff := cmp.Diff(c.want, err.Error()); diff != "" {
				t.Fatal(diff)
			}
		})
	}
}

func TestLongSocketPathIsRefused(t *testing.T) {
	c := System()
	c.Socket.Path = "/" + strings.Repeat("x", paths.MaxSocket)
	if err := c.Check(); err == nil || !strings.Contains(err.Error(), "choose a shorter one") {
		t.Fatal(err)
	}
}

func TestEmptyAnchorIsNone(t *testing.T) {
	c, err := Parse("f", []byte("[store]\nanchor = \"\""), System())
	if err != nil || c.Store.Anchor != "" {
		t.Fatalf("%q, %v", c.Store.Anchor, err)
	}
}

func TestParseLeavesBaseAlone(t *testing.T) {
	base := System()
	base.Access.AdminGroups = []string{"wheel"}
	if _, err := Parse("f", []byte("[access]\nadmin_groups = [\"x\"]"), base); err != nil {
		t.Fatal(err)
	}
	if base.Access.AdminGroups[0] != "wheel" {
		t.Fatal("the base configuration changed")
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "vaultd.toml")
	if _, err := Load(path, System()); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("absent: %v", err)
	}
	if err := os.WriteFile(path, []byte("[log]\nlevel = \"warn\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path, System())
	if err != nil || c.Log.Level != slog.LevelWarn {
		t.Fatalf("%v, %v", c.Log.Level, err)
	}
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path, System()); err == nil || !strings.Contains(err.Error(), "chmod go-w") {
		t.Fatalf("writable by all: %v", err)
	}
	if err := errors.Join(os.Chmod(path, 0o600), os.Truncate(path, MaxFile+1)); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path, System()); err == nil || !strings.Contains(err.Error(), "longer than 1 MiB") {
		t.Fatalf("too long: %v", err)
	}
}

// Whatever a file says, the result is an error or a valid configuration that
// survives being shown.
func FuzzParse(f *testing.F) {
	shown, _ := System().TOML()
	f.Add(shown)
	f.Add([]byte("[store]\ndir = 1\n[[log]]\n"))
	f.Add([]byte("store.dir = \"/x\"\nlimits = {max_message = \"1 MiB\"}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("f", data, System())
		if err != nil {
			return
		}
		shown, err := c.TOML()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse("f", shown, Config{})
		if err != nil {
			t.Fatalf("%v\n%s", err, shown)
		}
		if diff := cmp.Diff(c, again); diff != "" {
			t.Fatal(diff)
		}
	})
}

// The sample that packages install is the machine's defaults, every key of them.
func TestSampleIsTheDefaults(t *testing.T) {
	path := filepath.Join("..", "..", "packaging", "vaultd.toml")
	sample, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse(path, sample, Config{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(System(), got); diff != "" {
		t.Fatal(diff)
	}
}
