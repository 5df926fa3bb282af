package ipc

import (
	"context"
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
)

// approvalPoll is the longest that one AwaitApproval waits.
const approvalPoll = 4 * time.Second

// ListApprovals lists the requests under four eyes: all to administrators, else
// the caller's own.
func (s *service) ListApprovals(ctx context.Context, _ *vaultdv1.ListApprovalsRequest) (*vaultdv1.ListApprovalsResponse, error) {
	if err := s.openVault(); err != nil { // nobody is judged while it is sealed
		return nil, err
	}
	resp, who := &vaultdv1.ListApprovalsResponse{}, callFrom(ctx).who
	for _, a := range s.approvals.list(s.approvalsOf(who)) {
		resp.Approvals = append(resp.Approvals, s.approvalToProto(a, who))
	}
	// With a small limit for messages, details are for AwaitApproval to tell.
	for i := len(resp.Approvals) - 1; i >= 0 && resp.SizeVT() > s.messageSize(); i-- {
		resp.Approvals[i].Details = ""
	}
	return resp, nil
}

// approvalsOf are those that who may see.
func (s *service) approvalsOf(who *policy.Principal) func(*approval) bool {
	_, admin := s.policy.IsAdmin(who)
	// Who is in quarantine, or has a used uid, is told of nobody's.
	return func(a *approval) bool { return admin || !who.Changed && a.uid == who.UID && a.user == who.User }
}

// AwaitApproval waits for a decision.
func (s *service) AwaitApproval(ctx context.Context, req *vaultdv1.AwaitApprovalRequest) (*vaultdv1.AwaitApprovalResponse, error) {
	wait := time.Duration(0)
	if req.GetWait() != nil {
		if wait = req.GetWait().AsDuration(); req.GetWait().CheckValid() != nil || wait < 0 {
			return nil, fault.E(fault.CodeBadArgument, "wait must not be negative")
		}
	}
	if err := s.openVault(); err != nil {
		return nil, err
	}
	c := callFrom(ctx)
	a, found := s.approvals.await(ctx, req.GetId(), min(wait, approvalPoll), s.approvalsOf(c.who))
	if !found {
		return nil, noApproval(req.GetId())
	}
	// Who waits for an hour asks a thousand times, and learns nothing yet.
	c.unrecorded = a.state == approvalWaiting && a.uid == c.who.UID
	return &vaultdv1.AwaitApprovalResponse{Approval: s.approvalToProto(a, c.who)}, nil
}

// Approve lets the requester make exactly this request once.
func (s *service) Approve(ctx context.Context, req *vaultdv1.ApproveRequest) (*vaultdv1.ApproveResponse, error) {
	a, err := s.decideApproval(ctx, req.GetId(), approvalApproved)
	if err != nil {
		return nil, err
	}
	return &vaultdv1.ApproveResponse{Approval: s.approvalToProto(a, callFrom(ctx).who)}, nil
}

// Reject refuses the request.
func (s *service) Reject(ctx context.Context, req *vaultdv1.RejectRequest) (*vaultdv1.RejectResponse, error) {
	a, err := s.decideApproval(ctx, req.GetId(), approvalRejected)
	if err != nil {
		return nil, err
	}
	return &vaultdv1.RejectResponse{Approval: s.approvalToProto(a, callFrom(ctx).who)}, nil
}

func (s *service) decideApproval(ctx context.Context, id, state string) (approval, error) {
	c := callFrom(ctx)
	c.approval = approvalUse{ID: clip(id)}
	return s.approvals.decide(id, state, c.who, by(ctx))
}

// approvalToProto is what who sees of an approval. The details are for those
// who approve: they say what a key has just now, which the requester may not
// know before it is approved.
func (s *service) approvalToProto(a approval, who *policy.Principal) *vaultdv1.Approval {
	if _, admin := s.policy.IsAdmin(who); !admin {
		a.details = ""
	}
	return &vaultdv1.Approval{
		Id: a.id, State: a.state, Action: string(a.action), Resource: a.resource.String(), Details: a.details,
		Requester: principalToProto(a.who), Requested: timestamp(a.requested), Expires: timestamp(a.expires),
		Grant: a.grant, DecidedBy: a.decidedBy,
	}
}
