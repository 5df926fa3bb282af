package ipc

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
)

// SuspendKey pauses a key or one version.
func (s *service) SuspendKey(ctx context.Context, req *vaultdv1.SuspendKeyRequest) (*vaultdv1.SuspendKeyResponse, error) {
	name, err := vault.ParseName(req.GetName())
	if err != nil {
		return nil, err
	}
	k, err := s.vault.SuspendKey(ctx, vault.SuspendKey{
		Name: name, Version: req.GetVersion(), Reason: req.GetReason(), By: by(ctx), Admin: s.byAdmin(ctx),
	})
	if err != nil {
		return nil, err
	}
	return &vaultdv1.SuspendKeyResponse{Key: keyToProto(k, false)}, nil
}

// ResumeKey ends a suspension.
func (s *service) ResumeKey(ctx context.Context, req *vaultdv1.ResumeKeyRequest) (*vaultdv1.ResumeKeyResponse, error) {
	name, err := vault.ParseName(req.GetName())
	if err != nil {
		return nil, err
	}
	k, err := s.vault.ResumeKey(ctx, vault.ResumeKey{Name: name, Version: req.GetVersion(), By: by(ctx), Admin: s.byAdmin(ctx)})
	if err != nil {
		return nil, err
	}
	return &vaultdv1.ResumeKeyResponse{Key: keyToProto(k, false)}, nil
}

// UpdateKey changes periods and labels.
func (s *service) UpdateKey(ctx context.Context, req *vaultdv1.UpdateKeyRequest) (*vaultdv1.UpdateKeyResponse, error) {
	name, err := vault.ParseName(req.GetName())
	if err != nil {
		return nil, err
	}
	c := vault.UpdateKey{
		Name: name, Version: req.GetVersion(), NoExpiry: req.GetNoExpiry(), NoProcessUntil: req.GetNoProcessUntil(),
		MinDecryptVersion: req.GetMinDecryptVersion(), SetLabels: req.GetSetLabels(), RemoveLabels: req.GetRemoveLabels(),
	}
	every, err := lifetime("rotate_every", req.GetRotateEvery())
	if err != nil {
		return nil, err
	}
	switch {
	case every > 0 && req.GetNoRotation():
		return nil, fault.E(fault.CodeBadArgument, "a schedule and none is a contradiction")
	case every > 0 || req.GetNoRotation():
		c.RotateEvery = &every
	}
	caller, resource := callFrom(ctx).caller, policy.Resource{Owner: name.Owner(), Key: name.Key()}
	c.MayRelabel = func(kind string, before, after []vault.Label) error {
		if d := caller.Relabel(resource, kind, labelPairs(before), labelPairs(after)); !d.Allowed {
			return fault.E(fault.CodePermissionDenied, "these labels would lift a deny from you, or give you what a grant gives for labels").
				WithHint("root can change them, and whoever the labels hold nothing back from")
		}
		return nil
	}
	for _, f := range []struct {
		name string
		from *timestamppb.Timestamp
		to   **time.Time
	}{
		{"not_before", req.GetNotBefore(), &c.NotBefore},
		{"expires", req.GetExpires(), &c.Expires},
		{"process_until", req.GetProcessUntil(), &c.ProcessUntil},
	} {
		if f.from == nil {
			continue
		}
		t, err := moment(f.name, f.from)
		if err != nil {
			return nil, err
		}
		*f.to = &t
	}
	k, err := s.vault.UpdateKey(ctx, c)
	if err != nil {
		return nil, err
	}
	return &vaultdv1.UpdateKeyResponse{Key: keyToProto(k, false)}, nil
}

func labelPairs(labels []vault.Label) []policy.Pair {
	pairs := make([]policy.Pair, len(labels))
	for i, l := range labels {
		pairs[i] = policy.Pair{Name: l.Name, Value: l.Value}
	}
	return pairs
}

