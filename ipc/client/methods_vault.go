package client

import (
	"context"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
)

// Status tells how the vault is. Everybody may ask.
func (c *Client) Status(ctx context.Context, req *vaultdv1.StatusRequest) (*vaultdv1.StatusResponse, error) {
	resp := new(vaultdv1.StatusResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_STATUS, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Init makes a new vault and leaves it unsealed.
func (c *Client) Init(ctx context.Context, req *vaultdv1.InitRequest) (*vaultdv1.InitResponse, error) {
	resp := new(vaultdv1.InitResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_INIT, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Unseal opens the vault with a password, or the secret of another key slot.
func (c *Client) Unseal(ctx context.Context, req *vaultdv1.UnsealRequest) (*vaultdv1.UnsealResponse, error) {
	resp := new(vaultdv1.UnsealResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_UNSEAL, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Seal wipes every key from memory and closes the store.
func (c *Client) Seal(ctx context.Context, req *vaultdv1.SealRequest) (*vaultdv1.SealResponse, error) {
	resp := new(vaultdv1.SealResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_SEAL, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ChangePassword replaces the password; no data is rewritten.
func (c *Client) ChangePassword(ctx context.Context, req *vaultdv1.ChangePasswordRequest) (*vaultdv1.ChangePasswordResponse, error) {
	resp := new(vaultdv1.ChangePasswordResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_CHANGE_PASSWORD, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// AddSlot adds a way to open the vault; it takes the secret of one that there is.
func (c *Client) AddSlot(ctx context.Context, req *vaultdv1.AddSlotRequest) (*vaultdv1.AddSlotResponse, error) {
	resp := new(vaultdv1.AddSlotResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_ADD_SLOT, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ListSlots lists the ways to open the vault, sealed or not.
func (c *Client) ListSlots(ctx context.Context, req *vaultdv1.ListSlotsRequest) (*vaultdv1.ListSlotsResponse, error) {
	resp := new(vaultdv1.ListSlotsResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_LIST_SLOTS, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// RemoveSlot removes a way to open the vault; it takes the secret of another.
func (c *Client) RemoveSlot(ctx context.Context, req *vaultdv1.RemoveSlotRequest) (*vaultdv1.RemoveSlotResponse, error) {
	resp := new(vaultdv1.RemoveSlotResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_REMOVE_SLOT, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// EnterShare gives one share of a set; the one that completes it unseals the vault.
func (c *Client) EnterShare(ctx context.Context, req *vaultdv1.EnterShareRequest) (*vaultdv1.EnterShareResponse, error) {
	resp := new(vaultdv1.EnterShareResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_ENTER_SHARE, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ResetShares has the daemon forget the shares that were entered.
func (c *Client) ResetShares(ctx context.Context, req *vaultdv1.ResetSharesRequest) (*vaultdv1.ResetSharesResponse, error) {
	resp := new(vaultdv1.ResetSharesResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_RESET_SHARES, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Scrub rewrites the store, so that nothing destroyed is left in its files.
func (c *Client) Scrub(ctx context.Context, req *vaultdv1.ScrubRequest) (*vaultdv1.ScrubResponse, error) {
	resp := new(vaultdv1.ScrubResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_SCRUB, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// BeginBackup begins a backup; ReadBackup gives it, on the same connection.
func (c *Client) BeginBackup(ctx context.Context, req *vaultdv1.BeginBackupRequest) (*vaultdv1.BeginBackupResponse, error) {
	resp := new(vaultdv1.BeginBackupResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_BEGIN_BACKUP, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ReadBackup reads the next part of a backup.
func (c *Client) ReadBackup(ctx context.Context, req *vaultdv1.ReadBackupRequest) (*vaultdv1.ReadBackupResponse, error) {
	resp := new(vaultdv1.ReadBackupResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_READ_BACKUP, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Check verifies the vault while it is used, some more with each call.
func (c *Client) Check(ctx context.Context, req *vaultdv1.CheckRequest) (*vaultdv1.CheckResponse, error) {
	resp := new(vaultdv1.CheckResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_CHECK, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ListBackups lists the backups that the vault remembers having made.
func (c *Client) ListBackups(ctx context.Context, req *vaultdv1.ListBackupsRequest) (*vaultdv1.ListBackupsResponse, error) {
	resp := new(vaultdv1.ListBackupsResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_LIST_BACKUPS, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}
