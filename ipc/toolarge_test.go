package ipc_test

import (
	"errors"
	"testing"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault/fault"
)

// The daemon refuses such a request without reading it to its end; the client
// hears why all the same, on a fresh connection and on a used one.
func TestClientHearsThatARequestIsTooLarge(t *testing.T) {
	d := start(t)
	c := d.dial(t)
	if _, err := c.CreateKey(t.Context(), &vaultdv1.CreateKeyRequest{Name: "root/k"}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_, err := c.Encrypt(t.Context(), &vaultdv1.EncryptRequest{Key: "root/k", Plaintext: make([]byte, 3<<20)})
		if !errors.Is(err, &fault.Error{Code: fault.CodeTooLarge}) {
			t.Fatalf("got %v, want too_large", err)
		}
		if _, err := c.Status(t.Context(), &vaultdv1.StatusRequest{}); err != nil {
			t.Fatalf("the call after it: %v", err)
		}
	}
}
