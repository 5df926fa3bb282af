package keytype

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
)

// fingerprintPrefix names the hash in a printed fingerprint, as OpenSSH does.
const fingerprintPrefix = "SHA256:"

// fingerprintLabel separates fingerprints of symmetric keys from every other
// use of SHA-256 over key material.
const fingerprintLabel = "vaultd/1/fingerprint"

// FormatFingerprint prints a fingerprint as users see it: "SHA256:" and the
// unpadded standard base64 of the hash, the form of ssh-keygen -l.
func FormatFingerprint(f [32]byte) string {
	return fingerprintPrefix + base64.RawStdEncoding.EncodeToString(f[:])
}

// ParseFingerprint reads what FormatFingerprint prints, and nothing else: one
// fingerprint has exactly one spelling.
func ParseFingerprint(s string) (f [32]byte, err error) {
	encoded, ok := strings.CutPrefix(s, fingerprintPrefix)
	if !ok || len(encoded) != base64.RawStdEncoding.EncodedLen(len(f)) || strings.ContainsAny(encoded, "\r\n") {
		return f, fmt.Errorf("fingerprint %.80q is not of the form SHA256:<43 characters of base64>", s)
	}
	if _, err := base64.RawStdEncoding.Strict().Decode(f[:], []byte(encoded)); err != nil {
		return [32]byte{}, fmt.Errorf("fingerprint %.80q is not base64: %w", s, err)
	}
	return f, nil
}

// publicFingerprint is SHA-256 over a SubjectPublicKeyInfo.
func publicFingerprint(spki []byte) [32]byte { return sha256.Sum256(spki) }

// symmetricFingerprint is SHA-256 over a label, the type's name and the
// material, separated by zero bytes. Label and names hold no zero byte, so
// that no two inputs can be confused. The material has at least 128 bits of
// entropy, so that the hash tells nothing about it.
func symmetricFingerprint(t *Type, material []byte) (f [32]byte) {
	h := sha256.New()
	h.Write([]byte(fingerprintLabel))
	h.Write([]byte{0})
	h.Write([]byte(t.Name))
	h.Write([]byte{0})
	h.Write(material)
	h.Sum(f[:0])
	return f
}
