package stream

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/vaultd/vaultd/vault/fault"
)

func TestReadTakesAllInputUpToTheLimit(t *testing.T) {
	for _, n := range []int{0, 1, 4095, 4096, 4097, MaxInput - 1, MaxInput} {
		want := bytes.Repeat([]byte{'x'}, n)
		got, err := Read(iotest.HalfReader(bytes.NewReader(want)), "")
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes from stdin: %d, %v", n, len(got), err)
		}
		path := filepath.Join(t.TempDir(), "in")
		if err := os.WriteFile(path, want, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := Read(strings.NewReader("not this"), path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes from a file: %d, %v", n, len(got), err)
		}
	}
}

func TestReadRefusesMore(t *testing.T) {
	endless := io.MultiReader(bytes.NewReader(make([]byte, MaxInput)), iotest.OneByteReader(zeros{}))
	if got, err := Read(endless, "-"); !errors.Is(err, fault.E(fault.CodeTooLarge, "")) || got != nil {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if _, err := Read(iotest.ErrReader(errors.New("cable pulled")), ""); err == nil || !strings.Contains(err.Error(), "cable pulled") {
		t.Errorf("%v", err)
	}
	if _, err := Read(nil, filepath.Join(t.TempDir(), "nothing")); err == nil {
		t.Error("read a file that is not there")
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestWriteFileIsPrivateAndWhole(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	if err := os.WriteFile(path, []byte("old and readable by all"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, []byte("new")); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != "new" {
		t.Errorf("%q, %v", got, err)
	}
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	onlyFile(t, dir, "out")
}

func TestWriteFileLeavesTheOldOneWhenItFails(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "missing", "out")
	if err := WriteFile(target, []byte("x")); err == nil || !strings.Contains(err.Error(), target) {
		t.Errorf("%v", err)
	}
	occupied := filepath.Join(dir, "directory")
	if err := os.Mkdir(occupied, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(occupied, []byte("x")); err == nil {
		t.Error("wrote over a directory")
	}
	onlyFile(t, dir, "directory")
}

func TestWriteGoesToDevicesAndStandardOutput(t *testing.T) {
	var b bytes.Buffer
	for _, path := range []string{"", "-"} {
		if err := Write(&b, path, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if b.String() != "xx" {
		t.Errorf("%q", b.String())
	}
	if runtime.GOOS == "windows" {
		return
	}
	if err := Write(&b, os.DevNull, []byte("x")); err != nil {
		t.Errorf("to the null device: %v", err)
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Fatalf("the null device was replaced: %v, %v", info.Mode(), err)
	}
}

func onlyFile(t *testing.T, dir, name string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != name {
		t.Errorf("the directory holds %v, %v", entries, err)
	}
}

// Whatever can be encrypted in one message can be decrypted in one.
func TestCompact(t *testing.T) {
	text := func(n int) []byte {
		return []byte("vd1:" + base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{7}, n)))
	}
	if got, err := Compact(append(text(MaxCiphertext), '\n')); err != nil || !bytes.Equal(got, bytes.Repeat([]byte{7}, MaxCiphertext)) {
		t.Errorf("the largest text: %d bytes, %v", len(got), err)
	}
	if n := len(text(MaxCiphertext)) + 1; n > MaxText {
		t.Errorf("the largest text has %d bytes, more than is read", n)
	}
	if got, err := Compact(text(100)); err != nil || !bytes.Equal(got, text(100)) {
		t.Errorf("a small text: %q, %v", got, err)
	}
	broken := text(MaxCiphertext)
	broken[1000] = '\n'
	for name, c := range map[string][]byte{
		"one byte more": text(MaxCiphertext + 1), "broken": broken, "binary": make([]byte, MaxCiphertext+1),
	} {
		if _, err := Compact(c); !errors.Is(err, &fault.Error{Code: fault.CodeTooLarge}) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
