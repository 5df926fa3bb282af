package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/fault"
)

func Example() {
	socket, stop, err := daemon()
	if err != nil {
		log.Fatal(err)
	}
	defer stop()
	ctx := context.Background()

	// Without options, Dial finds the daemon by itself.
	vault, err := client.Dial(ctx, client.WithSocket(socket))
	if err != nil {
		log.Fatal(err)
	}
	defer vault.Close()

	_, err = vault.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: "app/orders"})
	if err != nil {
		log.Fatal(err)
	}
	orders := vault.Encrypter("app/orders")
	sealed, err := orders.Seal(ctx, []byte("2 apples"), map[string]string{"order": "17"})
	if err != nil {
		log.Fatal(err)
	}
	opened, err := orders.Open(ctx, sealed, map[string]string{"order": "17"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", opened)

	_, err = orders.Open(ctx, sealed, map[string]string{"order": "18"})
	fmt.Println(errors.Is(err, fault.ErrInvalidCiphertext))
	// Output:
	// 2 apples
	// true
}
