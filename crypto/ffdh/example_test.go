package ffdh_test

import (
	"bytes"
	"crypto/rand"
	"fmt"

	"github.com/vaultd/vaultd/crypto/ffdh"
)

func Example() {
	group := ffdh.FFDHE2048()
	alice, _ := group.GenerateKey(rand.Reader)
	bob, _ := group.GenerateKey(rand.Reader)

	// Public keys travel as SubjectPublicKeyInfo; reading one validates it.
	fromBob, err := ffdh.ParseSPKI(bob.Public().SPKI(ffdh.PKCS3))
	if err != nil {
		fmt.Println(err)
		return
	}
	a, _ := alice.Agree(fromBob)
	b, _ := bob.Agree(alice.Public())
	fmt.Println(len(a), bytes.Equal(a, b))
	// Output: 256 true
}
