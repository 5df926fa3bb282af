//go:build unix

package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/vaultd/vaultd/vault/fault"
)

func TestPasswordFromFile(t *testing.T) {
	longest := strings.Repeat("p", maxPassword)
	for name, c := range map[string]struct {
		in, want string // want empty: refused
	}{
		"plain":         {"secret words", "secret words"},
		"newline":       {"secret words\n", "secret words"},
		"CRLF":          {"secret words\r\n", "secret words"},
		"spaces stay":   {" a  \n\n", " a  \n"},
		"longest":       {longest + "\r\n", longest},
		"too long":      {longest + "p", ""},
		"much too long": {strings.Repeat("p", 1<<20), ""},
		"empty":         {"", ""},
		"newline alone": {"\n", ""},
	} {
		file := filepath.Join(t.TempDir(), "password")
		if err := os.WriteFile(file, []byte(c.in), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := readPassword(-1, file)
		switch {
		case c.want == "" && exitCode(err) != int(fault.ClassUsage):
			t.Errorf("%s: accepted, or %v", name, err)
		case c.want != "" && (err != nil || !got.Equal([]byte(c.want))):
			t.Errorf("%s: %v, %v", name, got, err)
		}
		got.Wipe()
	}
}

func TestPasswordFromDescriptor(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.WriteString("secret words\n")
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	fd, err := syscall.Dup(int(r.Fd())) // what is read from is closed, too
	if err != nil {
		t.Fatal(err)
	}
	got, err := readPassword(fd, "")
	if err != nil || !got.Equal([]byte("secret words")) {
		t.Fatalf("%v, %v", got, err)
	}
	got.Wipe()
	for _, c := range []struct {
		fd   int
		file string
	}{{0, "x"}, {987, ""}, {-1, "/no/such/file"}} {
		if _, err := readPassword(c.fd, c.file); exitCode(err) != int(fault.ClassUsage) {
			t.Errorf("%v: %v", c, err)
		}
	}
	if p, err := readPassword(-1, ""); p != nil || err != nil {
		t.Errorf("neither: %v, %v", p, err)
	}
}
