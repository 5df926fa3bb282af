package ipc

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/vaultd/vaultd/crypto/shares"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/audit"
	"github.com/vaultd/vaultd/vault/fault"
)

// EnterShare takes one share, and unseals the vault with the one that completes its set.
// What else opens the vault needs nobody's consent; here, it takes as many
// shares as were decided on when they were made, whoever enters them.
func (s *service) EnterShare(ctx context.Context, req *vaultdv1.EnterShareRequest) (*vaultdv1.EnterShareResponse, error) {
	s.shares.turn.Lock()
	defer s.shares.turn.Unlock()
	if !s.vault.Status().Sealed {
		return nil, errUnsealed
	}
	share, err := shares.Parse(req.GetShare())
	if err != nil {
		return nil, invalidShare(err)
	}
	defer share.Wipe()
	slot, err := s.slotOfShare(&share)
	if err != nil {
		return nil, err
	}
	entered, fresh := s.shares.add(slot, &share)
	if s.vault.Opened() == nil { // by somebody else meanwhile, who may have had the desk cleared before
		s.shares.forget()
		return nil, errUnsealed
	}
	missing := int(share.Threshold) - entered
	if !fresh && missing > 0 {
		return nil, fault.E(fault.CodeShareEntered, "share %d of the key slot %s is entered already; it counts once", share.Index, slot).
			WithHint("enter another one; %d are missing", missing)
	}
	resp := &vaultdv1.EnterShareResponse{Index: uint32(share.Index), Progress: s.shares.of(share.Set)}
	if missing > 0 {
		return resp, nil
	}
	resp.Warnings, err = s.unsealByShares(ctx, slot, share.Set, req.GetAcceptRollback())
	if err != nil {
		return nil, err
	}
	resp.Unsealed = true
	return resp, nil
}

// unsealByShares opens the vault with a set that is complete. Its shares are kept
// when something else than they stands in the way: any of them, given again, tries again.
func (s *service) unsealByShares(ctx context.Context, slot string, id shares.ID, acceptRollback bool) ([]string, error) {
	whole, err := s.shares.combine(id)
	if errors.Is(err, shares.ErrTooFew) {
		return nil, fault.E(fault.CodeInvalidShare, "the time of a share that was entered before ran out at this moment").
			WithHint("enter that one again; 'vaultctl status' shows how many there are")
	}
	if err != nil {
		s.shares.forget()
		return nil, fault.E(fault.CodeInvalidShare, "the shares do not fit together; all that were entered are forgotten").Because(err)
	}
	defer whole.Wipe()
	warnings, err := s.unseal(ctx, vault.SlotSecret{Kind: vault.SlotShares, Slot: slot, Secret: whole.Bytes()}, acceptRollback)
	switch {
	case errors.Is(err, fault.ErrWrongPassword):
		s.shares.forget()
		return nil, fault.E(fault.CodeInvalidShare, "the shares do not open the vault; all that were entered are forgotten").
			WithHint("the key slot %s can't be what it was; 'vaultctl slot list' shows the others", slot).Because(err)
	case errors.Is(err, fault.ErrStoreRolledBack):
		var e *fault.Error
		if errors.As(err, &e) {
			return nil, e.WithHint("the shares are kept: if you know why, enter any of them again with --accept-rollback")
		}
	}
	return warnings, err
}

// ResetShares forgets the shares that were entered.
func (s *service) ResetShares(context.Context, *vaultdv1.ResetSharesRequest) (*vaultdv1.ResetSharesResponse, error) {
	return &vaultdv1.ResetSharesResponse{Forgotten: uint32(s.shares.forget())}, nil //nolint:gosec // bounded by the slots
}

// slotOfShare finds the slot whose set the share is of, and checks that it is as it was made.
func (s *service) slotOfShare(share *shares.Share) (name string, err error) {
	list, err := s.vault.Slots()
	if err != nil {
		return "", err
	}
	sets := 0
	for _, slot := range list {
		if slot.Kind != vault.SlotShares {
			continue
		}
		sets++
		set, err := shares.ParseSet(slot.Params)
		if err != nil || set.ID != share.Set {
			continue
		}
		if err := set.Check(share); err != nil {
			return "", invalidShare(err)
		}
		return slot.Name, nil
	}
	if sets == 0 {
		return "", fault.E(fault.CodeSlotNotFound, "the vault has no key slot that shares open").
			WithHint("'vaultctl slot list' shows those that there are")
	}
	return "", invalidShare(shares.ErrOtherSet)
}

// invalidShare says what is wrong with one share. The ones before it stay.
func invalidShare(err error) *fault.Error {
	e := fault.E(fault.CodeInvalidShare, "%v", err)
	switch {
	case errors.Is(err, shares.ErrOtherSet):
		return fault.E(fault.CodeInvalidShare, "this is a share of another vault, or of a key slot that was removed").
			WithHint("look for the one that was made with the others")
	case errors.Is(err, shares.ErrNewer):
		return e.WithHint("use a newer vaultctl and vaultd")
	}
	return e.WithHint("compare it with what was written down; the shares before it are kept")
}

// describeShare is an entered share in the audit log.
func describeShare(r *vaultdv1.EnterShareResponse) []audit.Field {
	p := r.GetProgress()
	fields := []audit.Field{
		{Name: "slot", Value: p.GetSlot()},
		{Name: "share", Value: strconv.FormatUint(uint64(r.GetIndex()), 10)},
		{Name: "entered", Value: strconv.FormatUint(uint64(p.GetEntered()), 10) + " of " + strconv.FormatUint(uint64(p.GetThreshold()), 10)},
	}
	if r.GetUnsealed() {
		fields = append(fields, audit.Field{Name: "unsealed", Value: "yes"})
	}
	if w := r.GetWarnings(); len(w) > 0 { // such as that the vault was restored
		fields = append(fields, audit.Field{Name: "warnings", Value: strings.Join(w, "; ")})
	}
	return fields
}
