package xaes_test

import (
	"crypto/rand"
	"fmt"

	"github.com/vaultd/vaultd/crypto/xaes"
)

func Example() {
	key := make([]byte, xaes.KeySize)
	rand.Read(key)
	c, err := xaes.New(key)
	if err != nil {
		panic(err)
	}

	nonce := make([]byte, xaes.NonceSize)
	rand.Read(nonce) // random nonces never run out
	sealed := c.Seal(nil, nonce, []byte("hello"), []byte("context"))

	plaintext, err := c.Open(nil, nonce, sealed, []byte("context"))
	fmt.Println(string(plaintext), err)
	// Output: hello <nil>
}
