package prompt

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vaultd/vaultd/vault/fault"
)

func TestSecretFromStandardInput(t *testing.T) {
	long := strings.Repeat("x", MaxSecret)
	for in, want := range map[string]string{
		"pass": "pass", "pass\n": "pass", "pass\r\n": "pass", " pass \n": " pass ", "p\rass\n": "p\rass", "\x00\xff\n": "\x00\xff",
		long: long, long + "\n": long, long + "\r\n": long,
	} {
		a := &Asker{Stdin: strings.NewReader(in)}
		got, err := a.Existing(context.Background(), Source{Name: "password", File: "-"})
		if err != nil || string(got.Bytes()) != want {
			t.Errorf("%.20q: %.20q, %v", in, got.Bytes(), err)
		}
		got.Wipe()
	}
	for _, in := range []string{"", "\n", "\r\n", "two\nlines", "pass\n\n", long + "x", long + "x\n", long + long} {
		a := &Asker{Stdin: strings.NewReader(in)}
		if got, err := a.New(context.Background(), Source{Name: "password", File: "-"}); !errors.Is(err, fault.E(fault.CodeBadArgument, "")) {
			t.Errorf("%.20q was taken: %.20q, %v", in, got.Bytes(), err)
		}
	}
}

func TestSecretFromFileAndDescriptor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(path, []byte("pass\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a := &Asker{Stdin: strings.NewReader("not this")}
	got, err := a.Existing(context.Background(), Source{Name: "password", File: path})
	if err != nil || string(got.Bytes()) != "pass" {
		t.Errorf("%q, %v", got.Bytes(), err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.WriteString("word\n"); err != nil {
		t.Fatal(err)
	}
	w.Close()
	from := Source{Name: "password", FD: FD{set: true, n: int(r.Fd())}}
	got, err = a.Existing(context.Background(), from)
	if err != nil || string(got.Bytes()) != "word" {
		t.Errorf("%q, %v", got.Bytes(), err)
	}
	if _, err := a.Existing(context.Background(), from); err == nil {
		t.Error("a closed descriptor was read")
	}
	if _, err := a.Existing(context.Background(), Source{Name: "password", File: path + "x"}); err == nil || !strings.Contains(err.Error(), "password") {
		t.Errorf("%v", err)
	}
	both := Source{Name: "password", File: path, FD: FD{set: true, n: 0}}
	if _, err := a.Existing(context.Background(), both); !errors.Is(err, fault.E(fault.CodeUsage, "")) {
		t.Errorf("%v", err)
	}
}

func TestDescriptorFlag(t *testing.T) {
	var fd FD
	for _, bad := range []string{"", "x", "-1", "3x", "03", " 3", "1e3", "99999999999"} {
		if err := fd.Set(bad); err == nil {
			t.Errorf("%q was taken as %v", bad, fd)
		}
	}
	if err := fd.Set("3"); err != nil || fd.String() != "3" {
		t.Errorf("%v, %v", fd, err)
	}
	if s := (Source{FD: fd}); !s.Given() || s.Stdin() {
		t.Errorf("%+v", s)
	}
	if s := (Source{FD: FD{set: true}}); !s.Given() || !s.Stdin() {
		t.Errorf("%+v", s)
	}
}
