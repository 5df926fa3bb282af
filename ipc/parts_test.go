package ipc_test

import (
	"errors"
	"strings"
	"testing"

	"connectrpc.com/connect"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault/fault"
)

// Parts of two bytes each, at whatever depth they are, would take fifty times their
// size once they are read.
func TestRequestsOfCountlessPartsAreNotRead(t *testing.T) {
	eachForm(t, func(t *testing.T, d *daemon, c caller) {
		ctx := t.Context()
		d.createKey(t, "root/k", "")
		pairs := make([]*vaultdv1.ContextPair, 200_000)
		for i := range pairs {
			pairs[i] = new(vaultdv1.ContextPair)
		}
		items := make([]*vaultdv1.BatchItem, 200_000)
		for i := range items {
			items[i] = new(vaultdv1.BatchItem)
		}
		_, flat := c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: "root/k", Context: pairs})
		_, deep := c.Batch(ctx, &vaultdv1.BatchRequest{Items: []*vaultdv1.BatchItem{encryptItem("root/k", "x", pairs...)}})
		_, many := c.Batch(ctx, &vaultdv1.BatchRequest{Items: items})
		_, list := c.Forget(ctx, &vaultdv1.ForgetRequest{Key: "root/k", CiphertextsBinary: make([][]byte, 200_000)})
		for what, err := range map[string]error{"context": flat, "context in a batch": deep, "items": many, "ciphertexts": list} {
			var e *fault.Error
			var over *connect.Error
			switch {
			case errors.As(err, &e) && e.Code == fault.CodeTooLarge:
			case errors.As(err, &over) && strings.Contains(over.Message(), "parts"):
			default:
				t.Errorf("%s: %v", what, err)
			}
		}
		// As many as a full batch has are read.
		items = items[:1000]
		for i := range items {
			items[i] = encryptItem("root/k", strings.Repeat("x", 100), pair("a", "1"), pair("b", "2"), pair("c", "3"))
		}
		if _, err := c.Batch(ctx, &vaultdv1.BatchRequest{Items: items}); err != nil {
			t.Errorf("a full batch: %v", err)
		}
	})
}
