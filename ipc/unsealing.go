package ipc

import (
	"context"
	"slices"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/fault"
)

var errUnsealed = fault.E(fault.CodeUnsealed, "the vault is unsealed already")

// Unsealing is what clients are told of how the daemon opens the vault by itself.
type Unsealing struct {
	Kinds    []vault.SlotKind // whose secrets it looks for
	KeyFile  string           // where, for a key file; empty for nowhere
	Problems []string         // why the last try opened nothing
}

func (u *Unsealing) uses(kind vault.SlotKind) bool {
	return u != nil && slices.Contains(u.Kinds, kind)
}

// TellUnsealing has Status and ListSlots tell of it from now on.
func (s *Server) TellUnsealing(u Unsealing) { s.service.unsealing.Store(&u) }

// Unseal opens the vault as a request to do so does, but for an older store, which
// only a person accepts.
func (s *Server) Unseal(ctx context.Context, with vault.SlotSecret) (warnings []string, err error) {
	return s.service.unsealBy(ctx, with, s.service.vault.UnsealAlone)
}

func (s *service) unseal(ctx context.Context, with vault.SlotSecret, acceptRollback bool) ([]string, error) {
	return s.unsealBy(ctx, with, func(ctx context.Context, with vault.SlotSecret) ([]string, error) {
		return s.vault.UnsealWith(ctx, with, acceptRollback)
	})
}

func (s *service) unsealBy(
	ctx context.Context, with vault.SlotSecret, open func(context.Context, vault.SlotSecret) ([]string, error),
) ([]string, error) {
	if s.vault.Opened() == nil { // before the TPM is asked: it would tell whether a PIN is right, and count it
		return nil, errUnsealed
	}
	with, wipe, err := s.released(with)
	if err != nil {
		return nil, err
	}
	defer wipe()
	warnings, err := open(ctx, with)
	if err != nil {
		return nil, err
	}
	s.shares.forget()
	s.rules.sweep()
	s.tampering.clear()
	return warnings, nil
}

// statusOfUnsealing tells administrators with what the vault was opened, or why the daemon
// did not open it.
func (s *service) statusOfUnsealing(resp *vaultdv1.StatusResponse, admin bool) {
	if !admin {
		return
	}
	resp.UnsealedWith = s.vault.UnsealedWith()
	resp.Shares = s.shares.progress()
	if u := s.unsealing.Load(); u != nil && resp.GetSealed() {
		for _, p := range u.Problems {
			resp.UnsealProblems = append(resp.UnsealProblems, problemText(p))
		}
	}
}
