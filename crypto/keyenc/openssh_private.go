package keyenc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"
)

// maxOpenSSH bounds OpenSSH private keys, in bytes of PEM: an RSA key of 4096
// bits takes 3.4 KiB, and the checks of a longer one take time with the cube of
// its size. The library bounds the rounds of bcrypt, which the file names.
const maxOpenSSH = 12 << 10

// parseOpenSSH reads an OpenSSH private key and returns PKCS #8 DER, which the
// caller wipes. The text is one PEM block of that label.
func parseOpenSSH(text, passphrase []byte) ([]byte, error) {
	if len(text) > maxOpenSSH {
		return nil, fmt.Errorf("%w: an OpenSSH key of more than %d bytes", ErrFormat, maxOpenSSH)
	}
	key, err := ssh.ParseRawPrivateKey(text)
	var missing *ssh.PassphraseMissingError
	if errors.As(err, &missing) {
		if len(passphrase) == 0 {
			return nil, ErrEncrypted
		}
		key, err = ssh.ParseRawPrivateKeyWithPassphrase(text, passphrase)
	}
	switch {
	case errors.Is(err, x509.IncorrectPasswordError):
		return nil, ErrPassphrase
	case err != nil:
		return nil, fmt.Errorf("%w: OpenSSH private key: %w", ErrFormat, err)
	}
	if p, ok := key.(*ed25519.PrivateKey); ok {
		defer clear(*p)
		key = *p
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("%w: OpenSSH private key: %w", ErrUnsupported, err)
	}
	return der, nil
}

// EncodeOpenSSH writes a private key, given as PKCS #8 DER, as ssh-keygen does,
// encrypted (bcrypt, AES-256-CTR) unless the passphrase is empty. RSA, ECDSA and
// Ed25519 keys have such a form; others are ErrUnsupported. The caller wipes the
// result.
func EncodeOpenSSH(pkcs8, passphrase []byte, comment string) ([]byte, error) {
	key, err := parsePKCS8(pkcs8)
	if err != nil {
		return nil, err
	}
	var private crypto.PrivateKey
	switch k := key.(type) {
	case *rsa.PrivateKey, *ecdsa.PrivateKey:
		private = k
	case ed25519.PrivateKey:
		defer clear(k)
		private = &k
	default:
		return nil, errUnsupportedIn("OpenSSH", key)
	}
	var block *pem.Block
	if len(passphrase) == 0 {
		block, err = ssh.MarshalPrivateKey(private, comment)
	} else {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(private, comment, passphrase)
	}
	if err != nil {
		return nil, fmt.Errorf("%w in OpenSSH: %w", ErrUnsupported, err)
	}
	defer clear(block.Bytes)
	return pem.EncodeToMemory(block), nil
}
