package packaging

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// tool is a program that a test drives; without it the test skips.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		for _, dir := range []string{"/usr/sbin", "/sbin"} { // not in everybody's PATH
			if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
				return filepath.Join(dir, name)
			}
		}
		t.Skipf("there is no %s here", name)
	}
	return path
}

// maxExposure is what 'systemd-analyze security' may say at most, of 10.
const maxExposure = 1.0

func TestServicesAreHardened(t *testing.T) {
	for _, name := range []string{"vaultd.service", "vaultd-ask-password.service"} {
		t.Run(name, func(t *testing.T) {
			out, exposure := exposed(t, "systemd/"+name)
			if exposure > maxExposure {
				t.Errorf("exposure %v, want at most %v\n%s", exposure, maxExposure, out)
			}
			// What it finds missing is explained in the unit.
			unit, err := Files.ReadFile("systemd/" + name)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range strings.Split(string(out), "\n") {
				rest, missing := strings.CutPrefix(line, "✗ ")
				if name, _, ok := strings.Cut(rest, "="); missing && ok && !bytes.Contains(unit, []byte("# "+strings.TrimSpace(name)+"=")) {
					t.Errorf("not explained: %s", line)
				}
			}
		})
	}
}

// The drop-in for a TPM opens that device and nothing else.
func TestServiceWithTPMIsHardened(t *testing.T) {
	dir := t.TempDir()
	for name, to := range map[string]string{
		"vaultd.service": "vaultd.service", "vaultd.socket": "vaultd.socket", "tpm.conf": "vaultd.service.d/tpm.conf",
	} {
		b, err := Files.ReadFile("systemd/" + name)
		if err != nil {
			t.Fatal(err)
		}
		to = filepath.Join(dir, to)
		if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, b, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	out, exposure := exposed(t, filepath.Join(dir, "vaultd.service"))
	if !bytes.Contains(out, []byte("/dev/tpmrm0")) {
		t.Skipf("systemd-analyze does not read drop-ins:\n%s", out)
	}
	if exposure > maxExposure {
		t.Errorf("exposure %v, want at most %v\n%s", exposure, maxExposure, out)
	}
}

// exposed is what systemd-analyze says of a unit, and its figure.
func exposed(t *testing.T, unit string) ([]byte, float64) {
	t.Helper()
	analyze := tool(t, "systemd-analyze")
	out, err := exec.Command(analyze, "security", "--offline=yes", "--no-pager", unit).CombinedOutput()
	if err != nil && bytes.Contains(out, []byte("unrecognized option")) {
		t.Skipf("systemd-analyze is too old: %s", out)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	score := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`).FindSubmatch(out)
	if score == nil {
		t.Fatalf("no score in\n%s", out)
	}
	exposure, err := strconv.ParseFloat(string(score[1]), 64)
	if err != nil {
		t.Fatalf("no figure: %v in\n%s", err, out)
	}
	return out, exposure
}

func TestUnitsAreVerified(t *testing.T) {
	analyze := tool(t, "systemd-analyze")
	for _, scope := range []string{"system", "user"} {
		t.Run(scope, func(t *testing.T) {
			source := "systemd"
			if scope == "user" {
				source = "systemd/user"
				t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
			}
			dir := t.TempDir()
			var units []string
			names := []string{"vaultd.service", "vaultd.socket"}
			if scope == "system" {
				names = append(names, "vaultd-ask-password.service")
			}
			for _, name := range names {
				b, err := Files.ReadFile(source + "/" + name)
				if err != nil {
					t.Fatal(err)
				}
				// It looks for the program, which need not be installed here.
				b = bytes.ReplaceAll(b, []byte("/usr/bin/vaultd"), []byte("/bin/true"))
				b = bytes.ReplaceAll(b, []byte("/usr/bin/vaultctl"), []byte("/bin/true"))
				units = append(units, filepath.Join(dir, name))
				if err := os.WriteFile(units[len(units)-1], b, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.Command(analyze, append([]string{"verify", "--man=no", "--" + scope}, units...)...)
			out, err := cmd.CombinedOutput()
			var ours []string
			for _, line := range strings.Split(string(out), "\n") {
				if strings.Contains(line, "vaultd") { // other units of this machine may be broken
					ours = append(ours, line)
				}
			}
			if len(ours) > 0 {
				t.Errorf("%v\n%s", err, strings.Join(ours, "\n"))
			}
		})
	}
}

func TestAccountsAndDirectoriesAreUnderstood(t *testing.T) {
	for _, c := range []struct {
		tool string
		args []string
		file string
		want []string
	}{
		{"systemd-sysusers", nil, "sysusers.d/vaultd.conf", []string{"etc/passwd", "etc/group"}},
		{"systemd-tmpfiles", []string{"--create"}, "tmpfiles.d/vaultd.conf", []string{
			"run/vaultd", "etc/vaultd/policy.d", "var/lib/vaultd", "var/lib/vaultd-anchor", "var/log/vaultd",
		}},
	} {
		t.Run(c.tool, func(t *testing.T) {
			program := tool(t, c.tool)
			if os.Geteuid() != 0 {
				t.Skip("it gives files away, which needs root")
			}
			root := t.TempDir()
			if err := os.Mkdir(filepath.Join(root, "etc"), 0o755); err != nil {
				t.Fatal(err)
			}
			if c.tool == "systemd-tmpfiles" {
				accounts(t, root)
			}
			file, err := filepath.Abs(c.file)
			if err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command(program, append(append([]string{"--root=" + root}, c.args...), file)...).CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			for _, name := range c.want {
				info, err := os.Stat(filepath.Join(root, name))
				if err != nil {
					t.Errorf("%v; it said: %s", err, out)
				} else if info.IsDir() && strings.HasPrefix(name, "var/") && info.Mode().Perm() != 0o700 {
					t.Errorf("%s has mode %v", name, info.Mode())
				}
			}
			if b, err := os.ReadFile(filepath.Join(root, "etc/passwd")); err != nil || !bytes.Contains(b, []byte("vaultd:")) {
				t.Errorf("no account: %s, %v", b, err)
			}
		})
	}
}

// accounts are those of a root directory on which sysusers has run.
func accounts(t *testing.T, root string) {
	t.Helper()
	err := errors.Join(
		os.WriteFile(filepath.Join(root, "etc/passwd"), []byte("root:x:0:0::/:/bin/sh\nvaultd:x:990:990::/:/sbin/nologin\n"), 0o644),
		os.WriteFile(filepath.Join(root, "etc/group"), []byte("root:x:0:\nvaultd:x:990:\n"), 0o644))
	if err != nil {
		t.Fatal(err)
	}
}

func TestAppArmorProfileIsUnderstood(t *testing.T) {
	parser := tool(t, "apparmor_parser")
	out, err := exec.Command(parser, "--skip-kernel-load", "--skip-cache", "--skip-read-cache", "apparmor/usr.bin.vaultd").CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
	unit, err := Files.ReadFile("systemd/vaultd.service")
	if err != nil {
		t.Fatal(err)
	}
	profile, err := os.ReadFile("apparmor/usr.bin.vaultd")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(unit, []byte("\nAppArmorProfile=-vaultd\n")) || !bytes.Contains(profile, []byte("\nprofile vaultd {\n")) {
		t.Error("the unit and the profile have different names for it")
	}
}

func TestPropertyListsAreUnderstood(t *testing.T) {
	if runtime.GOOS != "darwin" {
		tool(t, "python3")
	}
	for _, name := range []string{"vaultd.plist", "vaultd.user.plist"} {
		script := "import plistlib, sys\np = plistlib.load(open(sys.argv[1], 'rb'))\nassert p['Label'] == 'vaultd' and p['RunAtLoad'] is True, p\nassert p['Umask'] == 0o077, p\n"
		if out, err := exec.Command("python3", "-c", script, "launchd/"+name).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", name, err, out)
		}
	}
}

// Nothing here holds a path of the machine it was written on, or can be changed by
// whoever it is installed for.
func TestFilesArePlain(t *testing.T) {
	err := fs.WalkDir(Files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := Files.ReadFile(name)
		if err != nil {
			return err
		}
		if !bytes.HasSuffix(b, []byte("\n")) || bytes.ContainsAny(b, "\r\x00") {
			return fmt.Errorf("%s is no plain text", name)
		}
		for i, line := range strings.Split(string(b), "\n") {
			if strings.TrimRight(line, " ") != line {
				return fmt.Errorf("%s:%d ends in spaces", name, i+1)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
