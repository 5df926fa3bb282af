package ipc

import (
	"context"

	"github.com/vaultd/vaultd/crypto/keytype"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/fault"
)

// WrapKey encrypts a key under another one.
func (s *service) WrapKey(ctx context.Context, req *vaultdv1.WrapKeyRequest) (*vaultdv1.WrapKeyResponse, error) {
	name, err := vault.ParseName(req.GetKey())
	if err != nil {
		return nil, err
	}
	algorithm, err := wrapAlgorithm(req.GetAlgorithm())
	if err != nil {
		return nil, err
	}
	c := vault.WrapKey{Key: name, Version: req.GetVersion(), PublicKey: req.GetWrappingPublicKey(), Algorithm: algorithm}
	if req.GetWrappingKey() != "" {
		if c.Under, err = vault.ParseName(req.GetWrappingKey()); err != nil {
			return nil, err
		}
	}
	w, err := s.vault.WrapKey(ctx, c)
	if err != nil {
		return nil, err
	}
	return &vaultdv1.WrapKeyResponse{
		Wrapped: w.Wrapped, Version: w.Version, WrappingVersion: w.Under,
		Algorithm: vaultdv1.WrapAlgorithm(w.Algorithm), Type: w.Type,
		WrappingFingerprint: keytype.FormatFingerprint(w.Wrapping),
	}, nil
}

// UnwrapKey stores a key that comes wrapped.
func (s *service) UnwrapKey(ctx context.Context, req *vaultdv1.UnwrapKeyRequest) (*vaultdv1.UnwrapKeyResponse, error) {
	name, err := vault.ParseName(req.GetName())
	if err != nil {
		return nil, err
	}
	with, err := vault.ParseName(req.GetUnwrappingKey())
	if err != nil {
		return nil, err
	}
	algorithm, err := wrapAlgorithm(req.GetAlgorithm())
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
	k, err := s.vault.UnwrapKey(ctx, vault.UnwrapKey{
		Name: name, With: with, Wrapped: req.GetWrapped(), Algorithm: algorithm, Type: req.GetType(),
		TTL: ttl, NoExpiry: req.GetNoExpiry(), Uses: uses, Labels: req.GetLabels(), RequireContext: req.GetRequireContext(),
	})
	if err != nil {
		return nil, err
	}
	return &vaultdv1.UnwrapKeyResponse{Key: keyToProto(k, false)}, nil
}

// wrapAlgorithm has the same numbers on both sides.
func wrapAlgorithm(a vaultdv1.WrapAlgorithm) (keytype.WrapAlgorithm, error) {
	if _, known := vaultdv1.WrapAlgorithm_name[int32(a)]; !known {
		return 0, fault.E(fault.CodeUnsupportedAlgorithm, "unknown algorithm %d to wrap keys", a)
	}
	return keytype.WrapAlgorithm(a), nil //nolint:gosec // known
}
