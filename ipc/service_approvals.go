package ipc

import (
	"context"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault/fault"
)

// ListApprovals is to come.
func (s *service) ListApprovals(context.Context, *vaultdv1.ListApprovalsRequest) (*vaultdv1.ListApprovalsResponse, error) {
	return nil, fault.E(fault.CodeUnknownMethod, "to come")
}

// AwaitApproval is to come.
func (s *service) AwaitApproval(context.Context, *vaultdv1.AwaitApprovalRequest) (*vaultdv1.AwaitApprovalResponse, error) {
	return nil, fault.E(fault.CodeUnknownMethod, "to come")
}

// Approve is to come.
func (s *service) Approve(context.Context, *vaultdv1.ApproveRequest) (*vaultdv1.ApproveResponse, error) {
	return nil, fault.E(fault.CodeUnknownMethod, "to come")
}

// Reject is to come.
func (s *service) Reject(context.Context, *vaultdv1.RejectRequest) (*vaultdv1.RejectResponse, error) {
	return nil, fault.E(fault.CodeUnknownMethod, "to come")
}
