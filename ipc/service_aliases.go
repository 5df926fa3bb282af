package ipc

import (
	"context"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/policy"
)

// aliasAndKey: the alias that is made or moved, and the key that it comes to point
// to. Both are the caller's to have: who may only move the alias can't lead others
// to a key that is not its own.
func aliasAndKey(_ *service, _ *policy.Principal, req *vaultdv1.SetAliasRequest, t *targets) error {
	if err := t.addKey(req.GetName()); err != nil {
		return err
	}
	return t.addKey(req.GetKey())
}

// listedAliases: one alias, those of a key, or else as listedOwner.
func listedAliases(s *service, who *policy.Principal, req *vaultdv1.ListAliasesRequest, t *targets) error {
	switch {
	case req.GetName() != "":
		return t.addKey(req.GetName())
	case req.GetKey() != "":
		return t.addKey(req.GetKey())
	}
	return listedOwner(s, who, req, t)
}

// SetAlias makes an alias or moves it.
func (s *service) SetAlias(ctx context.Context, req *vaultdv1.SetAliasRequest) (*vaultdv1.SetAliasResponse, error) {
	name, err := vault.ParseName(req.GetName())
	if err != nil {
		return nil, err
	}
	key, err := vault.ParseName(req.GetKey())
	if err != nil {
		return nil, err
	}
	a, previous, err := s.vault.SetAlias(ctx, name, key)
	if err != nil {
		return nil, err
	}
	return &vaultdv1.SetAliasResponse{Alias: aliasToProto(a), Previous: previous.String()}, nil
}

// ListAliases lists one page of aliases, or shows one.
func (s *service) ListAliases(ctx context.Context, req *vaultdv1.ListAliasesRequest) (*vaultdv1.ListAliasesResponse, error) {
	if req.GetName() != "" {
		name, err := vault.ParseName(req.GetName())
		if err != nil {
			return nil, err
		}
		a, err := s.vault.ShowAlias(ctx, name)
		if err != nil {
			return nil, err
		}
		return &vaultdv1.ListAliasesResponse{Aliases: []*vaultdv1.Alias{aliasToProto(a)}}, nil
	}
	list := vault.ListAliases{Owner: req.GetOwner(), PageToken: req.GetPageToken()}
	switch {
	case req.GetKey() != "":
		var err error
		if list.Key, err = vault.ParseName(req.GetKey()); err != nil {
			return nil, err
		}
		list.Owner = list.Key.Owner()
	case list.Owner == "":
		list.Owner = s.defaultOwner(callFrom(ctx).who)
	}
	return fitting(s.messageSize(), req.GetPageSize(), func(size uint32) (*vaultdv1.ListAliasesResponse, int, error) {
		var err error
		if list.PageSize, err = count("page_size", size); err != nil {
			return nil, 0, err
		}
		page, next, err := s.vault.ListAliases(ctx, list)
		if err != nil {
			return nil, 0, err
		}
		resp := &vaultdv1.ListAliasesResponse{NextPageToken: next}
		for _, a := range page {
			resp.Aliases = append(resp.Aliases, aliasToProto(a))
		}
		return resp, len(page), nil
	})
}

// RemoveAlias removes an alias.
func (s *service) RemoveAlias(ctx context.Context, req *vaultdv1.RemoveAliasRequest) (*vaultdv1.RemoveAliasResponse, error) {
	name, err := vault.ParseName(req.GetName())
	if err != nil {
		return nil, err
	}
	a, err := s.vault.RemoveAlias(ctx, name)
	if err != nil {
		return nil, err
	}
	return &vaultdv1.RemoveAliasResponse{Alias: aliasToProto(a)}, nil
}

func aliasToProto(a vault.Alias) *vaultdv1.Alias {
	return &vaultdv1.Alias{
		Name: a.Name.String(), Key: a.Key.String(), Created: timestamp(a.Created), Moved: timestamp(a.Moved),
	}
}
