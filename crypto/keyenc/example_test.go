package keyenc_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/vaultd/vaultd/crypto/kdf"
	"github.com/vaultd/vaultd/crypto/keyenc"
	"github.com/vaultd/vaultd/crypto/keytype"
)

func Example() {
	x25519, _ := keytype.Lookup("x25519")
	key, _ := x25519.Generate(rand.Reader) // PKCS #8 DER

	text, err := keyenc.EncryptPKCS8PEM(key, []byte("passphrase"), kdf.MinIterations, rand.Reader)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n", text[:37])

	_, err = keyenc.ParsePrivate(text, []byte("guess"))
	fmt.Println(errors.Is(err, keyenc.ErrPassphrase))

	back, err := keyenc.ParsePrivate(text, []byte("passphrase"))
	fmt.Println(bytes.Equal(back, key), err)
	// Output:
	// -----BEGIN ENCRYPTED PRIVATE KEY-----
	// true
	// true <nil>
}
