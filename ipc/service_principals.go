package ipc

import (
	"context"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault/fault"
)

// ListPrincipals is to come.
func (s *service) ListPrincipals(context.Context, *vaultdv1.ListPrincipalsRequest) (*vaultdv1.ListPrincipalsResponse, error) {
	return nil, fault.E(fault.CodeUnknownMethod, "to come")
}

// AdoptPrincipal is to come.
func (s *service) AdoptPrincipal(context.Context, *vaultdv1.AdoptPrincipalRequest) (*vaultdv1.AdoptPrincipalResponse, error) {
	return nil, fault.E(fault.CodeUnknownMethod, "to come")
}

// RetirePrincipal is to come.
func (s *service) RetirePrincipal(context.Context, *vaultdv1.RetirePrincipalRequest) (*vaultdv1.RetirePrincipalResponse, error) {
	return nil, fault.E(fault.CodeUnknownMethod, "to come")
}
