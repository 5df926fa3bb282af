//go:build unix

package policyfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/vaultd/vaultd/vault/policy"
)

func grantFor(user string) string {
	return fmt.Sprintf("[[grant]]\neffect = \"allow\"\nuser = %q\nverbs = [\"use\"]\nkeys = [\"a/*\"]\n", user)
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// users are those of the grants in dir.
func users(t *testing.T, dir string) string {
	t.Helper()
	grants, errs := LoadDir(dir)
	must(t, errs...)
	var all []string
	for _, g := range grants {
		all = append(all, g.User)
	}
	return strings.Join(all, " ")
}

func TestLoadDirReadsByName(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) { must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644)) }
	write("20-b.toml", grantFor("bob"))
	write("10-a.toml", grantFor("alice"))
	write("30-none.toml", "# nothing yet\n")
	for _, ignored := range []string{"README", "10-a.toml~", ".hidden.toml", "x.toml.rpmsave", ".10-a.toml.swp"} {
		write(ignored, "not a policy")
	}
	if got := users(t, dir); got != "alice bob" {
		t.Errorf("users %q", got)
	}
	s, errs := Load(dir, policy.Machine{})
	must(t, errs...)
	if len(s.Grants()) != 2 {
		t.Errorf("%d grants in the set", len(s.Grants()))
	}

	write("40-broken.toml", "x = 1\ny = 2\n")
	write("50-broken.toml", "[[grant]]\n")
	if grants, errs := LoadDir(dir); grants != nil || len(errs) < 3 {
		t.Errorf("broken files: %d grants, errors %v", len(grants), errs)
	}
}

func TestSymbolicLinksOfDeploymentTools(t *testing.T) {
	dir := t.TempDir()
	// As Kubernetes lays out a volume: the file, through a link to the version.
	must(t, os.Mkdir(filepath.Join(dir, "..v1"), 0o755), os.Mkdir(filepath.Join(dir, "..v2"), 0o755),
		os.WriteFile(filepath.Join(dir, "..v1", "p.toml"), []byte(grantFor("old")), 0o644),
		os.WriteFile(filepath.Join(dir, "..v2", "p.toml"), []byte(grantFor("new")), 0o644),
		os.Symlink("..v1", filepath.Join(dir, "..data")),
		os.Symlink("..data/p.toml", filepath.Join(dir, "p.toml")))
	if got := users(t, dir); got != "old" {
		t.Errorf("users %q", got)
	}
	must(t, os.Symlink("..v2", filepath.Join(dir, "..tmp")), os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data")))
	if got := users(t, dir); got != "new" {
		t.Errorf("after the swap, users %q", got)
	}

	// A farm of links to another place, over a link with .. in it.
	store := t.TempDir()
	must(t, os.Mkdir(filepath.Join(store, "pkg"), 0o755), os.WriteFile(filepath.Join(store, "pkg", "f"), []byte(grantFor("far")), 0o644),
		os.Symlink("pkg/../pkg", filepath.Join(store, "current")),
		os.Symlink(filepath.Join(store, "current", "f"), filepath.Join(dir, "q.toml")))
	if got := users(t, dir); got != "new far" {
		t.Errorf("with a farm, users %q", got)
	}
}

// Each of these would let somebody else write the policy, or is none.
func TestUnsafeIsRefused(t *testing.T) {
	text := []byte(grantFor("eve"))
	for name, c := range map[string]struct {
		make func(t *testing.T, dir string) error
		want string
	}{
		"group may write": {func(_ *testing.T, dir string) error {
			p := filepath.Join(dir, "p.toml")
			return errors.Join(os.WriteFile(p, text, 0o600), os.Chmod(p, 0o620))
		}, "can be written by others"},
		"all may write": {func(_ *testing.T, dir string) error {
			p := filepath.Join(dir, "p.toml")
			return errors.Join(os.WriteFile(p, text, 0o600), os.Chmod(p, 0o602))
		}, "can be written by others"},
		"directory of everybody": {func(_ *testing.T, dir string) error { return os.Chmod(dir, 0o777) }, "can be written by others"},
		"directory of a group":   {func(_ *testing.T, dir string) error { return os.Chmod(dir, 0o775) }, "can be written by others"},
		"link to an open file": {func(t *testing.T, dir string) error {
			p := filepath.Join(t.TempDir(), "f")
			return errors.Join(os.WriteFile(p, text, 0o600), os.Chmod(p, 0o666), os.Symlink(p, filepath.Join(dir, "p.toml")))
		}, "can be written by others"},
		"link into an open directory": {func(t *testing.T, dir string) error {
			open := filepath.Join(t.TempDir(), "open")
			p := filepath.Join(open, "f")
			return errors.Join(os.Mkdir(open, 0o700), os.WriteFile(p, text, 0o600), os.Chmod(open, 0o777), os.Symlink(p, filepath.Join(dir, "p.toml")))
		}, "could be replaced"},
		"link through an open directory": {func(t *testing.T, dir string) error {
			open, p := filepath.Join(t.TempDir(), "open"), filepath.Join(t.TempDir(), "f")
			return errors.Join(os.Mkdir(open, 0o700), os.WriteFile(p, text, 0o600), os.Symlink(p, filepath.Join(open, "l")),
				os.Chmod(open, 0o777), os.Symlink(filepath.Join(open, "l"), filepath.Join(dir, "p.toml")))
		}, "could be replaced"},
		"link in a circle": {func(_ *testing.T, dir string) error { return os.Symlink("p.toml", filepath.Join(dir, "p.toml")) }, "symbolic links"},
		"link to nowhere":  {func(_ *testing.T, dir string) error { return os.Symlink("gone", filepath.Join(dir, "p.toml")) }, "no such file"},
		"pipe":             {func(_ *testing.T, dir string) error { return syscall.Mkfifo(filepath.Join(dir, "p.toml"), 0o600) }, "not a regular file"},
		"directory":        {func(_ *testing.T, dir string) error { return os.Mkdir(filepath.Join(dir, "p.toml"), 0o700) }, "not a regular file"},
		"of somebody else": {func(t *testing.T, dir string) error {
			if os.Getuid() != 0 {
				t.Skip("only root can give files away")
			}
			p := filepath.Join(dir, "p.toml")
			return errors.Join(os.WriteFile(p, text, 0o600), os.Chown(p, 12345, 12345))
		}, "belongs to user 12345"},
		"link of somebody else": {func(t *testing.T, dir string) error {
			if os.Getuid() != 0 {
				t.Skip("only root can give links away")
			}
			p, l := filepath.Join(dir, "p"), filepath.Join(dir, "p.toml")
			return errors.Join(os.WriteFile(p, text, 0o600), os.Symlink(p, l), os.Lchown(l, 12345, 12345))
		}, "belongs to user 12345"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "policy.d")
			must(t, os.Mkdir(dir, 0o755), c.make(t, dir))
			grants, errs := LoadDir(dir)
			if err := errors.Join(errs...); grants != nil || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%d grants, error %v", len(grants), err)
			}
		})
	}
}

func TestNoDirectory(t *testing.T) {
	_, errs := LoadDir(filepath.Join(t.TempDir(), "none"))
	if !errors.Is(errors.Join(errs...), fs.ErrNotExist) {
		t.Fatal(errs)
	}
}

func TestUnreadableFile(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root reads everything")
	}
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "p.toml"), []byte(grantFor("bob")), 0o000))
	if _, errs := LoadDir(dir); !errors.Is(errors.Join(errs...), fs.ErrPermission) {
		t.Fatal(errs)
	}
}
