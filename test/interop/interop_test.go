//go:build unix

package interop

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vaultd/vaultd/test/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }

// bench is a daemon, unsealed, and a directory to work in.
type bench struct {
	env      []string
	dir      string
	vaultctl string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	d := rig.MustStart(t, rig.NewHome(t, t.TempDir()))
	d.Init(t)
	b := &bench{dir: t.TempDir(), vaultctl: rig.Program(t, "vaultctl")}
	for _, v := range d.Home.Env() {
		if path, ok := strings.CutPrefix(v, "PATH="); ok {
			v = "PATH=" + filepath.Dir(b.vaultctl) + ":" + path
		}
		b.env = append(b.env, v)
	}
	return b
}

func (b *bench) command(name string, args ...string) *exec.Cmd {
	if name == "vaultctl" {
		name = b.vaultctl
	}
	c := exec.Command(name, args...)
	c.Env, c.Dir = b.env, b.dir
	return c
}

// script runs each case of a script of testdata as a test of its own. The
// script lists its cases when it is called without arguments.
func script(t *testing.T, interpreter, name string) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t)
	out, err := b.command(interpreter, path).Output()
	if err != nil {
		t.Fatalf("list the cases of %s: %v", name, err)
	}
	cases := strings.Fields(string(out))
	if len(cases) == 0 {
		t.Fatalf("%s has no case", name)
	}
	for _, c := range cases {
		t.Run(c, func(t *testing.T) {
			var out bytes.Buffer
			run := b.command(interpreter, path, c)
			run.Stdout, run.Stderr = &out, &out
			if err := run.Run(); err != nil {
				t.Errorf("%v:\n%s", err, &out)
			}
		})
	}
}

func TestPyca(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip(err)
	}
	if out, err := exec.Command(python, "-c", "import cryptography").CombinedOutput(); err != nil {
		t.Skipf("python3 has no pyca/cryptography: %s", out)
	}
	script(t, python, "pyca.py")
}

func TestOpenSSL(t *testing.T) {
	for _, tool := range []string{"bash", "openssl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	script(t, "bash", "openssl.sh")
}

func TestSSHKeygen(t *testing.T) {
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		t.Skip(err)
	}
	b := newBench(t)
	for _, kind := range []string{"ed25519", "ecdsa-p256", "ecdsa-p384", "rsa-2048"} {
		t.Run(kind, func(t *testing.T) {
			if out, err := b.command("vaultctl", "key", "create", kind, "--type", kind).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			line, err := b.command("vaultctl", "key", "public", kind, "--format", "openssh").Output()
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(b.dir, kind+".pub")
			if err := os.WriteFile(file, line, 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := b.command("ssh-keygen", "-l", "-f", file).CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
			if out, err := b.command("ssh-keygen", "-e", "-m", "PKCS8", "-f", file).CombinedOutput(); kind != "ed25519" {
				want, perr := b.command("vaultctl", "key", "public", kind).Output()
				if err != nil || perr != nil || strings.TrimSpace(string(out)) != strings.TrimSpace(string(want)) {
					t.Errorf("ssh-keygen reads another key: %v %v\n%s\n%s", err, perr, out, want)
				}
			}
		})
	}
}
