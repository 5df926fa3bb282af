package ffdh

import (
	"bytes"
	"encoding/hex"
	"os/exec"
	"strings"
	"testing"
)

// interopScript reads our private and public key, makes a key of its own in the
// same group, and prints its public key and the secret that it computes.
const interopScript = `
import sys
from cryptography.hazmat.primitives import serialization as s
ours_private = s.load_der_private_key(bytes.fromhex(sys.argv[1]), None)
ours = s.load_der_public_key(bytes.fromhex(sys.argv[2]))
key = ours.parameters().generate_private_key()
public = key.public_key().public_bytes(s.Encoding.DER, s.PublicFormat.SubjectPublicKeyInfo)
secret = key.exchange(ours)
assert ours_private.exchange(s.load_der_public_key(public)) == secret
print(public.hex(), secret.hex())
`

// pythons are the Python interpreters that have pyca/cryptography.
func pythons(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		path, err := exec.LookPath(name)
		if err == nil && exec.Command(path, "-c", "import cryptography").Run() == nil {
			found = append(found, path)
		}
	}
	if len(found) == 0 {
		t.Skip("no python3 with the package cryptography here; testdata/pyca.json covers the same with fixed keys")
	}
	return found
}

func TestPycaReadsOurKeysAndAgrees(t *testing.T) {
	for _, python := range pythons(t) {
		for _, g := range groups {
			short := generate(t, g)
			long, err := g.NewPrivateKey(bytes.Repeat([]byte{0x3c}, Size))
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range []*PrivateKey{short, long} {
				out, err := exec.Command(python, "-c", interopScript,
					hex.EncodeToString(k.PKCS8(PKCS3)), hex.EncodeToString(k.Public().SPKI(PKCS3))).CombinedOutput()
				if err != nil {
					t.Fatalf("%s, %s: %v\n%s", python, g, err, out)
				}
				fields := strings.Fields(string(out))
				public, err := hex.DecodeString(fields[0])
				if err != nil {
					t.Fatal(err)
				}
				peer, err := ParseSPKI(public)
				if err != nil {
					t.Fatal(err)
				}
				if secret, err := k.Agree(peer); err != nil || hex.EncodeToString(secret) != fields[1] {
					t.Errorf("%s, %s: secrets differ: %v", python, g, err)
				}
			}
		}
	}
}
