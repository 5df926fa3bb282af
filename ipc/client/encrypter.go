package client

import (
	"context"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
)

// Encrypter seals and opens under one key of the vault, much as a cipher.AEAD
// does, but for the nonce, which is the vault's affair, and the associated
// data, which is a context of names and values.
type Encrypter struct {
	client *Client
	key    string
}

// Encrypter makes an encrypter of the key with that name. It asks nothing of
// the daemon yet.
func (c *Client) Encrypter(key string) *Encrypter { return &Encrypter{client: c, key: key} }

// Seal encrypts plaintext under the key's newest version and binds it to the
// context, which may be nil. A key that requires the caller's own uid, user or
// unit has them put in by the daemon; to bind them under any key, use
// [Client.Encrypt] with a pair that is FromPeer. The result names key and version by itself, so
// that a rotation strands nothing.
func (e *Encrypter) Seal(ctx context.Context, plaintext []byte, context map[string]string) ([]byte, error) {
	resp, err := e.client.Encrypt(ctx, &vaultdv1.EncryptRequest{
		Key: e.key, Plaintext: plaintext, Context: pairs(context), Binary: true,
	})
	if err != nil {
		return nil, err
	}
	return resp.GetCiphertextBinary(), nil
}

// Open decrypts what Seal made with the same context. It returns
// invalid_ciphertext for anything that was changed, and for another context.
func (e *Encrypter) Open(ctx context.Context, ciphertext []byte, context map[string]string) ([]byte, error) {
	resp, err := e.client.Decrypt(ctx, &vaultdv1.DecryptRequest{
		Key: e.key, CiphertextBinary: ciphertext, Context: pairs(context),
	})
	if err != nil {
		return nil, err
	}
	return resp.GetPlaintext(), nil
}

func pairs(context map[string]string) []*vaultdv1.ContextPair {
	var list []*vaultdv1.ContextPair
	for name, value := range context {
		list = append(list, &vaultdv1.ContextPair{Name: name, Value: value})
	}
	return list
}
