package ipc

import (
	"context"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
)

// Forget drops registrations of ciphertexts.
func (s *service) Forget(ctx context.Context, req *vaultdv1.ForgetRequest) (*vaultdv1.ForgetResponse, error) {
	name, err := vault.ParseName(req.GetKey())
	if err != nil {
		return nil, err
	}
	f := vault.Forget{Key: name, Version: req.GetVersion()}
	for _, text := range req.GetCiphertexts() {
		f.Ciphertexts = append(f.Ciphertexts, vault.Ciphertext{Bytes: []byte(text)})
	}
	for _, b := range req.GetCiphertextsBinary() {
		f.Ciphertexts = append(f.Ciphertexts, vault.Ciphertext{Bytes: b, Binary: true})
	}
	done, err := s.vault.Forget(ctx, f)
	if err != nil {
		return nil, err
	}
	return &vaultdv1.ForgetResponse{
		Forgotten: uint64(done.Forgotten), Unknown: uint64(done.Unknown), //nolint:gosec // counts
	}, nil
}

// KeyCensus tells what the registered ciphertexts of a key need.
func (s *service) KeyCensus(_ context.Context, req *vaultdv1.KeyCensusRequest) (*vaultdv1.KeyCensusResponse, error) {
	name, err := vault.ParseName(req.GetName())
	if err != nil {
		return nil, err
	}
	needs, err := s.vault.KeyCensus(name)
	if err != nil {
		return nil, err
	}
	resp := &vaultdv1.KeyCensusResponse{Key: name.String(), Most: vault.MaxTracked}
	for _, n := range needs {
		resp.Total += uint64(n.N) //nolint:gosec // a count
		resp.Versions = append(resp.Versions, &vaultdv1.VersionCensus{
			Number: n.Number, State: vaultdv1.KeyState(n.State), Ciphertexts: uint64(n.N), Oldest: timestamp(n.Oldest), //nolint:gosec // a count
		})
	}
	return resp, nil
}
