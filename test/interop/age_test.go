//go:build unix

package interop

import (
	"bytes"
	"crypto/ecdh"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vaultd/vaultd/test/rig"
)

// The age program, as built from its own module, and vaultctl read each other's
// files: by its native keys, with no program of ours on age's side, and by the
// plugin.
func TestAge(t *testing.T) {
	tools := t.TempDir()
	root, err := rig.Root()
	if err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "-C", filepath.Join(root, "internal", "tools"), "build", "-o", tools+"/",
		"filippo.io/age/cmd/age", "filippo.io/age/cmd/age-keygen")
	if out, err := build.CombinedOutput(); err != nil {
		t.Skipf("the age program can't be built here: %v\n%s", err, out)
	}
	b := newBench(t)
	if err := os.Symlink(b.vaultctl, filepath.Join(tools, "age-plugin-vaultd")); err != nil {
		t.Fatal(err)
	}
	for i, v := range b.env {
		if path, ok := strings.CutPrefix(v, "PATH="); ok {
			b.env[i] = "PATH=" + tools + ":" + path
		}
	}
	age, keygen := filepath.Join(tools, "age"), filepath.Join(tools, "age-keygen")
	file := func(name string) string { return filepath.Join(b.dir, name) }
	run := func(t *testing.T, name string, args ...string) []byte {
		t.Helper()
		var complaints bytes.Buffer
		cmd := b.command(name, args...)
		cmd.Stderr = &complaints
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, &complaints)
		}
		return out
	}
	write := func(name string, data []byte) {
		if err := os.WriteFile(file(name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	plaintext := bytes.Repeat([]byte("a line of the plaintext\n"), 10_000)
	write("plain", plaintext)
	write("empty", nil)
	wantPlaintext := func(t *testing.T, got []byte) {
		t.Helper()
		if !bytes.Equal(got, plaintext) {
			t.Errorf("%d bytes came back, of %d", len(got), len(plaintext))
		}
	}

	run(t, "vaultctl", "key", "create", "data")
	run(t, "vaultctl", "key", "create", "dh", "--type", "x25519", "--exportable")
	native := strings.TrimSpace(string(run(t, "vaultctl", "key", "age", "dh", "--native")))
	write("exported", []byte(identityOf(t, run(t, "vaultctl", "key", "export", "dh", "--format", "pkcs8"))+"\n"))
	write("data.id", run(t, "vaultctl", "key", "age", "data"))
	write("dh.id", run(t, "vaultctl", "key", "age", "dh"))
	recipient := func(t *testing.T, id string) string {
		b, err := os.ReadFile(file(id))
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(b), "\n")
		return strings.TrimPrefix(first, "# recipient: ")
	}

	t.Run("age encrypts to a vault's public key", func(t *testing.T) {
		if got := strings.TrimSpace(string(run(t, keygen, "-y", "exported"))); got != native {
			t.Errorf("the public key is %s, and age says %s", native, got)
		}
		run(t, age, "-r", native, "-o", "native.age", "plain")
		wantPlaintext(t, run(t, "vaultctl", "decrypt", "dh", "--in", "native.age"))
		run(t, age, "-a", "-r", native, "-o", "armoured.age", "plain")
		wantPlaintext(t, run(t, "vaultctl", "decrypt", "dh", "--in", "armoured.age"))
		run(t, age, "-r", native, "-o", "empty.age", "empty")
		if got := run(t, "vaultctl", "decrypt", "dh", "--in", "empty.age"); len(got) != 0 {
			t.Errorf("%q came out of nothing", got)
		}
	})
	t.Run("age opens with the exported key", func(t *testing.T) {
		run(t, "vaultctl", "encrypt", "dh", "--stream", "--in", "plain", "--out", "ours.age")
		wantPlaintext(t, run(t, age, "-d", "-i", "exported", "ours.age"))
	})
	t.Run("age opens with the plugin", func(t *testing.T) {
		run(t, "vaultctl", "encrypt", "data", "--stream", "--in", "plain", "--out", "data.age")
		wantPlaintext(t, run(t, age, "-d", "-i", "data.id", "data.age"))
		wantPlaintext(t, run(t, age, "-d", "-j", "vaultd", "data.age"))
		run(t, "vaultctl", "encrypt", "dh", "--stream", "--in", "plain", "--out", "dh.age")
		wantPlaintext(t, run(t, age, "-d", "-i", "dh.id", "dh.age"))
	})
	t.Run("age encrypts with the plugin", func(t *testing.T) {
		run(t, age, "-r", recipient(t, "data.id"), "-o", "plugin.age", "plain")
		wantPlaintext(t, run(t, "vaultctl", "decrypt", "--in", "plugin.age"))
		run(t, age, "-e", "-i", "data.id", "-o", "identity.age", "plain")
		wantPlaintext(t, run(t, age, "-d", "-i", "data.id", "identity.age"))
	})
	t.Run("a file for several", func(t *testing.T) {
		run(t, keygen, "-o", "other.id")
		other := strings.TrimSpace(string(run(t, keygen, "-y", "other.id")))
		run(t, age, "-r", other, "-r", native, "-r", recipient(t, "data.id"), "-o", "several.age", "plain")
		wantPlaintext(t, run(t, "vaultctl", "decrypt", "--in", "several.age"))
		wantPlaintext(t, run(t, "vaultctl", "decrypt", "dh", "--in", "several.age"))
		wantPlaintext(t, run(t, age, "-d", "-i", "other.id", "several.age"))
		// The plugin steps aside for what is not the vault's.
		run(t, age, "-r", other, "-o", "other.age", "plain")
		wantPlaintext(t, run(t, age, "-d", "-i", "dh.id", "-i", "data.id", "-i", "other.id", "other.age"))
	})
	t.Run("the vault's refusals reach the user of age", func(t *testing.T) {
		run(t, "vaultctl", "key", "revoke", "data")
		for _, args := range [][]string{
			{"-d", "-i", "data.id", "data.age"},
			{"-r", recipient(t, "data.id"), "-o", "never.age", "plain"},
		} {
			out, err := b.command(age, args...).CombinedOutput()
			if err == nil || !strings.Contains(string(out), "revoked") {
				t.Errorf("age %v: %v\n%s", args, err, out)
			}
		}
	})
}

// identityOf is an X25519 private key as age writes it: "AGE-SECRET-KEY-1" and
// the 32 bytes in Bech32 (BIP 173).
func identityOf(t *testing.T, pkcs8 []byte) string {
	t.Helper()
	block, _ := pem.Decode(pkcs8)
	if block == nil {
		t.Fatalf("no PEM: %q", pkcs8)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	private, ok := key.(*ecdh.PrivateKey)
	if !ok {
		t.Fatalf("a %T", key)
	}
	return strings.ToUpper(bech32("age-secret-key-", private.Bytes()))
}

func bech32(prefix string, data []byte) string {
	const alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
	var values []byte
	bits, held := uint32(0), 0
	for _, b := range data {
		bits, held = bits<<8|uint32(b), held+8
		for ; held >= 5; held -= 5 {
			values = append(values, byte(bits>>(held-5)&31))
		}
	}
	if held > 0 {
		values = append(values, byte(bits<<(5-held)&31))
	}
	var checked []byte
	for _, c := range []byte(prefix) {
		checked = append(checked, c>>5)
	}
	checked = append(checked, 0)
	for _, c := range []byte(prefix) {
		checked = append(checked, c&31)
	}
	checked = append(append(checked, values...), 0, 0, 0, 0, 0, 0)
	sum := uint32(1)
	for _, v := range checked {
		top := sum >> 25
		sum = sum&0x1ffffff<<5 ^ uint32(v)
		for i, g := range []uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
			if top>>i&1 == 1 {
				sum ^= g
			}
		}
	}
	sum ^= 1
	for i := range 6 {
		values = append(values, byte(sum>>(5*(5-i))&31))
	}
	var out strings.Builder
	out.WriteString(prefix + "1")
	for _, v := range values {
		out.WriteByte(alphabet[v])
	}
	return out.String()
}
