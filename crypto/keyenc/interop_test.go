package keyenc

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/vaultd/vaultd/crypto/kdf"
)

// interopScript opens our encrypted key and our compatibility blob, and makes
// both anew from what was inside.
const interopScript = `
import base64, os, sys
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes, serialization as s
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
password, blob = sys.argv[1].encode(), bytes.fromhex(sys.argv[2])
def fernet(salt):
    kdf = PBKDF2HMAC(algorithm=hashes.SHA256(), length=32, salt=salt, iterations=100000)
    return Fernet(base64.urlsafe_b64encode(kdf.derive(password)))
pem = fernet(blob[:16]).decrypt(blob[16:])
key = s.load_pem_private_key(sys.stdin.buffer.read(), password)
plain = key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())
assert pem == plain, "the two files hold different keys"
salt = os.urandom(16)
print((salt + fernet(salt).encrypt(plain)).hex())
print(key.private_bytes(s.Encoding.DER, s.PrivateFormat.PKCS8, s.BestAvailableEncryption(password)).hex())
`

func TestPycaReadsAndWritesTheSameFiles(t *testing.T) {
	var pythons []string
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		path, err := exec.LookPath(name)
		if err == nil && exec.Command(path, "-c", "import cryptography").Run() == nil {
			pythons = append(pythons, path)
		}
	}
	if len(pythons) == 0 {
		t.Skip("no python3 with the package cryptography here; testdata/pyca.json covers reading with fixed files")
	}
	if testing.Short() {
		pythons = pythons[:1]
	}
	password := []byte("pässword 1")
	for _, python := range pythons {
		for _, f := range readFixtures(t).Keys {
			if f.Name != "rsa" && f.Name != "x25519" {
				continue // deriving keys takes long; the fixed files cover the other types
			}
			if testing.Short() && f.Name == "rsa" {
				continue
			}
			der := f.der(t)
			text, err := EncryptPKCS8PEM(der, password, kdf.MinIterations, rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			blob, err := CompatEncrypt(der, password, time.Now(), rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			command := exec.Command(python, "-c", interopScript, string(password), hex.EncodeToString(blob))
			command.Stdin = bytes.NewReader(text)
			out, err := command.CombinedOutput()
			if err != nil {
				t.Fatalf("%s, %s: %v\n%s", python, f.Name, err, out)
			}
			compat, encrypted, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
			if back, err := CompatDecrypt(unhex(t, compat), password); err != nil || !bytes.Equal(back, der) {
				t.Errorf("%s, %s, compat: %v", python, f.Name, err)
			}
			if back, err := DecryptPKCS8(unhex(t, encrypted), password); err != nil || !bytes.Equal(back, der) {
				t.Errorf("%s, %s, PBES2: %v", python, f.Name, err)
			}
		}
	}
}
