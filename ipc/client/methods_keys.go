package client

import (
	"context"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
)

// CreateKey generates a key.
func (c *Client) CreateKey(ctx context.Context, req *vaultdv1.CreateKeyRequest) (*vaultdv1.CreateKeyResponse, error) {
	resp := new(vaultdv1.CreateKeyResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_CREATE_KEY, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ShowKey tells everything about a key but its material.
func (c *Client) ShowKey(ctx context.Context, req *vaultdv1.ShowKeyRequest) (*vaultdv1.ShowKeyResponse, error) {
	resp := new(vaultdv1.ShowKeyResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_SHOW_KEY, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ListKeys lists one page of keys, by owner and name. A listed key shows its newest version only.
func (c *Client) ListKeys(ctx context.Context, req *vaultdv1.ListKeysRequest) (*vaultdv1.ListKeysResponse, error) {
	resp := new(vaultdv1.ListKeysResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_LIST_KEYS, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// PublicKey is the public half of a key.
func (c *Client) PublicKey(ctx context.Context, req *vaultdv1.PublicKeyRequest) (*vaultdv1.PublicKeyResponse, error) {
	resp := new(vaultdv1.PublicKeyResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_PUBLIC_KEY, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// RotateKey generates a new version of a key; older ones still open what they sealed.
func (c *Client) RotateKey(ctx context.Context, req *vaultdv1.RotateKeyRequest) (*vaultdv1.RotateKeyResponse, error) {
	resp := new(vaultdv1.RotateKeyResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_ROTATE_KEY, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ImportKey stores key material from elsewhere.
func (c *Client) ImportKey(ctx context.Context, req *vaultdv1.ImportKeyRequest) (*vaultdv1.ImportKeyResponse, error) {
	resp := new(vaultdv1.ImportKeyResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_IMPORT_KEY, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ExportKey hands out private material of a key that was made exportable.
func (c *Client) ExportKey(ctx context.Context, req *vaultdv1.ExportKeyRequest) (*vaultdv1.ExportKeyResponse, error) {
	resp := new(vaultdv1.ExportKeyResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_EXPORT_KEY, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// DestroyKey destroys one version of a key or all of them, for ever.
func (c *Client) DestroyKey(ctx context.Context, req *vaultdv1.DestroyKeyRequest) (*vaultdv1.DestroyKeyResponse, error) {
	resp := new(vaultdv1.DestroyKeyResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_DESTROY_KEY, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// RevokeKey refuses every use of a key from now on.
func (c *Client) RevokeKey(ctx context.Context, req *vaultdv1.RevokeKeyRequest) (*vaultdv1.RevokeKeyResponse, error) {
	resp := new(vaultdv1.RevokeKeyResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_REVOKE_KEY, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// SuspendKey pauses a key: it protects nothing until it is resumed.
func (c *Client) SuspendKey(ctx context.Context, req *vaultdv1.SuspendKeyRequest) (*vaultdv1.SuspendKeyResponse, error) {
	resp := new(vaultdv1.SuspendKeyResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_SUSPEND_KEY, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ResumeKey ends a suspension.
func (c *Client) ResumeKey(ctx context.Context, req *vaultdv1.ResumeKeyRequest) (*vaultdv1.ResumeKeyResponse, error) {
	resp := new(vaultdv1.ResumeKeyResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_RESUME_KEY, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// UpdateKey changes the periods of a version and the labels of its key.
func (c *Client) UpdateKey(ctx context.Context, req *vaultdv1.UpdateKeyRequest) (*vaultdv1.UpdateKeyResponse, error) {
	resp := new(vaultdv1.UpdateKeyResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_UPDATE_KEY, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// CancelDestruction calls off a destruction that was set, and leaves the key suspended.
func (c *Client) CancelDestruction(ctx context.Context, req *vaultdv1.CancelDestructionRequest) (*vaultdv1.CancelDestructionResponse, error) {
	resp := new(vaultdv1.CancelDestructionResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_CANCEL_DESTRUCTION, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// TrimKey destroys the versions below min_decrypt_version for good.
func (c *Client) TrimKey(ctx context.Context, req *vaultdv1.TrimKeyRequest) (*vaultdv1.TrimKeyResponse, error) {
	resp := new(vaultdv1.TrimKeyResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_TRIM_KEY, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// KeyStates is the table that decides what can be done with a key. Everybody may ask.
func (c *Client) KeyStates(ctx context.Context, req *vaultdv1.KeyStatesRequest) (*vaultdv1.KeyStatesResponse, error) {
	resp := new(vaultdv1.KeyStatesResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_KEY_STATES, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Forget drops the registration of ciphertexts that are not needed any more.
func (c *Client) Forget(ctx context.Context, req *vaultdv1.ForgetRequest) (*vaultdv1.ForgetResponse, error) {
	resp := new(vaultdv1.ForgetResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_FORGET, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// KeyCensus tells how many registered ciphertexts need which version of a key.
func (c *Client) KeyCensus(ctx context.Context, req *vaultdv1.KeyCensusRequest) (*vaultdv1.KeyCensusResponse, error) {
	resp := new(vaultdv1.KeyCensusResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_KEY_CENSUS, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// SetAlias makes an alias of a key, or moves it to another key in one step.
func (c *Client) SetAlias(ctx context.Context, req *vaultdv1.SetAliasRequest) (*vaultdv1.SetAliasResponse, error) {
	resp := new(vaultdv1.SetAliasResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_SET_ALIAS, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ListAliases lists one page of aliases.
func (c *Client) ListAliases(ctx context.Context, req *vaultdv1.ListAliasesRequest) (*vaultdv1.ListAliasesResponse, error) {
	resp := new(vaultdv1.ListAliasesResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_LIST_ALIASES, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// RemoveAlias removes an alias and leaves its key as it is.
func (c *Client) RemoveAlias(ctx context.Context, req *vaultdv1.RemoveAliasRequest) (*vaultdv1.RemoveAliasResponse, error) {
	resp := new(vaultdv1.RemoveAliasResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_REMOVE_ALIAS, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ReadEvents reads what happened to the keys that the caller may show, and waits
// for it if asked.
func (c *Client) ReadEvents(ctx context.Context, req *vaultdv1.ReadEventsRequest) (*vaultdv1.ReadEventsResponse, error) {
	resp := new(vaultdv1.ReadEventsResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_READ_EVENTS, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// CreateCSR makes a request for a certificate that a key signs.
func (c *Client) CreateCSR(ctx context.Context, req *vaultdv1.CreateCSRRequest) (*vaultdv1.CreateCSRResponse, error) {
	resp := new(vaultdv1.CreateCSRResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_CREATE_CSR, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// CreateCertificate makes a certificate that a key signs for itself.
func (c *Client) CreateCertificate(ctx context.Context, req *vaultdv1.CreateCertificateRequest) (*vaultdv1.CreateCertificateResponse, error) {
	resp := new(vaultdv1.CreateCertificateResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_CREATE_CERTIFICATE, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// WrapKey encrypts an exportable key under another one.
func (c *Client) WrapKey(ctx context.Context, req *vaultdv1.WrapKeyRequest) (*vaultdv1.WrapKeyResponse, error) {
	resp := new(vaultdv1.WrapKeyResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_WRAP_KEY, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// UnwrapKey makes a key of a wrapped one, without showing it.
func (c *Client) UnwrapKey(ctx context.Context, req *vaultdv1.UnwrapKeyRequest) (*vaultdv1.UnwrapKeyResponse, error) {
	resp := new(vaultdv1.UnwrapKeyResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_UNWRAP_KEY, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}
