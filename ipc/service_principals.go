package ipc

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy/binding"
)

// Sizes of a page of ListPrincipals.
const (
	defaultPrincipalPage = 100
	maxPrincipalPage     = 1000
)

// ListPrincipals lists one page of the principals by their uids, each with the
// account that its uid has now.
func (s *service) ListPrincipals(_ context.Context, req *vaultdv1.ListPrincipalsRequest) (*vaultdv1.ListPrincipalsResponse, error) {
	if err := s.openVault(); err != nil {
		return nil, err
	}
	n, err := count("page_size", req.GetPageSize())
	switch {
	case err != nil:
		return nil, err
	case n > maxPrincipalPage:
		return nil, fault.E(fault.CodeBadArgument, "a page has 1 to %d entries", maxPrincipalPage)
	case n == 0:
		n = defaultPrincipalPage
	}
	all := s.principals.list()
	if req.GetChanged() {
		all = slices.DeleteFunc(all, func(b binding.Binding) bool { return b.State != binding.Changed })
	}
	if after := req.GetPageToken(); after != "" {
		uid, err := strconv.ParseUint(after, 10, 32)
		if err != nil {
			return nil, fault.E(fault.CodeBadArgument, "the page token is not of this listing")
		}
		i, found := slices.BinarySearchFunc(all, uint32(uid), func(b binding.Binding, uid uint32) int { return cmp.Compare(b.UID, uid) })
		if found {
			i++
		}
		all = all[i:]
	}
	page := s.boundToProto(all[:min(n, len(all))]...)
	return fitting(s.messageSize(), uint32(len(page)), func(size uint32) (*vaultdv1.ListPrincipalsResponse, int, error) { //nolint:gosec // at most maxPrincipalPage
		page := page[:min(int(size), len(page))]
		resp := &vaultdv1.ListPrincipalsResponse{Principals: page}
		if 0 < len(page) && len(page) < len(all) {
			resp.NextPageToken = uidText(page[len(page)-1].GetUid())
		}
		return resp, len(page), nil
	})
}

// AdoptPrincipal makes the account of now the principal of its uid.
func (s *service) AdoptPrincipal(_ context.Context, req *vaultdv1.AdoptPrincipalRequest) (*vaultdv1.AdoptPrincipalResponse, error) {
	if err := s.openVault(); err != nil {
		return nil, err
	}
	all, err := s.principals.adopt(req.GetUid())
	if err != nil {
		return nil, err
	}
	bound := s.boundToProto(all...)
	return &vaultdv1.AdoptPrincipalResponse{Principal: bound[0], Retired: bound[1:]}, nil
}

// RetirePrincipal ends the principal of a uid. Its name stays taken.
func (s *service) RetirePrincipal(ctx context.Context, req *vaultdv1.RetirePrincipalRequest) (*vaultdv1.RetirePrincipalResponse, error) {
	if err := s.openVault(); err != nil {
		return nil, err
	}
	why := req.GetReason()
	if err := vault.CheckReason(why); err != nil {
		return nil, err
	}
	if why == "" {
		why = "retired by " + by(ctx)
	}
	b, err := s.principals.retire(req.GetUid(), why)
	if err != nil {
		return nil, err
	}
	return &vaultdv1.RetirePrincipalResponse{Principal: s.boundToProto(b)[0]}, nil
}

// boundToProto adds to bindings the names that their uids have now. Once the
// account database does not answer, it is not waited for again.
func (s *service) boundToProto(all ...binding.Binding) []*vaultdv1.BoundPrincipal {
	out := make([]*vaultdv1.BoundPrincipal, len(all))
	silent := false
	for i, b := range all {
		out[i] = &vaultdv1.BoundPrincipal{
			Uid: b.UID, User: b.User, Former: b.Former, Machine: b.Machine, Generation: b.Generation, State: string(b.State),
			Since: timestamp(b.Since), Why: b.Why,
		}
		if !silent {
			name, err := s.principals.names.Name(b.UID)
			out[i].Account, silent = name, err != nil
		}
	}
	return out
}
