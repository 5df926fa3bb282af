package keyenc

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/ssh"
)

// maxComment is the longest comment of an OpenSSH public key, in bytes.
const maxComment = 256

// AuthorizedKey writes the public key, given as SubjectPublicKeyInfo DER, as
// one line of OpenSSH's authorized_keys, which is also its .pub file. RSA,
// ECDSA and Ed25519 keys have such a form; others are ErrUnsupported. The comment
// may be empty; it is ErrFormat if it would break the line or is longer
// than 256 bytes.
func AuthorizedKey(spki []byte, comment string) ([]byte, error) {
	if len(comment) > maxComment || !utf8.ValidString(comment) || strings.ContainsFunc(comment, unicode.IsControl) {
		return nil, fmt.Errorf("%w: comment of a public key", ErrFormat)
	}
	if err := checkSPKI(spki); err != nil {
		return nil, err
	}
	public, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return nil, fmt.Errorf("%w in OpenSSH: %w", ErrUnsupported, err)
	}
	switch public.(type) {
	case *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey:
	default:
		return nil, fmt.Errorf("%w in OpenSSH: %T", ErrUnsupported, public)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("%w in OpenSSH: %w", ErrUnsupported, err)
	}
	line := bytes.TrimSuffix(ssh.MarshalAuthorizedKey(key), []byte("\n"))
	if comment != "" {
		line = append(append(line, ' '), comment...)
	}
	return append(line, '\n'), nil
}
