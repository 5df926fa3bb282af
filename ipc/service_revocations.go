package ipc

import (
	"context"
	"strings"

	"github.com/vaultd/vaultd/crypto/keytype"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
)

// ListRevocations lists one page of what was revoked or destroyed; users see
// their own only.
func (s *service) ListRevocations(ctx context.Context, req *vaultdv1.ListRevocationsRequest) (*vaultdv1.ListRevocationsResponse, error) {
	owner := req.GetOwner()
	if owner == "" {
		owner = s.defaultOwner(callFrom(ctx).who)
	}
	return fitting(s.messageSize(), req.GetPageSize(), func(size uint32) (*vaultdv1.ListRevocationsResponse, int, error) {
		n, err := count("page_size", size)
		if err != nil {
			return nil, 0, err
		}
		page, next, err := s.vault.ListRevocations(ctx, owner, n, req.GetPageToken())
		if err != nil {
			return nil, 0, err
		}
		return &vaultdv1.ListRevocationsResponse{Revocations: revocationsToProto(page), NextPageToken: next}, len(page), nil
	})
}

// CheckRevocation tells whether a key, an owner or a fingerprint is revoked.
// A user's fingerprint is looked for in what is the user's own.
func (s *service) CheckRevocation(ctx context.Context, req *vaultdv1.CheckRevocationRequest) (*vaultdv1.CheckRevocationResponse, error) {
	// A key or an owner was authorized by its name. It need not be the caller's
	// own, and its revocation must not be overlooked.
	within, _, _ := strings.Cut(req.GetSubject(), "/")
	if isFingerprint(req.GetSubject()) {
		within = s.defaultOwner(callFrom(ctx).who)
	}
	revoked, found, err := s.vault.CheckRevocation(ctx, req.GetSubject(), within)
	if err != nil {
		return nil, err
	}
	return &vaultdv1.CheckRevocationResponse{Revoked: revoked, Revocations: revocationsToProto(found)}, nil
}

func revocationsToProto(list []vault.Revocation) (out []*vaultdv1.Revocation) {
	for _, r := range list {
		p := &vaultdv1.Revocation{
			Kind: r.Kind, Name: r.Name, Time: timestamp(r.Time),
			By: r.By, Reason: r.Reason, Reinstated: r.Reinstated,
		}
		if r.KeyID != (vault.KeyID{}) {
			p.KeyId = r.KeyID.String()
		}
		for _, f := range r.Fingerprints {
			p.Fingerprints = append(p.Fingerprints, keytype.FormatFingerprint(f))
		}
		out = append(out, p)
	}
	return out
}
