package ipc

import (
	"context"
	"runtime"
	"strconv"
	"sync/atomic"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/audit"
	"github.com/vaultd/vaultd/vault/policy"
)

// service implements every method of the API over the vault, in its plain
// form: it converts messages, and decides nothing about who may call. That has
// been done before (invoke.go), but for what only an administrator is told.
type service struct {
	vault       *vault.Vault
	policy      *policy.Policy
	rules       *rules
	denials     *policy.Denials
	principals  *principals
	approvals   *approvals
	audit       *audit.Log // nil without one
	readers     *readers   // of the audit log
	events      *keyEvents
	readings    readings
	tampering   tampering
	sealers     atomic.Pointer[[]string] // what keeps the vault from being sealed by itself; nil until told
	version     string
	config      atomic.Pointer[ConfigState] // nil until told
	unsealing   atomic.Pointer[Unsealing]   // nil until told
	shares      *shareDesk
	tpm         string // its device, empty for none
	batch       func(context.Context, *vaultdv1.BatchRequest) (*vaultdv1.BatchResponse, error)
	messageSize func() int // what a request, and a listing, may take, encoded
}

// defaultOwner is whose namespace a request is about that names none: every
// owner's, which is empty, for administrators, else the caller's own.
func (s *service) defaultOwner(who *policy.Principal) string {
	if _, admin := s.policy.IsAdmin(who); admin {
		return ""
	}
	return who.User
}

// by names the caller for tombstones.
func by(ctx context.Context) string {
	c := callFrom(ctx)
	switch {
	case c == nil || c.who == nil:
		return ""
	case c.who.User != "":
		return c.who.User
	}
	return "uid " + strconv.FormatUint(uint64(c.who.UID), 10)
}

// Status tells how the vault is; how much is in it, only to administrators.
func (s *service) Status(ctx context.Context, _ *vaultdv1.StatusRequest) (*vaultdv1.StatusResponse, error) {
	st := s.vault.Status()
	resp := &vaultdv1.StatusResponse{
		Initialized:  st.Initialized,
		Sealed:       st.Sealed,
		Version:      s.version,
		MemoryLocked: st.MemoryLocked,
	}
	_, admin := s.policy.IsAdmin(callFrom(ctx).who)
	s.auditStatus(resp, admin)
	if admin {
		resp.GoVersion = runtime.Version()
	}
	resp.PolicyGeneration, resp.PolicyHash, resp.PolicyProblem = s.rules.state()
	resp.PolicyProblem = problemText(resp.PolicyProblem)
	if resp.PolicyProblem != "" && !admin {
		resp.PolicyProblem = "they have a mistake" // which may quote them
	}
	if c := s.config.Load(); c != nil && admin {
		resp.ConfigProblem, resp.RestartNeeded = problemText(c.Problem), c.Restart
	}
	s.statusOfFiles(resp, admin)
	s.statusOfUnsealing(resp, admin)
	s.statusOfSealing(resp, admin)
	if !st.Initialized {
		return resp, nil
	}
	if st.VaultID != [16]byte{} {
		resp.VaultId = vault.KeyID(st.VaultID).String()
	}
	resp.Format = uint32(st.Format) //nolint:gosec // a small number
	resp.Warnings = st.Warnings
	resp.KdfIterations = uint32(st.Iterations) //nolint:gosec // bounded by the KDF
	if st.Sealed {
		return resp, nil
	}
	resp.Store = st.Store
	resp.ClockRegressed = st.ClockRegressed
	resp.UnsealedAt = timestamp(st.UnsealedAt)
	if admin {
		resp.PrincipalsChanged = s.principals.changed()
		resp.ApprovalsWaiting = uint64(s.approvals.waiting())       //nolint:gosec // a count
		resp.Keys, resp.Owners = uint64(st.Keys), uint64(st.Owners) //nolint:gosec // counts
		resp.Records, resp.Sequence = uint64(st.Records), st.Sequence
		resp.Generation = uint32(st.Generation) //nolint:gosec // one for each rewrite of the store
		s.takeStock(resp)
	}
	return resp, nil
}

// Init makes a new vault.
func (s *service) Init(ctx context.Context, req *vaultdv1.InitRequest) (*vaultdv1.InitResponse, error) {
	iterations, err := count("iterations", req.GetIterations())
	if err != nil {
		return nil, err
	}
	r, err := s.vault.Init(ctx, req.GetPassword(), iterations)
	if err != nil {
		return nil, err
	}
	return &vaultdv1.InitResponse{
		VaultId:    vault.KeyID(r.VaultID).String(),
		Iterations: uint32(r.Iterations), //nolint:gosec // bounded by the KDF
	}, nil
}

// Unseal opens the vault.
func (s *service) Unseal(ctx context.Context, req *vaultdv1.UnsealRequest) (*vaultdv1.UnsealResponse, error) {
	with, err := slotSecret(req.GetPassword(), req.GetWith())
	if err != nil {
		return nil, err
	}
	warnings, err := s.unseal(ctx, with, req.GetAcceptRollback())
	if err != nil {
		return nil, err
	}
	return &vaultdv1.UnsealResponse{Warnings: warnings, Slot: s.vault.UnsealedWith()}, nil
}

// ChangePassword replaces the password.
func (s *service) ChangePassword(ctx context.Context, req *vaultdv1.ChangePasswordRequest) (*vaultdv1.ChangePasswordResponse, error) {
	iterations, err := count("iterations", req.GetIterations())
	if err != nil {
		return nil, err
	}
	with, err := s.slotSecretOfPerson(req.GetOldPassword(), req.GetWith())
	if err != nil {
		return nil, err
	}
	info, err := s.vault.ChangeSlotPassword(ctx, with, req.GetSlot(), req.GetNewPassword(), iterations)
	if err != nil {
		return nil, err
	}
	return &vaultdv1.ChangePasswordResponse{
		Iterations: uint32(info.Iterations), //nolint:gosec // bounded by the KDF
		Slot:       s.keySlot(info),
	}, nil
}
