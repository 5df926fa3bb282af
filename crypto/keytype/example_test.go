package keytype_test

import (
	"crypto/rand"
	"fmt"

	"github.com/vaultd/vaultd/crypto/keytype"
)

func Example() {
	kind, ok := keytype.Lookup("xaes-256-gcm")
	if !ok {
		panic("no such type")
	}
	material, err := kind.Generate(rand.Reader)
	if err != nil {
		panic(err)
	}
	key, err := kind.Parse(material)
	clear(material)
	if err != nil {
		panic(err)
	}
	defer key.Wipe()

	// The uses of a type say which interfaces its keys implement.
	aead := key.(keytype.AEAD)
	sealed, err := aead.Seal(nil, []byte("hello"), []byte("context"))
	if err != nil {
		panic(err)
	}
	plaintext, err := aead.Open(nil, sealed, []byte("context"))
	fmt.Println(string(plaintext), err)
	// Output: hello <nil>
}

func ExampleParsePublic() {
	kind, _ := keytype.Lookup("ed25519")
	material, err := kind.Generate(rand.Reader)
	if err != nil {
		panic(err)
	}
	key, err := kind.Parse(material)
	if err != nil {
		panic(err)
	}
	signature, err := key.(keytype.Signer).Sign(rand.Reader, []byte("hello"), keytype.SignOptions{})
	if err != nil {
		panic(err)
	}

	// Somebody else has the public key only.
	public, err := keytype.ParsePublic(key.Public())
	if err != nil {
		panic(err)
	}
	verifier := public.(keytype.Verifier)
	fmt.Println(public.Type().Name, verifier.Verify([]byte("hello"), signature, keytype.SignOptions{}))
	// Output: ed25519 <nil>
}
