package bip39_test

import (
	"errors"
	"fmt"

	"github.com/vaultd/vaultd/crypto/bip39"
)

func Example() {
	words, err := bip39.Encode(make([]byte, 16))
	fmt.Println(string(words), err)
	_, err = bip39.Decode([]byte("abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon able"))
	fmt.Println(errors.Is(err, bip39.ErrChecksum))
	// Output:
	// abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about <nil>
	// true
}
