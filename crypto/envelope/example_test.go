package envelope_test

import (
	"crypto/rand"
	"fmt"

	"github.com/vaultd/vaultd/crypto/envelope"
	"github.com/vaultd/vaultd/crypto/keytype"
)

func Example() {
	kind, _ := keytype.Lookup("xaes-256-gcm")
	material, err := kind.Generate(rand.Reader)
	if err != nil {
		panic(err)
	}
	key, err := kind.Parse(material)
	if err != nil {
		panic(err)
	}
	aead := key.(keytype.AEAD)
	context, err := envelope.ParseContext("tenant=42", "purpose=session")
	if err != nil {
		panic(err)
	}

	id := [16]byte{0xca, 0xfe} // random, in earnest
	binary, err := envelope.Seal(nil, aead, envelope.Header{Type: kind.ID, KeyID: id, Version: 1}, context.Canonical(), []byte("hello"))
	if err != nil {
		panic(err)
	}
	text := envelope.EncodeText(nil, binary)
	fmt.Printf("%.36s…\n", text)

	binary, err = envelope.DecodeText(nil, text)
	if err != nil {
		panic(err)
	}
	header, _, err := envelope.Parse(binary) // says which key to ask for
	if err != nil {
		panic(err)
	}
	plaintext, err := envelope.Open(nil, aead, binary, context.Canonical())
	fmt.Println(header.Version, string(plaintext), err)
	// Output:
	// vd1:dtEAA8r-AAAAAAAAAAAAAAAAAAAAAAAB…
	// 1 hello <nil>
}
