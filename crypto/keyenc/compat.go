package keyenc

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/vaultd/vaultd/crypto/fernet"
	"github.com/vaultd/vaultd/crypto/kdf"
)

// Parameters of the compatibility format. They are fixed by it; the count is
// far below what is used for anything else here.
const (
	CompatIterations = 100_000
	CompatSaltSize   = 16
)

// Sizes of a Fernet token before base64, without its ciphertext.
const (
	tokenHead = 1 + 8 + aes.BlockSize
	tokenMAC  = 32
)

// CompatEncrypt encrypts a private key, given as PKCS #8 DER, in the
// compatibility format, which programs on top of pyca/cryptography make with
//
//	key = base64.urlsafe_b64encode(PBKDF2HMAC(SHA256(), 32, salt, 100000).derive(password))
//	blob = salt + Fernet(key).encrypt(private_key_pem)
//
// where private_key_pem is unencrypted PKCS #8 in PEM and salt has 16 bytes. The
// token is stamped with now. Prefer EncryptPKCS8, which costs an attacker six
// times more per guess. It returns ErrParams for an empty password.
func CompatEncrypt(pkcs8, password []byte, now time.Time, random io.Reader) ([]byte, error) {
	if len(password) == 0 {
		return nil, fmt.Errorf("%w: empty password", ErrParams)
	}
	pem, err := EncodePrivatePEM(pkcs8)
	if err != nil {
		return nil, err
	}
	defer clear(pem)
	salt := make([]byte, CompatSaltSize)
	if _, err := io.ReadFull(random, salt); err != nil {
		return nil, fmt.Errorf("read salt: %w", err)
	}
	key, err := compatKey(password, salt)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	token, err := fernet.Seal(key, now, random, pem)
	if err != nil {
		return nil, err
	}
	return append(salt, token...), nil
}

// CompatDecrypt opens what CompatEncrypt makes and returns the PKCS #8 DER,
// which the caller wipes. The age of the token is not looked at. It returns
// ErrFormat for anything that is not salt and token, ErrPassphrase when the
// token does not open (a wrong password or a changed token: the format can't
// tell), and ErrFormat when it opens to something that is not a private key.
func CompatDecrypt(blob, password []byte) ([]byte, error) {
	if len(blob) > MaxPEM || len(blob) <= CompatSaltSize {
		return nil, fmt.Errorf("%w: not a salt and a Fernet token", ErrFormat)
	}
	salt, token := blob[:CompatSaltSize], blob[CompatSaltSize:]
	if !isToken(token) {
		return nil, fmt.Errorf("%w: not a salt and a Fernet token", ErrFormat)
	}
	key, err := compatKey(password, salt)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	pem, err := fernet.Open(key, time.Time{}, 0, token)
	if errors.Is(err, fernet.ErrToken) {
		return nil, ErrPassphrase
	}
	if err != nil {
		return nil, err
	}
	defer clear(pem)
	return ParsePrivatePEM(pem)
}

func compatKey(password, salt []byte) ([]byte, error) {
	return kdf.PBKDF2(crypto.SHA256, password, salt, CompatIterations, fernet.KeySize)
}

// isToken reports whether token has the shape of a Fernet token, so that a
// damaged file is told from a wrong password before the work of deriving a key.
func isToken(token []byte) bool {
	if bytes.ContainsAny(token, "\r\n") {
		return false
	}
	raw, err := base64.URLEncoding.Strict().AppendDecode(nil, token)
	body := len(raw) - tokenHead - tokenMAC
	return err == nil && body >= aes.BlockSize && body%aes.BlockSize == 0 && raw[0] == 0x80
}
