package ipc

import (
	"context"
	"slices"
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
)

// sealPatience is how long a vault that is to be sealed stays open for what is to
// be saved in it. That takes milliseconds, unless a disk hangs, or an account
// directory that a change of the policy waits for.
const sealPatience = 2 * time.Second

// Seal closes the vault.
func (s *service) Seal(ctx context.Context, _ *vaultdv1.SealRequest) (*vaultdv1.SealResponse, error) {
	detail := ""
	if who := by(ctx); who != "" {
		detail = "by " + who
	}
	if err := s.seal(vault.SealedByRequest, detail); err != nil {
		return nil, err
	}
	return &vaultdv1.SealResponse{}, nil
}

func (s *service) seal(reason vault.SealReason, detail string) error {
	flushed := make(chan struct{})
	go func() { // it ends by itself: a sealed vault refuses it
		defer close(flushed)
		s.rules.flush()
	}()
	select {
	case <-flushed:
	case <-time.After(sealPatience):
	}
	s.shares.forget() // of a vault that is sealed: they are secrets in memory too
	return s.vault.SealBecause(reason, detail)
}

// SealBecause seals the vault as a request to do so does, for another reason. It
// stays sealed until somebody asks to unseal it; see vault.Sealing.
func (s *Server) SealBecause(reason vault.SealReason, detail string) error {
	return s.service.seal(reason, detail)
}

// TellSealers has Status tell administrators from now on which ways of sealing the
// vault by itself are configured and don't work.
func (s *Server) TellSealers(problems []string) {
	problems = slices.Clone(problems)
	s.service.sealers.Store(&problems)
}

// statusOfSealing tells why the vault is sealed, and what is wrong with sealing it
// by itself. The detail may name users or files.
func (s *service) statusOfSealing(resp *vaultdv1.StatusResponse, admin bool) {
	if problems := s.sealers.Load(); problems != nil && admin {
		resp.AutoSealProblems = *problems
	}
	if !resp.GetSealed() || !resp.GetInitialized() {
		return
	}
	sealing := s.vault.Sealing()
	resp.SealedAt, resp.SealReason = timestamp(sealing.At), string(sealing.Reason)
	if admin {
		resp.SealDetail = sealing.Detail
	}
}

// KeysUsed reports whether a request that counts against sealing for idleness was
// performed since it was called last.
func (s *Server) KeysUsed() bool { return s.used.Swap(false) }

// noteUse notes that a key was used. While one is noted already, which is nearly
// always, it reads a word that all processors share.
func (s *Server) noteUse(m *method) {
	if m.usesKeys && !s.used.Load() {
		s.used.Store(true)
	}
}
