package ipc

import (
	"context"
	"crypto/rand"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/fault"
)

// Rewrap encrypts anew what a ciphertext holds. Like the methods of
// service_use.go it keeps nothing of its request.
func (s *service) Rewrap(ctx context.Context, req *vaultdv1.RewrapRequest) (*vaultdv1.RewrapResponse, error) {
	c := callFrom(ctx)
	r := vault.Rewrap{From: vault.Decrypt{Peer: c.asPeer()}, Binary: req.GetBinary(), Keep: req.GetKeep()}
	var err error
	if req.GetKey() != "" {
		if r.From.Key, err = usedName(req.GetKey()); err != nil {
			return nil, err
		}
	}
	if req.GetToKey() != "" {
		if r.To, err = usedName(req.GetToKey()); err != nil {
			return nil, err
		}
	}
	if r.From.Ciphertext, r.From.Binary, err = ciphertextOf(req); err != nil {
		return nil, err
	}
	if r.From.Context, err = contextFromProto(req.GetContext()); err != nil {
		return nil, err
	}
	if len(req.GetToContext()) > 0 && !req.GetChangeContext() {
		return nil, fault.E(fault.CodeBadContext, "there is a new context, and the context is not to change").
			WithHint("set change_context")
	}
	if r.Context, err = contextFromProto(newContext(req)); err != nil {
		return nil, err
	}
	if r.From.MaxAge, err = lifetime("max_age", req.GetMaxAge()); err != nil {
		return nil, err
	}
	r.Fits = func(ciphertext []byte) error { return s.fitsDecrypt(ciphertext, req.SizeVT()-len(r.From.Ciphertext)) }
	out, done, err := s.vault.Rewrap(r, c.scratch[:0])
	if err != nil {
		return nil, err
	}
	c.scratch = out
	resp := &vaultdv1.RewrapResponse{
		Version: done.To.Version, Key: done.To.Key.String(),
		FromKey: done.From.Key.String(), FromVersion: done.From.Version,
	}
	resp.Ciphertext, resp.CiphertextBinary = inForm(out, req.GetBinary())
	return resp, nil
}

// GenerateDataKey makes a key for use outside the vault.
func (s *service) GenerateDataKey(ctx context.Context, req *vaultdv1.GenerateDataKeyRequest) (*vaultdv1.GenerateDataKeyResponse, error) {
	name, err := usedName(req.GetKey())
	if err != nil {
		return nil, err
	}
	bound, err := contextFromProto(req.GetContext())
	if err != nil {
		return nil, err
	}
	length, err := count("length", req.GetLength())
	if err != nil {
		return nil, err
	}
	c := callFrom(ctx)
	made, err := s.vault.GenerateDataKey(vault.DataKey{
		Key: name, Context: bound, Peer: c.asPeer(), Binary: req.GetBinary(), Length: length, Type: req.GetType(),
	}, c.scratch[:0])
	if err != nil {
		return nil, err
	}
	c.scratch = made.Ciphertext
	resp := &vaultdv1.GenerateDataKeyResponse{Version: made.Version, PublicKey: made.Public}
	resp.Ciphertext, resp.CiphertextBinary = inForm(made.Ciphertext, req.GetBinary())
	if req.GetWrappedOnly() {
		clear(made.Plaintext)
	} else {
		resp.Plaintext = made.Plaintext
	}
	return resp, nil
}

// maxRandom bounds random bytes, as does the size of messages.
const maxRandom = 1 << 20

// Random gives bytes of the operating system's, whether or not there is a vault.
func (s *service) Random(_ context.Context, req *vaultdv1.RandomRequest) (*vaultdv1.RandomResponse, error) {
	most := min(maxRandom, s.messageSize())
	if n := req.GetLength(); n == 0 || uint64(n) > uint64(most) { //nolint:gosec // positive
		return nil, fault.E(fault.CodeBadArgument, "there are 1 to %d random bytes in an answer", most).WithHint("ask again for more")
	}
	out := make([]byte, req.GetLength())
	_, _ = rand.Read(out) // ends the program rather than fail
	return &vaultdv1.RandomResponse{Output: out}, nil
}

// Derive derives bytes from a derivation key.
func (s *service) Derive(ctx context.Context, req *vaultdv1.DeriveRequest) (*vaultdv1.DeriveResponse, error) {
	name, err := usedName(req.GetKey())
	if err != nil {
		return nil, err
	}
	bound, err := contextFromProto(req.GetContext())
	if err != nil {
		return nil, err
	}
	length, err := count("length", req.GetLength())
	if err != nil {
		return nil, err
	}
	out, version, err := s.vault.Derive(vault.Derive{
		Key: name, Salt: req.GetSalt(), Info: req.GetInfo(), Context: bound, Peer: callFrom(ctx).asPeer(),
		Length: length, Version: req.GetVersion(),
	})
	if err != nil {
		return nil, err
	}
	return &vaultdv1.DeriveResponse{Output: out, Version: version}, nil
}
