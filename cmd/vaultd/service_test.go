//go:build unix

package main

import (
	"runtime"
	"strings"
	"testing"

	"github.com/vaultd/vaultd/vault/fault"
)

func TestServiceCommandLine(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the files of another service manager")
	}
	p := newPlace(t)
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"service", "install", "--print", "--system"}, 0, "### /etc/systemd/system/vaultd.socket\n"},
		{[]string{"service", "install", "--print", "--user"}, 0, "### " + p.dir + "/.config/systemd/user/vaultd.service\n"},
		{[]string{"service", "install", "now"}, 2, "takes no argument"},
		{[]string{"service", "frobnicate"}, 2, "takes no argument"},
		{[]string{"service", "status", "-o", "xml"}, 2, "text or json"},
		{[]string{"service", "start", "--system", "--user"}, 2, "exclude each other"},
		{[]string{"service", "--help"}, 0, "uninstall"},
	} {
		cmd := p.command()
		cmd.Args = append(cmd.Args[:1], c.args...)
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		if code := cmd.ProcessState.ExitCode(); code != c.code || !strings.Contains(string(out), c.want) {
			t.Errorf("%q: exit %d\n%s", c.args, code, out)
		}
	}
	// Flags that say how to run would be lost in a service.
	if code, _, errs := p.run(t, "service", "install"); code != int(fault.ClassUsage) || !strings.Contains(errs, "--store is not for a service") {
		t.Errorf("with --store: exit %d, %s", code, errs)
	}
}
