package client

import (
	"context"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
)

// Encrypt seals a message under a key and binds it to a context.
func (c *Client) Encrypt(ctx context.Context, req *vaultdv1.EncryptRequest) (*vaultdv1.EncryptResponse, error) {
	resp := new(vaultdv1.EncryptResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_ENCRYPT, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Decrypt opens what Encrypt made.
func (c *Client) Decrypt(ctx context.Context, req *vaultdv1.DecryptRequest) (*vaultdv1.DecryptResponse, error) {
	resp := new(vaultdv1.DecryptResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_DECRYPT, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Sign signs a message or a digest.
func (c *Client) Sign(ctx context.Context, req *vaultdv1.SignRequest) (*vaultdv1.SignResponse, error) {
	resp := new(vaultdv1.SignResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_SIGN, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Verify checks a signature. A wrong one is an answer, not an error.
func (c *Client) Verify(ctx context.Context, req *vaultdv1.VerifyRequest) (*vaultdv1.VerifyResponse, error) {
	resp := new(vaultdv1.VerifyResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_VERIFY, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// MAC authenticates a message.
func (c *Client) MAC(ctx context.Context, req *vaultdv1.MACRequest) (*vaultdv1.MACResponse, error) {
	resp := new(vaultdv1.MACResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_MAC, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// VerifyMAC checks a MAC. A wrong one is an answer, not an error.
func (c *Client) VerifyMAC(ctx context.Context, req *vaultdv1.VerifyMACRequest) (*vaultdv1.VerifyMACResponse, error) {
	resp := new(vaultdv1.VerifyMACResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_VERIFY_MAC, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Agree runs a key agreement and derives bytes from the shared secret.
func (c *Client) Agree(ctx context.Context, req *vaultdv1.AgreeRequest) (*vaultdv1.AgreeResponse, error) {
	resp := new(vaultdv1.AgreeResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_AGREE, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Rewrap encrypts anew what a ciphertext holds, without showing it.
func (c *Client) Rewrap(ctx context.Context, req *vaultdv1.RewrapRequest) (*vaultdv1.RewrapResponse, error) {
	resp := new(vaultdv1.RewrapResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_REWRAP, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// GenerateDataKey makes a key for use outside the vault, wrapped under one of the vault.
func (c *Client) GenerateDataKey(ctx context.Context, req *vaultdv1.GenerateDataKeyRequest) (*vaultdv1.GenerateDataKeyResponse, error) {
	resp := new(vaultdv1.GenerateDataKeyResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_GENERATE_DATA_KEY, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Random gives random bytes.
func (c *Client) Random(ctx context.Context, req *vaultdv1.RandomRequest) (*vaultdv1.RandomResponse, error) {
	resp := new(vaultdv1.RandomResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_RANDOM, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Derive derives bytes from a derivation key (HKDF, RFC 5869): the same ones for the same request.
func (c *Client) Derive(ctx context.Context, req *vaultdv1.DeriveRequest) (*vaultdv1.DeriveResponse, error) {
	resp := new(vaultdv1.DeriveResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_DERIVE, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Batch performs several requests. Each has a result or an error of its own, in
// order; the error of the call is about the batch as a whole.
func (c *Client) Batch(ctx context.Context, req *vaultdv1.BatchRequest) (*vaultdv1.BatchResponse, error) {
	resp := new(vaultdv1.BatchResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_BATCH, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Encapsulate makes a shared key for the holder of an ML-KEM key and derives from it. The
// caller wipes the output.
func (c *Client) Encapsulate(ctx context.Context, req *vaultdv1.EncapsulateRequest) (*vaultdv1.EncapsulateResponse, error) {
	resp := new(vaultdv1.EncapsulateResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_ENCAPSULATE, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Decapsulate derives the output of an encapsulation again. The caller wipes it.
func (c *Client) Decapsulate(ctx context.Context, req *vaultdv1.DecapsulateRequest) (*vaultdv1.DecapsulateResponse, error) {
	resp := new(vaultdv1.DecapsulateResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_DECAPSULATE, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}
