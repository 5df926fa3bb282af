package keytype_test

import (
	"bytes"
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/vaultd/vaultd/crypto/keytype"
)

// xwing is the material of the hybrid type over a seed.
func xwing(t testing.TB, seed []byte) []byte {
	t.Helper()
	material := generate(t, "hpke-mlkem768-x25519")
	return append(material[:len(material)-32], seed...)
}

func TestPycaSealsToOurKeys(t *testing.T) {
	for name, material := range map[string][]byte{
		"hpke-x25519":          pycaPEM(t, "hpke-x25519.pem", "PRIVATE KEY"),
		"hpke-mlkem768-x25519": xwing(t, pyca(t, "hpke-mlkem768-x25519.seed")),
	} {
		key := parse[keytype.Opener](t, name, material)
		if got, err := key.OpenHPKE([]byte("pyca"), pyca(t, name+".sealed")); err != nil || string(got) != message {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	kem := parse[keytype.Encapsulator](t, "ml-kem-768", pycaPEM(t, "ml-kem-768.pem", "PRIVATE KEY"))
	if shared, err := kem.Decapsulate(pyca(t, "ml-kem-768.ciphertext")); err != nil || !bytes.Equal(shared, pyca(t, "ml-kem-768.shared")) {
		t.Errorf("ml-kem-768: %x, %v", shared, err)
	}
	siv := parse[keytype.AEAD](t, "aes-256-siv", pyca(t, "aes-256-siv.key"))
	if got, err := siv.Open(nil, pyca(t, "aes-256-siv.sealed"), []byte("context")); err != nil || string(got) != message {
		t.Errorf("aes-256-siv: %q, %v", got, err)
	}
	kwp := parse[keytype.Unwrapper](t, "aes-256-kwp", pyca(t, "aes-256-kwp.key"))
	if got, err := kwp.Unwrap(keytype.WrapAESKWP, pyca(t, "aes-256-kwp.wrapped")); err != nil || string(got) != message+message {
		t.Errorf("aes-256-kwp: %q, %v", got, err)
	}
}

// The other direction, where pyca/cryptography is new enough.
func TestPycaOpensWhatWeSeal(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 here; the fixed files of the other direction are tested")
	}
	if err := exec.Command(python, "-c", "from cryptography.hazmat.primitives import hpke; hpke.MLKEM768X25519PrivateKey").Run(); err != nil {
		t.Skip("pyca/cryptography is not installed or older than 48; the fixed files of the other direction are tested")
	}
	const script = `
import hashlib, sys
from cryptography.hazmat.primitives import hpke, keywrap, serialization, hashes
from cryptography.hazmat.primitives.asymmetric import mlkem, padding, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
d, m = sys.argv[1], b"attack at dawn"
read = lambda name: open(d + "/" + name, "rb").read()
load = lambda name: serialization.load_der_private_key(read(name), None)
suite = lambda kem: hpke.Suite(kem, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
assert suite(hpke.KEM.X25519).decrypt(read("hpke-x25519.sealed"), load("hpke-x25519"), b"ours") == m
wide = hashlib.shake_256(read("hpke-mlkem768-x25519")[-32:]).digest(96)
pair = hpke.MLKEM768X25519PrivateKey(mlkem.MLKEM768PrivateKey.from_seed_bytes(wide[:64]), x25519.X25519PrivateKey.from_private_bytes(wide[64:]))
assert suite(hpke.KEM.MLKEM768_X25519).decrypt(read("hpke-mlkem768-x25519.sealed"), pair, b"ours") == m
assert load("ml-kem-768").decapsulate(read("ml-kem-768.ciphertext")) == read("ml-kem-768.shared")
assert AESSIV(read("aes-256-siv")).decrypt(read("aes-256-siv.sealed"), [b"context"]) == m
assert keywrap.aes_key_unwrap_with_padding(read("aes-256-kwp"), read("aes-256-kwp.wrapped")) == m + m
oaep, w = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None), read("rsa-2048.wrapped")
assert keywrap.aes_key_unwrap_with_padding(load("rsa-2048").decrypt(w[:256], oaep), w[256:]) == m + m
`
	dir := t.TempDir()
	write := func(name string, data []byte, err error) {
		t.Helper()
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"hpke-x25519", "hpke-mlkem768-x25519"} {
		material := generate(t, name)
		write(name, material, nil)
		sealed, err := parse[keytype.Opener](t, name, material).SealHPKE([]byte("ours"), []byte(message))
		write(name+".sealed", sealed, err)
	}
	for _, name := range []string{"aes-256-kwp", "rsa-2048"} {
		material := materialOf(t, parse[keytype.Key](t, name, generateFast(t, name)).Type())
		write(name, material, nil)
		wrapped, _, err := parse[keytype.Unwrapper](t, name, material).Wrap(rand.Reader, keytype.WrapDefault, []byte(message+message))
		write(name+".wrapped", wrapped, err)
	}
	material := generate(t, "ml-kem-768")
	write("ml-kem-768", material, nil)
	shared, ciphertext, err := parse[keytype.Encapsulator](t, "ml-kem-768", material).Encapsulate()
	write("ml-kem-768.shared", shared, err)
	write("ml-kem-768.ciphertext", ciphertext, nil)
	material = generate(t, "aes-256-siv")
	write("aes-256-siv", material, nil)
	sealed, err := parse[keytype.AEAD](t, "aes-256-siv", material).Seal(nil, []byte(message), []byte("context"))
	write("aes-256-siv.sealed", sealed, err)
	if out, err := exec.Command(python, "-c", script, dir).CombinedOutput(); err != nil {
		t.Errorf("pyca/cryptography refuses: %v\n%s", err, out)
	}
}
