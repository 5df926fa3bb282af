package client

import (
	"context"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
)

// OfferExchange begins a key exchange: its message is for the peer.
func (c *Client) OfferExchange(ctx context.Context, req *vaultdv1.OfferExchangeRequest) (*vaultdv1.OfferExchangeResponse, error) {
	resp := new(vaultdv1.OfferExchangeResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_OFFER_EXCHANGE, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// AcceptExchange answers a peer's offer.
func (c *Client) AcceptExchange(ctx context.Context, req *vaultdv1.AcceptExchangeRequest) (*vaultdv1.AcceptExchangeResponse, error) {
	resp := new(vaultdv1.AcceptExchangeResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_ACCEPT_EXCHANGE, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// FinishExchange takes the next message of an exchange, and stores the session key when it was the last.
func (c *Client) FinishExchange(ctx context.Context, req *vaultdv1.FinishExchangeRequest) (*vaultdv1.FinishExchangeResponse, error) {
	resp := new(vaultdv1.FinishExchangeResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_FINISH_EXCHANGE, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// CreateOwner makes a namespace for something that is no OS user.
func (c *Client) CreateOwner(ctx context.Context, req *vaultdv1.CreateOwnerRequest) (*vaultdv1.CreateOwnerResponse, error) {
	resp := new(vaultdv1.CreateOwnerResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_CREATE_OWNER, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ShowOwner describes an owner.
func (c *Client) ShowOwner(ctx context.Context, req *vaultdv1.ShowOwnerRequest) (*vaultdv1.ShowOwnerResponse, error) {
	resp := new(vaultdv1.ShowOwnerResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_SHOW_OWNER, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ListOwners lists one page of owners.
func (c *Client) ListOwners(ctx context.Context, req *vaultdv1.ListOwnersRequest) (*vaultdv1.ListOwnersResponse, error) {
	resp := new(vaultdv1.ListOwnersResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_LIST_OWNERS, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// RevokeOwner destroys all of an owner's keys and refuses new ones.
func (c *Client) RevokeOwner(ctx context.Context, req *vaultdv1.RevokeOwnerRequest) (*vaultdv1.RevokeOwnerResponse, error) {
	resp := new(vaultdv1.RevokeOwnerResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_REVOKE_OWNER, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ReinstateOwner lets a revoked owner have new keys; the old ones stay destroyed.
func (c *Client) ReinstateOwner(ctx context.Context, req *vaultdv1.ReinstateOwnerRequest) (*vaultdv1.ReinstateOwnerResponse, error) {
	resp := new(vaultdv1.ReinstateOwnerResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_REINSTATE_OWNER, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ListRevocations lists one page of what was revoked or destroyed.
func (c *Client) ListRevocations(ctx context.Context, req *vaultdv1.ListRevocationsRequest) (*vaultdv1.ListRevocationsResponse, error) {
	resp := new(vaultdv1.ListRevocationsResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_LIST_REVOCATIONS, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// CheckRevocation tells whether a key, an owner or a fingerprint is revoked.
func (c *Client) CheckRevocation(ctx context.Context, req *vaultdv1.CheckRevocationRequest) (*vaultdv1.CheckRevocationResponse, error) {
	resp := new(vaultdv1.CheckRevocationResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_CHECK_REVOCATION, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}
