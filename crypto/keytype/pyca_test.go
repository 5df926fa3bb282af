package keytype_test

import (
	"bytes"
	"crypto/rand"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/vaultd/vaultd/crypto/fernet"
	"github.com/vaultd/vaultd/crypto/keytype"
)

// message is what everything in testdata/pyca is made over.
const message = "attack at dawn"

func pyca(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "pyca", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func pycaPEM(t testing.TB, name, label string) []byte {
	t.Helper()
	block, rest := pem.Decode(pyca(t, name))
	if block == nil || len(rest) != 0 || block.Type != label {
		t.Fatalf("%s is not one PEM block %q", name, label)
	}
	return block.Bytes
}

// Keys that pyca/cryptography writes are canonical as they are, and what it
// signs with each scheme verifies here.
func TestKeysAndSignaturesOfPyca(t *testing.T) {
	for _, c := range []struct {
		kind, file string
		o          keytype.SignOptions
	}{
		{"rsa-2048", "rsa-2048.pss-longest", keytype.SignOptions{}},
		{"rsa-2048", "rsa-2048.pss-digest", keytype.SignOptions{SaltHash: true}},
		{"rsa-2048", "rsa-2048.pkcs1", keytype.SignOptions{PKCS1v15: true}},
		{"ecdsa-p256", "ecdsa-p256.sig", keytype.SignOptions{}},
		{"ecdsa-p384", "ecdsa-p384.sig", keytype.SignOptions{}},
		{"ed25519", "ed25519.sig", keytype.SignOptions{}},
	} {
		key := parse[keytype.Signer](t, c.kind, pycaPEM(t, c.kind+".pem", "PRIVATE KEY"))
		if spki := pycaPEM(t, c.kind+".pub", "PUBLIC KEY"); !bytes.Equal(key.Public(), spki) {
			t.Errorf("%s: public key %x, pyca wrote %x", c.kind, key.Public(), spki)
		}
		if err := key.Verify([]byte(message), pyca(t, c.file), c.o); err != nil {
			t.Errorf("%s: %v", c.file, err)
		}
	}
	oaep := parse[keytype.Decrypter](t, "rsa-2048", pycaPEM(t, "rsa-2048.pem", "PRIVATE KEY"))
	if got, err := oaep.DecryptOAEP(0, pyca(t, "rsa-2048.oaep"), []byte("label")); err != nil || string(got) != message {
		t.Errorf("DecryptOAEP = %q, %v", got, err)
	}
	material, err := fernet.DecodeKey(pyca(t, "fernet.key"))
	if err != nil {
		t.Fatal(err)
	}
	tokens := parse[keytype.TokenSealer](t, "fernet", material)
	if got, err := tokens.OpenToken(time.Unix(1_700_000_030, 0), time.Minute, pyca(t, "fernet.token")); err != nil || string(got) != message {
		t.Errorf("OpenToken = %q, %v", got, err)
	}
}

// The other direction, where pyca/cryptography is installed: it reads our keys
// and verifies what we sign with the original system's parameters.
func TestPycaTakesWhatWeMake(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 here; the fixed files of the other direction are tested")
	}
	if err := exec.Command(python, "-c", "import cryptography").Run(); err != nil {
		t.Skip("pyca/cryptography is not installed; the fixed files of the other direction are tested")
	}
	const script = `
import sys
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
d, m = sys.argv[1], b"attack at dawn"
read = lambda name: open(d + "/" + name, "rb").read()
load = lambda name: serialization.load_der_private_key(read(name), None).public_key()
sha = hashes.SHA256()
load("rsa-2048").verify(read("rsa-2048.sig"), m, padding.PSS(padding.MGF1(sha), padding.PSS.MAX_LENGTH), sha)
load("ecdsa-p256").verify(read("ecdsa-p256.sig"), m, ec.ECDSA(sha))
load("ecdsa-p384").verify(read("ecdsa-p384.sig"), m, ec.ECDSA(hashes.SHA384()))
load("ed25519").verify(read("ed25519.sig"), m)
assert Fernet(read("fernet.key")).decrypt(read("fernet.token"), ttl=3600) == m
`
	dir := t.TempDir()
	write := func(name string, data []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"rsa-2048", "ecdsa-p256", "ecdsa-p384", "ed25519"} {
		material := generate(t, name)
		signature, err := parse[keytype.Signer](t, name, material).Sign(rand.Reader, []byte(message), keytype.SignOptions{})
		if err != nil {
			t.Fatal(err)
		}
		write(name, material)
		write(name+".sig", signature)
	}
	material := generate(t, "fernet")
	encoded, err := fernet.EncodeKey(material)
	if err != nil {
		t.Fatal(err)
	}
	token, err := parse[keytype.TokenSealer](t, "fernet", material).SealToken(time.Now(), []byte(message))
	if err != nil {
		t.Fatal(err)
	}
	write("fernet.key", encoded)
	write("fernet.token", token)
	if out, err := exec.Command(python, "-c", script, dir).CombinedOutput(); err != nil {
		t.Errorf("pyca/cryptography refuses: %v\n%s", err, out)
	}
}
