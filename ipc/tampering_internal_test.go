//go:build unix

package ipc

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
)

func TestTamperingIsToldOnceAndBounded(t *testing.T) {
	s := &Server{service: &service{}}
	if !s.Tampered(vault.Touched{File: "header", What: "was touched"}) || s.Tampered(vault.Touched{File: "header", What: "was touched"}) {
		t.Error("the first is news, the second is not")
	}
	s.Tampered(vault.Touched{File: "a\n\x1b[2Jb\xff", What: "was put there by somebody else"})
	var admin, other vaultdv1.StatusResponse
	s.service.statusOfFiles(&admin, true)
	s.service.statusOfFiles(&other, false)
	if want := `header: was touched|"a\n\x1b[2Jb\xff": was put there by somebody else`; strings.Join(admin.GetTampering(), "|") != want {
		t.Errorf("an administrator is told %q", admin.GetTampering())
	}
	if len(other.GetTampering()) != 1 || strings.Contains(other.GetTampering()[0], "header") {
		t.Errorf("others are told %q", other.GetTampering())
	}
	for i := range 1000 {
		s.Tampered(vault.Touched{File: fmt.Sprint(i), What: "x"})
	}
	if n := len(s.service.tampering.list()); n != maxTampering {
		t.Errorf("%d findings are kept", n)
	}
	s.service.tampering.clear()
	if !s.Tampered(vault.Touched{File: "header", What: "was touched"}) {
		t.Error("after an unseal it is news again")
	}
}

func TestInspectSocket(t *testing.T) {
	if got := InspectSocket(nil); got != nil {
		t.Errorf("without a listener: %v", got)
	}
	for name, c := range map[string]struct {
		do   func(path string) error
		want string
	}{
		"connected": {func(p string) error {
			c, err := net.Dial("unix", p)
			if err == nil {
				err = c.Close()
			}
			return err
		}, ""},
		"removed": {os.Remove, "s was removed; clients can't reach"},
		"a file":  {func(p string) error { return errors.Join(os.Remove(p), os.WriteFile(p, nil, 0o600)) }, "s was replaced by another"},
		"opened":  {func(p string) error { return os.Chmod(p, 0o666) }, "s has mode 0666 now, not 0600"},
		// As everybody may do who may connect.
		"touched":  {func(p string) error { return os.Chtimes(p, time.Now(), time.Now()) }, ""},
		"unlocked": {func(p string) error { return os.Remove(p + ".lock") }, "s.lock was removed"},
		"another lock": {func(p string) error {
			return errors.Join(os.Remove(p+".lock"), os.WriteFile(p+".lock", nil, 0o600))
		}, "s.lock was replaced"},
		"directory": {func(p string) error { return os.Chmod(filepath.Dir(p), 0o777) }, "has mode 0777 now"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(socketDir(t), "s")
			l, err := Listen(path, 0o600, "")
			if err != nil {
				t.Fatal(err)
			}
			if got := InspectSocket(l); len(got) > 0 {
				t.Fatalf("at first: %v", got)
			}
			time.Sleep(10 * time.Millisecond) // the file system's clock has steps
			if err := c.do(path); err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, f := range InspectSocket(l) {
				got += f.File + " " + f.What + "\n"
			}
			if !strings.Contains(got, c.want) || c.want == "" && got != "" {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			if got := InspectSocket(l); len(got) > 0 {
				t.Errorf("closed: %v", got)
			}
		})
	}
}
