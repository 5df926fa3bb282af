package vault_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/vaultd/vaultd/crypto/envelope"
	"github.com/vaultd/vaultd/vault"
)

func Example() {
	dir, err := os.MkdirTemp("", "vault-example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	v, err := vault.New(vault.Options{Dir: filepath.Join(dir, "vault"), AnchorPath: filepath.Join(dir, "anchor")})
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	ctx := context.Background()
	if _, err := v.Init(ctx, []byte("correct horse battery staple"), 600_000); err != nil {
		log.Fatal(err)
	}
	name, err := vault.ParseName("alice/data")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := v.CreateKey(ctx, vault.CreateKey{Name: name}); err != nil {
		log.Fatal(err)
	}
	bound, err := envelope.ParseContext("table=users", "row=7")
	if err != nil {
		log.Fatal(err)
	}
	ciphertext, _, err := v.Encrypt(vault.Encrypt{Key: name, Plaintext: []byte("attack at dawn"), Context: bound}, nil)
	if err != nil {
		log.Fatal(err)
	}
	// The ciphertext names its key by itself.
	plaintext, by, err := v.Decrypt(vault.Decrypt{Ciphertext: ciphertext, Context: bound}, nil)
	fmt.Printf("%s, by version %d of %s, %v\n", plaintext, by.Version, by.Key, err)
	if err := v.Seal(); err != nil {
		log.Fatal(err)
	}
	_, _, err = v.Decrypt(vault.Decrypt{Ciphertext: ciphertext, Context: bound}, nil)
	fmt.Println(err)
	// Output:
	// attack at dawn, by version 1 of alice/data, <nil>
	// the vault is sealed; run 'vaultctl unseal'
}
