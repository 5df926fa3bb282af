package ipc

import (
	"context"
	"errors"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/fault"
)

// CreateOwner makes a namespace.
func (s *service) CreateOwner(ctx context.Context, req *vaultdv1.CreateOwnerRequest) (*vaultdv1.CreateOwnerResponse, error) {
	o, err := s.vault.CreateOwner(ctx, req.GetName())
	if err != nil {
		return nil, err
	}
	return &vaultdv1.CreateOwnerResponse{Owner: ownerToProto(o)}, nil
}

// ShowOwner describes one.
func (s *service) ShowOwner(ctx context.Context, req *vaultdv1.ShowOwnerRequest) (*vaultdv1.ShowOwnerResponse, error) {
	o, err := s.vault.ShowOwner(ctx, req.GetName())
	if err != nil {
		return nil, err
	}
	return &vaultdv1.ShowOwnerResponse{Owner: ownerToProto(o)}, nil
}

// ListOwners lists one page of owners; users see themselves only.
func (s *service) ListOwners(ctx context.Context, req *vaultdv1.ListOwnersRequest) (*vaultdv1.ListOwnersResponse, error) {
	if own := s.defaultOwner(callFrom(ctx).who); own != "" {
		o, err := s.vault.ShowOwner(ctx, own)
		if errors.Is(err, &fault.Error{Code: fault.CodeOwnerNotFound}) {
			return &vaultdv1.ListOwnersResponse{}, nil
		}
		if err != nil {
			return nil, err
		}
		return &vaultdv1.ListOwnersResponse{Owners: []*vaultdv1.Owner{ownerToProto(o)}}, nil
	}
	return fitting(s.messageSize(), req.GetPageSize(), func(size uint32) (*vaultdv1.ListOwnersResponse, int, error) {
		n, err := count("page_size", size)
		if err != nil {
			return nil, 0, err
		}
		page, next, err := s.vault.ListOwners(ctx, n, req.GetPageToken())
		if err != nil {
			return nil, 0, err
		}
		resp := &vaultdv1.ListOwnersResponse{NextPageToken: next}
		for _, o := range page {
			resp.Owners = append(resp.Owners, ownerToProto(o))
		}
		return resp, len(page), nil
	})
}

// RevokeOwner destroys an owner's keys and refuses new ones.
func (s *service) RevokeOwner(ctx context.Context, req *vaultdv1.RevokeOwnerRequest) (*vaultdv1.RevokeOwnerResponse, error) {
	o, destroyed, err := s.vault.RevokeOwner(ctx, vault.RevokeOwner{Name: req.GetName(), Reason: req.GetReason(), By: by(ctx)})
	if err != nil {
		return nil, err
	}
	return &vaultdv1.RevokeOwnerResponse{Owner: ownerToProto(o), KeysDestroyed: uint64(destroyed)}, nil //nolint:gosec // a count
}

// ReinstateOwner lets a revoked owner have new keys.
func (s *service) ReinstateOwner(ctx context.Context, req *vaultdv1.ReinstateOwnerRequest) (*vaultdv1.ReinstateOwnerResponse, error) {
	o, err := s.vault.ReinstateOwner(ctx, req.GetName(), by(ctx))
	if err != nil {
		return nil, err
	}
	return &vaultdv1.ReinstateOwnerResponse{Owner: ownerToProto(o)}, nil
}
