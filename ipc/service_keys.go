package ipc

import (
	"context"

	"github.com/vaultd/vaultd/crypto/keyenc"
	"github.com/vaultd/vaultd/crypto/keytype"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/fault"
)

// CreateKey generates a key.
func (s *service) CreateKey(ctx context.Context, req *vaultdv1.CreateKeyRequest) (*vaultdv1.CreateKeyResponse, error) {
	name, err := vault.ParseName(req.GetName())
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
	every, err := lifetime("rotate_every", req.GetRotateEvery())
	if err != nil {
		return nil, err
	}
	k, err := s.vault.CreateKey(ctx, vault.CreateKey{
		Name: name, Type: req.GetType(), TTL: ttl, NoExpiry: req.GetNoExpiry(),
		Exportable: req.GetExportable(), Uses: uses, Labels: req.GetLabels(), RequireContext: req.GetRequireContext(),
		Tracked: req.GetTracked(),
		Periods: p, RotateEvery: every,
	})
	if err != nil {
		return nil, err
	}
	return &vaultdv1.CreateKeyResponse{Key: keyToProto(k, false)}, nil
}

// ShowKey describes a key.
func (s *service) ShowKey(ctx context.Context, req *vaultdv1.ShowKeyRequest) (*vaultdv1.ShowKeyResponse, error) {
	name, err := vault.ParseName(req.GetName())
	if err != nil {
		return nil, err
	}
	k, err := s.vault.ShowKey(ctx, name)
	if err != nil {
		return nil, err
	}
	return &vaultdv1.ShowKeyResponse{Key: keyToProto(k, false)}, nil
}

// ListKeys lists one page of keys. A page whose keys are large is shorter than asked.
func (s *service) ListKeys(ctx context.Context, req *vaultdv1.ListKeysRequest) (*vaultdv1.ListKeysResponse, error) {
	list := vault.ListKeys{
		Owner: req.GetOwner(), PageToken: req.GetPageToken(),
		Labels: req.GetLabels(), IncludeDestroyed: req.GetIncludeDestroyed(),
	}
	within, err := lifetime("expiring_within", req.GetExpiringWithin())
	if err != nil {
		return nil, err
	}
	list.KeySearch = vault.KeySearch{
		Name: req.GetName(), Types: req.GetTypes(), HasLabels: req.GetHasLabels(), NotLabels: req.GetNotLabels(), ExpiringWithin: within,
	}
	for _, state := range req.GetStates() {
		if _, known := vaultdv1.KeyState_name[int32(state)]; !known {
			return nil, fault.E(fault.CodeBadArgument, "unknown state %d", state)
		}
		list.States = append(list.States, vault.KeyState(state)) //nolint:gosec // known
	}
	if list.Owner == "" {
		list.Owner = s.defaultOwner(callFrom(ctx).who)
	}
	return fitting(s.messageSize(), req.GetPageSize(), func(size uint32) (*vaultdv1.ListKeysResponse, int, error) {
		var err error
		if list.PageSize, err = count("page_size", size); err != nil {
			return nil, 0, err
		}
		page, next, err := s.vault.ListKeys(ctx, list)
		if err != nil {
			return nil, 0, err
		}
		resp := &vaultdv1.ListKeysResponse{NextPageToken: next}
		for _, k := range page {
			resp.Keys = append(resp.Keys, keyToProto(k, true))
		}
		return resp, len(page), nil
	})
}

