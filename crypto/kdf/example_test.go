package kdf_test

import (
	"crypto"
	"fmt"

	"github.com/vaultd/vaultd/crypto/kdf"
)

func ExampleDerive() {
	// Parameters from a file are checked before any work is done.
	_, err := kdf.Derive([]byte("password"), kdf.Params{Salt: make([]byte, 16), Iterations: 1000})
	fmt.Println(err)
	// Output: password hashing parameters out of range: 1000 iterations are not within 600000 to 10000000
}

func ExampleHKDF() {
	key, err := kdf.HKDF(crypto.SHA256, []byte("shared secret"), nil, []byte("session key"), 32)
	fmt.Println(len(key), err)
	// Output: 32 <nil>
}
