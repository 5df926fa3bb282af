package keyenc

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"io"

	"github.com/vaultd/vaultd/crypto/kdf"
)

// Bounds on the parameters of encrypted keys that are read. They are checked
// before any work is done. Keys are written with 16 bytes of salt and
// kdf.MinIterations or more; these bounds admit the files of other programs.
const (
	MinReadIterations = 1_000 // RFC 8018, section 4.2
	MaxReadIterations = kdf.MaxIterations
	MinReadSalt       = 8 // bytes; RFC 8018, section 4.1
	MaxReadSalt       = 128
	writtenSalt       = 16
	writtenKeySize    = 32
)

// EncryptPKCS8PEM is EncryptPKCS8 in PEM.
func EncryptPKCS8PEM(pkcs8, passphrase []byte, iterations int, random io.Reader) ([]byte, error) {
	der, err := EncryptPKCS8(pkcs8, passphrase, iterations, random)
	if err != nil {
		return nil, err
	}
	return EncodePEM(LabelEncrypted, der), nil
}

// EncryptPKCS8 encrypts a private key, given as PKCS #8 DER, under a
// passphrase and returns EncryptedPrivateKeyInfo in DER: PBES2 with
// PBKDF2-HMAC-SHA-256 and AES-256-CBC (RFC 8018). It returns ErrParams for an
// empty passphrase and for iterations outside kdf.MinIterations to
// kdf.MaxIterations, and ErrFormat when pkcs8 is not a key.
func EncryptPKCS8(pkcs8, passphrase []byte, iterations int, random io.Reader) ([]byte, error) {
	if len(passphrase) == 0 {
		return nil, fmt.Errorf("%w: empty passphrase", ErrParams)
	}
	if iterations < kdf.MinIterations || iterations > kdf.MaxIterations {
		return nil, fmt.Errorf("%w: %d iterations are not within %d to %d",
			ErrParams, iterations, kdf.MinIterations, kdf.MaxIterations)
	}
	if err := checkPKCS8(pkcs8); err != nil {
		return nil, err
	}
	var seed [writtenSalt + aes.BlockSize]byte
	if _, err := io.ReadFull(random, seed[:]); err != nil {
		return nil, fmt.Errorf("read salt and initialisation vector: %w", err)
	}
	e := encryptedKey{
		prf:        crypto.SHA256,
		keySize:    writtenKeySize,
		salt:       seed[:writtenSalt],
		iterations: iterations,
		iv:         seed[writtenSalt:],
	}
	block, err := e.cipher(passphrase)
	if err != nil {
		return nil, err
	}
	padding := aes.BlockSize - len(pkcs8)%aes.BlockSize
	e.ciphertext = make([]byte, len(pkcs8)+padding)
	for i := copy(e.ciphertext, pkcs8); i < len(e.ciphertext); i++ {
		e.ciphertext[i] = byte(padding)
	}
	cipher.NewCBCEncrypter(block, e.iv).CryptBlocks(e.ciphertext, e.ciphertext)
	return e.marshal(), nil
}

// DecryptPKCS8PEM is DecryptPKCS8 for PEM.
func DecryptPKCS8PEM(text, passphrase []byte) ([]byte, error) {
	label, der, err := DecodePEM(text)
	if err != nil {
		return nil, err
	}
	defer clear(der)
	if label != LabelEncrypted {
		return nil, wrongLabel(label, LabelEncrypted)
	}
	return DecryptPKCS8(der, passphrase)
}

// DecryptPKCS8 opens EncryptedPrivateKeyInfo in DER and returns the PKCS #8 DER
// inside, which the caller wipes. It reads PBES2 with PBKDF2 (HMAC with SHA-1,
// SHA-256, SHA-384 or SHA-512) and AES-CBC, and returns ErrUnsupported for
// other algorithms, ErrParams for iterations or salts out of bounds,
// ErrFormat for anything that is not such a structure, and ErrPassphrase when
// what comes out is not a key.
func DecryptPKCS8(der, passphrase []byte) ([]byte, error) {
	e, err := parseEncrypted(der)
	if err != nil {
		return nil, err
	}
	block, err := e.cipher(passphrase)
	if err != nil {
		return nil, err
	}
	plain := make([]byte, len(e.ciphertext))
	cipher.NewCBCDecrypter(block, e.iv).CryptBlocks(plain, e.ciphertext)
	padding := int(plain[len(plain)-1])
	body := plain[:len(plain)-min(padding, aes.BlockSize)]
	// A wrong key passes the padding by chance once in 256 times, and the
	// structure of a key practically never.
	if padding == 0 || padding > aes.BlockSize ||
		!bytes.Equal(plain[len(body):], bytes.Repeat([]byte{byte(padding)}, padding)) ||
		checkPKCS8(body) != nil {
		clear(plain)
		return nil, ErrPassphrase
	}
	return body, nil
}

// encryptedKey is an EncryptedPrivateKeyInfo with PBES2.
type encryptedKey struct {
	prf        crypto.Hash
	keySize    int // of AES
	salt       []byte
	iterations int
	iv         []byte
	ciphertext []byte
}

// cipher derives the key and makes AES with it.
func (e *encryptedKey) cipher(passphrase []byte) (cipher.Block, error) {
	key, err := kdf.PBKDF2(e.prf, passphrase, e.salt, e.iterations, e.keySize)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	return aes.NewCipher(key)
}