// PublicKey is the public half of a key in the format asked for.
func (s *service) PublicKey(ctx context.Context, req *vaultdv1.PublicKeyRequest) (*vaultdv1.PublicKeyResponse, error) {
	name, err := vault.ParseName(req.GetName())
	if err != nil {
		return nil, err
	}
	public, err := s.vault.PublicKey(ctx, name, req.GetVersion())
	if err != nil {
		return nil, err
	}
	resp := &vaultdv1.PublicKeyResponse{
		Version: public.Version, Type: public.Type,
		Fingerprint: keytype.FormatFingerprint(public.Fingerprint),
	}
	switch req.GetFormat() {
	case vaultdv1.PublicKeyFormat_PUBLIC_KEY_FORMAT_UNSPECIFIED, vaultdv1.PublicKeyFormat_PUBLIC_KEY_FORMAT_PEM:
		resp.PublicKey, err = keyenc.EncodePublicPEM(public.SPKI)
	case vaultdv1.PublicKeyFormat_PUBLIC_KEY_FORMAT_DER:
		resp.PublicKey = public.SPKI
	case vaultdv1.PublicKeyFormat_PUBLIC_KEY_FORMAT_OPENSSH:
		if resp.PublicKey, err = keyenc.AuthorizedKey(public.SPKI, name.String()); err != nil {
			err = fault.E(fault.CodeUnsupportedAlgorithm, "OpenSSH has no form for a key of type %s", public.Type).Because(err)
		}
	case vaultdv1.PublicKeyFormat_PUBLIC_KEY_FORMAT_JWK:
		if resp.PublicKey, err = keyenc.PublicJWK(public.SPKI, jwkUse(public.Uses)); err != nil {
			err = fault.E(fault.CodeUnsupportedAlgorithm, "JWK has no form for a key of type %s", public.Type).Because(err)
		}
	default:
		err = fault.E(fault.CodeBadArgument, "unknown public key format %d", req.GetFormat())
	}
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// jwkUse is the "use" of a public key (RFC 7517, section 4.2), empty for one that
// both verifies and encrypts.
func jwkUse(uses keytype.Use) string {
	signs := uses&(keytype.UseSign|keytype.UseVerify) != 0
	encrypts := uses&(keytype.UseEncrypt|keytype.UseDecrypt|keytype.UseAgree|keytype.UseWrap|keytype.UseUnwrap) != 0
	switch {
	case signs && !encrypts:
		return keyenc.UseSignature
	case encrypts && !signs:
		return keyenc.UseEncryption
	}
	return ""
}

// RotateKey generates a new version.
func (s *service) RotateKey(ctx context.Context, req *vaultdv1.RotateKeyRequest) (*vaultdv1.RotateKeyResponse, error) {
	name, err := vault.ParseName(req.GetName())
	if err != nil {
		return nil, err
	}
	ttl, err := lifetime("ttl", req.GetTtl())
	if err != nil {
		return nil, err
	}
	p, err := periods(req.GetNotBefore(), req.GetProcessTtl())
	if err != nil {
		return nil, err
	}
	k, err := s.vault.RotateKey(ctx, vault.RotateKey{Name: name, TTL: ttl, NoExpiry: req.GetNoExpiry(), Periods: p})
	if err != nil {
		return nil, err
	}
	return &vaultdv1.RotateKeyResponse{Key: keyToProto(k, false)}, nil
}

// DestroyKey destroys one version, or all.
func (s *service) DestroyKey(ctx context.Context, req *vaultdv1.DestroyKeyRequest) (*vaultdv1.DestroyKeyResponse, error) {
	name, err := vault.ParseName(req.GetName())
	if err != nil {
		return nil, err
	}
	after, err := lifetime("after", req.GetAfter())
	if err != nil {
		return nil, err
	}
	k, err := s.vault.DestroyKey(ctx, vault.DestroyKey{
		Name: name, Version: req.GetVersion(), Now: req.GetNow(), Reason: req.GetReason(), By: by(ctx),
		After: after, Admin: s.byAdmin(ctx),
	})
	if err != nil {
		return nil, err
	}
	return &vaultdv1.DestroyKeyResponse{Key: keyToProto(k, false)}, nil
}

// RevokeKey refuses every use of a key from now on.
func (s *service) RevokeKey(ctx context.Context, req *vaultdv1.RevokeKeyRequest) (*vaultdv1.RevokeKeyResponse, error) {
	name, err := vault.ParseName(req.GetName())
	if err != nil {
		return nil, err
	}
	compromised, err := moment("compromised_at", req.GetCompromisedAt())
	if err != nil {
		return nil, err
	}
	if _, known := vaultdv1.RevocationReason_name[int32(req.GetReasonCode())]; !known {
		return nil, fault.E(fault.CodeBadArgument, "unknown reason %d", req.GetReasonCode())
	}
	k, err := s.vault.RevokeKey(ctx, vault.RevokeKey{
		Name: name, Reason: req.GetReason(), By: by(ctx),
		Code: vault.RevocationReason(req.GetReasonCode()), Compromised: compromised, //nolint:gosec // known
	})
	if err != nil {
		return nil, err
	}
	return &vaultdv1.RevokeKeyResponse{Key: keyToProto(k, false)}, nil
}
