package client

import (
	"context"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
)

// WhoAmI tells what the daemon knows of the caller.
func (c *Client) WhoAmI(ctx context.Context, req *vaultdv1.WhoAmIRequest) (*vaultdv1.WhoAmIResponse, error) {
	resp := new(vaultdv1.WhoAmIResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_WHO_AM_I, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Can tells whether something would be allowed, and why. Only administrators
// may ask about somebody else.
func (c *Client) Can(ctx context.Context, req *vaultdv1.CanRequest) (*vaultdv1.CanResponse, error) {
	resp := new(vaultdv1.CanResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_CAN, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Explain tells why a request was denied, by the decision id in its error.
func (c *Client) Explain(ctx context.Context, req *vaultdv1.ExplainRequest) (*vaultdv1.ExplainResponse, error) {
	resp := new(vaultdv1.ExplainResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_EXPLAIN, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// AddGrant adds a grant to those kept in the vault.
func (c *Client) AddGrant(ctx context.Context, req *vaultdv1.AddGrantRequest) (*vaultdv1.AddGrantResponse, error) {
	resp := new(vaultdv1.AddGrantResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_ADD_GRANT, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ShowGrant shows a grant in force, whether from the vault or a policy file.
func (c *Client) ShowGrant(ctx context.Context, req *vaultdv1.ShowGrantRequest) (*vaultdv1.ShowGrantResponse, error) {
	resp := new(vaultdv1.ShowGrantResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_SHOW_GRANT, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ListGrants lists one page of the grants in force.
func (c *Client) ListGrants(ctx context.Context, req *vaultdv1.ListGrantsRequest) (*vaultdv1.ListGrantsResponse, error) {
	resp := new(vaultdv1.ListGrantsResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_LIST_GRANTS, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// RemoveGrant removes a grant from the vault. Those of policy files are not the
// vault's to remove.
func (c *Client) RemoveGrant(ctx context.Context, req *vaultdv1.RemoveGrantRequest) (*vaultdv1.RemoveGrantResponse, error) {
	resp := new(vaultdv1.RemoveGrantResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_REMOVE_GRANT, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ListPrincipals lists one page of the accounts that the vault knows.
func (c *Client) ListPrincipals(ctx context.Context, req *vaultdv1.ListPrincipalsRequest) (*vaultdv1.ListPrincipalsResponse, error) {
	resp := new(vaultdv1.ListPrincipalsResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_LIST_PRINCIPALS, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// AdoptPrincipal ends the quarantine of a uid: its account of now is the principal.
func (c *Client) AdoptPrincipal(ctx context.Context, req *vaultdv1.AdoptPrincipalRequest) (*vaultdv1.AdoptPrincipalResponse, error) {
	resp := new(vaultdv1.AdoptPrincipalResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_ADOPT_PRINCIPAL, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// RetirePrincipal ends a principal for good.
func (c *Client) RetirePrincipal(ctx context.Context, req *vaultdv1.RetirePrincipalRequest) (*vaultdv1.RetirePrincipalResponse, error) {
	resp := new(vaultdv1.RetirePrincipalResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_RETIRE_PRINCIPAL, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ListApprovals lists requests under four eyes: all to administrators, else the caller's own.
func (c *Client) ListApprovals(ctx context.Context, req *vaultdv1.ListApprovalsRequest) (*vaultdv1.ListApprovalsResponse, error) {
	resp := new(vaultdv1.ListApprovalsResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_LIST_APPROVALS, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// AwaitApproval waits a moment for the decision on a request under four eyes.
func (c *Client) AwaitApproval(ctx context.Context, req *vaultdv1.AwaitApprovalRequest) (*vaultdv1.AwaitApprovalResponse, error) {
	resp := new(vaultdv1.AwaitApprovalResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_AWAIT_APPROVAL, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Approve lets somebody else's request under four eyes be made once.
func (c *Client) Approve(ctx context.Context, req *vaultdv1.ApproveRequest) (*vaultdv1.ApproveResponse, error) {
	resp := new(vaultdv1.ApproveResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_APPROVE, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Reject refuses somebody else's request under four eyes.
func (c *Client) Reject(ctx context.Context, req *vaultdv1.RejectRequest) (*vaultdv1.RejectResponse, error) {
	resp := new(vaultdv1.RejectResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_REJECT, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}
