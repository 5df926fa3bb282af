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
	defer c.Wipe()

	sealed := c.SealRandom(nil, []byte("hello"), []byte("context")) // random nonces never run out

	nonce, message := sealed[:xaes.NonceSize], sealed[xaes.NonceSize:]
	plaintext, err := c.Open(nil, nonce, message, []byte("context"))
	fmt.Println(string(plaintext), err)
	// Output: hello <nil>
}