// CancelDestruction keeps what was to be destroyed.
func (s *service) CancelDestruction(ctx context.Context, req *vaultdv1.CancelDestructionRequest) (*vaultdv1.CancelDestructionResponse, error) {
	name, err := vault.ParseName(req.GetName())
	if err != nil {
		return nil, err
	}
	k, err := s.vault.CancelDestruction(ctx, vault.CancelDestruction{
		Name: name, Version: req.GetVersion(), By: by(ctx), Admin: s.byAdmin(ctx),
	})
	if err != nil {
		return nil, err
	}
	return &vaultdv1.CancelDestructionResponse{Key: keyToProto(k, false)}, nil
}

// TrimKey destroys the versions that open nothing any more.
func (s *service) TrimKey(ctx context.Context, req *vaultdv1.TrimKeyRequest) (*vaultdv1.TrimKeyResponse, error) {
	name, err := vault.ParseName(req.GetName())
	if err != nil {
		return nil, err
	}
	k, n, err := s.vault.TrimKey(ctx, vault.TrimKey{Name: name, Reason: req.GetReason(), By: by(ctx)})
	if err != nil {
		return nil, err
	}
	return &vaultdv1.TrimKeyResponse{Key: keyToProto(k, false), Destroyed: uint32(n)}, nil //nolint:gosec // at most vault.MaxVersions
}

// KeyStates is the table that decides what can be done with a key.
func (s *service) KeyStates(context.Context, *vaultdv1.KeyStatesRequest) (*vaultdv1.KeyStatesResponse, error) {
	resp := new(vaultdv1.KeyStatesResponse)
	for _, r := range vault.States() {
		resp.States = append(resp.States, &vaultdv1.StateRule{
			State: vaultdv1.KeyState(r.State), Standard: r.Standard, Section: r.Section, Allows: r.Allows, Means: r.Means,
		})
	}
	for _, t := range vault.Transitions() {
		p := &vaultdv1.StateTransition{Operation: t.Operation, Cause: t.Cause, To: vaultdv1.KeyState(t.To), Standard: t.Standard}
		for _, from := range t.From {
			p.From = append(p.From, vaultdv1.KeyState(from))
		}
		resp.Transitions = append(resp.Transitions, p)
	}
	for _, t := range vault.TypeRules() {
		resp.Types = append(resp.Types, &vaultdv1.TypeRule{
			Type: t.Type, Rule: t.Rule, Standard: t.Standard, OriginatorPeriod: t.Originator, RecipientPeriod: t.Recipient,
		})
	}
	return resp, nil
}

// Scrub rewrites the store.
func (s *service) Scrub(ctx context.Context, _ *vaultdv1.ScrubRequest) (*vaultdv1.ScrubResponse, error) {
	generation, err := s.vault.Scrub(ctx)
	if err != nil {
		return nil, err
	}
	return &vaultdv1.ScrubResponse{Generation: generation}, nil
}

// byAdmin reports whether who asks is an administrator.
func (s *service) byAdmin(ctx context.Context) bool {
	_, admin := s.policy.IsAdmin(callFrom(ctx).who)
	return admin
}

// moment reads a time that a caller names.
func moment(field string, t *timestamppb.Timestamp) (time.Time, error) {
	if t == nil {
		return time.Time{}, nil
	}
	if t.CheckValid() != nil || t.GetSeconds() <= 0 {
		return time.Time{}, fault.E(fault.CodeBadArgument, "%s is no time after 1970", field)
	}
	return t.AsTime(), nil
}

// periods reads the times of a new version.
func periods(notBefore *timestamppb.Timestamp, processTTL *durationpb.Duration) (vault.Periods, error) {
	from, err := moment("not_before", notBefore)
	if err != nil {
		return vault.Periods{}, err
	}
	ttl, err := lifetime("process_ttl", processTTL)
	return vault.Periods{NotBefore: from, ProcessTTL: ttl}, err
}

// statement reads what a caller says of the age of data, nil for nothing. It
// goes on record with the request.
func (s *service) statement(ctx context.Context, at *timestamppb.Timestamp) (*vault.Statement, error) {
	if at == nil {
		return nil, nil
	}
	t, err := moment("protected_at", at)
	if err != nil {
		return nil, err
	}
	callFrom(ctx).stated = t
	return &vault.Statement{ProtectedAt: t, Admin: s.byAdmin(ctx)}, nil
}
