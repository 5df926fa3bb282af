package ipc_test

import (
	"bytes"
	"testing"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/fault"
)

// What can be encrypted can be decrypted: a ciphertext that would fit no
// request is not made.
func TestWhatIsEncryptedCanBeDecrypted(t *testing.T) {
	d := start(t)
	c := d.dial(t)
	for _, k := range []struct {
		kind    string
		binary  bool
		largest int // bytes
		step    int
	}{
		{"xaes-256-gcm", true, 1<<20 - 128, 2},
		{"fernet", false, 3<<18 - 512, 16},
	} {
		name := "root/" + k.kind
		if _, err := c.CreateKey(t.Context(), &vaultdv1.CreateKeyRequest{Name: name, Type: k.kind}); err != nil {
			t.Fatal(err)
		}
		plaintext := bytes.Repeat([]byte("x"), k.largest)
		if err := thereAndBack(t, c, name, plaintext, k.binary); err != nil {
			t.Errorf("%s, %d bytes: %v", k.kind, len(plaintext), err)
		}
		// Near the limit either both work, or the first says that it doesn't.
		refused := 0
		for range 32 {
			plaintext = append(plaintext, make([]byte, k.step)...)
			if err := thereAndBack(t, c, name, plaintext, k.binary); err != nil {
				wantCode(t, k.kind, err, fault.CodeTooLarge)
				refused++
			}
		}
		if refused == 0 {
			t.Errorf("%s: %d bytes were encrypted", k.kind, len(plaintext))
		}
	}
}

// thereAndBack returns the error of encrypting; decrypting must succeed.
func thereAndBack(t *testing.T, c *client.Client, key string, plaintext []byte, binary bool) error {
	t.Helper()
	sealed, err := c.Encrypt(t.Context(), &vaultdv1.EncryptRequest{Key: key, Plaintext: plaintext, Binary: binary})
	if err != nil {
		return err
	}
	opened, err := c.Decrypt(t.Context(), &vaultdv1.DecryptRequest{
		Key: key, Ciphertext: sealed.GetCiphertext(), CiphertextBinary: sealed.GetCiphertextBinary(),
	})
	if err != nil {
		t.Errorf("%d bytes were encrypted, but not decrypted: %v", len(plaintext), err)
	} else if !bytes.Equal(opened.GetPlaintext(), plaintext) {
		t.Error("something else came back")
	}
	return nil
}
