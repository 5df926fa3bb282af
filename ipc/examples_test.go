package ipc_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
)

// TestExampleClients runs the programs of docs/clients against a daemon.
func TestExampleClients(t *testing.T) {
	dir, err := filepath.Abs("../docs/clients")
	if err != nil {
		t.Fatal(err)
	}
	for _, example := range []struct {
		file  string
		needs []string
	}{
		{"vaultd.sh", []string{"sh", "curl", "jq", "base64"}},
		{"vaultd_http.py", []string{"python3"}},
		{"vaultd_frames.py", []string{"python3"}},
		{"vaultd.mjs", []string{"node"}},
	} {
		t.Run(example.file, func(t *testing.T) {
			for _, program := range example.needs {
				if _, err := exec.LookPath(program); err != nil {
					t.Skip(err)
				}
			}
			d := start(t)
			run := func(stdin []byte, args ...string) (stdout []byte, stderr string, exit int) {
				t.Helper()
				cmd := exec.Command(example.needs[0], append([]string{filepath.Join(dir, example.file)}, args...)...)
				cmd.Env = append(os.Environ(), "VAULTD_SOCKET="+d.socket, "PYTHONDONTWRITEBYTECODE=1")
				cmd.Stdin = bytes.NewReader(stdin)
				var errors bytes.Buffer
				cmd.Stderr = &errors
				out, err := cmd.Output()
				if _, exited := err.(*exec.ExitError); err != nil && !exited {
					t.Fatal(err)
				}
				return out, errors.String(), cmd.ProcessState.ExitCode()
			}

			out, stderr, exit := run(nil, "status")
			var status struct {
				Initialized bool
				Version     string
			}
			if err := json.Unmarshal(out, &status); err != nil || exit != 0 || !status.Initialized || status.Version != "test" {
				t.Fatalf("status: exit %d, %s %s %v", exit, out, stderr, err)
			}
			out, stderr, exit = run(nil, "create", "root/example", "xaes-256-gcm")
			var key struct{ Name, Type string }
			if err := json.Unmarshal(out, &key); err != nil || exit != 0 || key.Name != "root/example" || key.Type != "xaes-256-gcm" {
				t.Fatalf("create: exit %d, %s %s %v", exit, out, stderr, err)
			}
			for _, plaintext := range []string{"", "attack at dawn\n", "\x00\x01\xfe\xff", strings.Repeat("long ", 20_000)} {
				ciphertext, stderr, exit := run([]byte(plaintext), "encrypt", "root/example")
				if exit != 0 || !bytes.HasPrefix(ciphertext, []byte("vd1:")) {
					t.Fatalf("encrypt: exit %d, %.80s %s", exit, ciphertext, stderr)
				}
				if back, stderr, exit := run(ciphertext, "decrypt"); exit != 0 || string(back) != plaintext {
					t.Errorf("decrypt: exit %d, %.80q %s", exit, back, stderr)
				}
				opened, err := d.dial(t).Decrypt(t.Context(), &vaultdv1.DecryptRequest{Ciphertext: string(bytes.TrimSpace(ciphertext))})
				if err != nil || string(opened.GetPlaintext()) != plaintext {
					t.Errorf("the Go client opens %.80q, %v", opened.GetPlaintext(), err)
				}
			}
			if out, stderr, exit = run([]byte("x"), "encrypt", "root/none"); exit != 3 || !strings.HasPrefix(stderr, "key_not_found: ") {
				t.Errorf("encrypt under no key: exit %d, %s %s", exit, out, stderr)
			}
		})
	}
}

// TestCurl is the promise of the README: JSON by curl, nothing else.
func TestCurl(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip(err)
	}
	d := start(t)
	d.createKey(t, "root/data", "")
	out, err := exec.Command("curl", "--silent", "--unix-socket", d.socket, "-H", "Content-Type: application/json",
		"-d", `{"key":"root/data","plaintext":"aGk="}`, "http://vaultd/vaultd.v1.VaultService/Encrypt").Output()
	if err != nil || !bytes.Contains(out, []byte(`"ciphertext":"vd1:`)) {
		t.Errorf("%s %v", out, err)
	}
	out, err = exec.Command("curl", "--silent", "--unix-socket", d.socket, "http://vaultd/").Output()
	if err != nil || !bytes.Contains(out, []byte("no such method")) {
		t.Errorf("%s %v", out, err)
	}
}
