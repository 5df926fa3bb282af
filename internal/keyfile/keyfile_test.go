package keyfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/vaultd/vaultd/internal/keyfile"
)

func TestCreateThenRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	made, err := keyfile.Create(path, os.Geteuid())
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o400 && runtime.GOOS != "windows" {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	got, err := keyfile.Read(path)
	if err != nil || !got.Equal(made.Bytes()) {
		t.Error(err)
	}
	if _, err := keyfile.Create(path, os.Geteuid()); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file that is there: %v", err)
	}
	if again, err := keyfile.Read(path); err != nil || !again.Equal(made.Bytes()) {
		t.Errorf("the file that was there: %v", err)
	}
	if _, err := keyfile.Read(path + "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestNoKeyFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes say nothing here")
	}
	for name, c := range map[string]struct {
		size int
		mode fs.FileMode
		uid  int
		want string
	}{
		"readable by the group": {32, 0o440, os.Geteuid(), "open to others"},
		"writable by all":       {32, 0o602, os.Geteuid(), "open to others"},
		"empty":                 {0, 0o400, os.Geteuid(), "exactly 32"},
		"short":                 {31, 0o400, os.Geteuid(), "exactly 32"},
		"long":                  {33, 0o400, os.Geteuid(), "exactly 32"},
		"right":                 {32, 0o600, os.Geteuid(), ""},
	} {
		path := filepath.Join(t.TempDir(), "key")
		if err := errors.Join(os.WriteFile(path, make([]byte, c.size), 0o600), os.Chmod(path, c.mode)); err != nil {
			t.Fatal(err)
		}
		_, err := keyfile.Read(path)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := keyfile.Read(t.TempDir()); err == nil || !strings.Contains(err.Error(), "regular") {
		t.Errorf("a directory: %v", err)
	}
}
