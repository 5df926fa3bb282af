package client

import (
	"context"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
)

// ReadAudit reads records of the audit log.
func (c *Client) ReadAudit(ctx context.Context, req *vaultdv1.ReadAuditRequest) (*vaultdv1.ReadAuditResponse, error) {
	resp := new(vaultdv1.ReadAuditResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_READ_AUDIT, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// CheckpointAudit signs the audit log as it is now.
func (c *Client) CheckpointAudit(ctx context.Context, req *vaultdv1.CheckpointAuditRequest) (*vaultdv1.CheckpointAuditResponse, error) {
	resp := new(vaultdv1.CheckpointAuditResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_CHECKPOINT_AUDIT, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ProveAudit proves that a record is in the audit log.
func (c *Client) ProveAudit(ctx context.Context, req *vaultdv1.ProveAuditRequest) (*vaultdv1.ProveAuditResponse, error) {
	resp := new(vaultdv1.ProveAuditResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_PROVE_AUDIT, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}
