package ipc

import (
	"context"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/fault"
)

// ImportKey stores key material from elsewhere.
func (s *service) ImportKey(ctx context.Context, req *vaultdv1.ImportKeyRequest) (*vaultdv1.ImportKeyResponse, error) {
	name, err := vault.ParseName(req.GetName())
	if err != nil {
		return nil, err
	}
	format, err := privateKeyFormat(req.GetFormat())
	if err != nil {
		return nil, err
	}
	ttl, err := lifetime("ttl", req.GetTtl())
	if err != nil {
		return nil, err
	}
	uses, err := usesFromProto(req.GetUses())
	if err != nil {
		return nil, err
	}
	p, err := periods(req.GetNotBefore(), req.GetProcessTtl())
	if err != nil {
		return nil, err
	}
	k, err := s.vault.ImportKey(ctx, vault.ImportKey{
		Name: name, Type: req.GetType(),
		Material: req.GetMaterial(), Format: format, Passphrase: req.GetPassphrase(),
		TTL: ttl, NoExpiry: req.GetNoExpiry(),
		Exportable: req.GetExportable(), Uses: uses, Labels: req.GetLabels(), RequireContext: req.GetRequireContext(),
		Periods: p,
	})
	if err != nil {
		return nil, err
	}
	return &vaultdv1.ImportKeyResponse{Key: keyToProto(k, false)}, nil
}

// ExportKey hands out private material.
func (s *service) ExportKey(ctx context.Context, req *vaultdv1.ExportKeyRequest) (*vaultdv1.ExportKeyResponse, error) {
	name, err := vault.ParseName(req.GetName())
	if err != nil {
		return nil, err
	}
	format, err := privateKeyFormat(req.GetFormat())
	if err != nil {
		return nil, err
	}
	e, err := s.vault.ExportKey(ctx, vault.ExportKey{
		Name: name, Version: req.GetVersion(), Format: format, Passphrase: req.GetPassphrase(),
	})
	if err != nil {
		return nil, err
	}
	return &vaultdv1.ExportKeyResponse{
		Material: e.Material, Version: e.Version, Format: vaultdv1.PrivateKeyFormat(e.Format),
	}, nil
}

// privateKeyFormat has the same numbers on both sides.
func privateKeyFormat(f vaultdv1.PrivateKeyFormat) (vault.PrivateKeyFormat, error) {
	if _, known := vaultdv1.PrivateKeyFormat_name[int32(f)]; !known {
		return 0, fault.E(fault.CodeBadArgument, "unknown private key format %d", f)
	}
	return vault.PrivateKeyFormat(f), nil //nolint:gosec // known
}
