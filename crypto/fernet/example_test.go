package fernet_test

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/vaultd/vaultd/crypto/fernet"
)

func Example() {
	raw, err := fernet.DecodeKey([]byte("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="))
	if err != nil {
		panic(err)
	}
	key, err := fernet.NewKey(raw)
	if err != nil {
		panic(err)
	}
	defer key.Wipe()

	token, err := key.Seal(nil, time.Now(), rand.Reader, []byte("hello"))
	if err != nil {
		panic(err)
	}
	plaintext, err := key.Open(nil, time.Now(), time.Hour, token)
	fmt.Println(string(plaintext), err)
	// Output: hello <nil>
}
