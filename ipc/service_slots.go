package ipc

import (
	"context"
	"os"
	"strconv"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/audit"
	"github.com/vaultd/vaultd/vault/fault"
)

// AddSlot adds a way to open the vault.
func (s *service) AddSlot(ctx context.Context, req *vaultdv1.AddSlotRequest) (*vaultdv1.AddSlotResponse, error) {
	iterations, err := count("iterations", req.GetIterations())
	if err != nil {
		return nil, err
	}
	with, err := s.slotSecretOfPerson(nil, req.GetWith())
	if err != nil {
		return nil, err
	}
	kind, err := slotKind(req.GetKind())
	if err != nil {
		return nil, err
	}
	slot := vault.NewSlot{
		Kind: kind, Name: req.GetName(), Secret: req.GetSecret(), Params: req.GetParams(), Iterations: iterations,
	}
	wipe, err := s.complete(&slot, req.GetTpm())
	if err != nil {
		return nil, err
	}
	defer wipe()
	info, err := s.vault.AddSlot(ctx, with, slot)
	if err != nil {
		return nil, err
	}
	return &vaultdv1.AddSlotResponse{Slot: s.keySlot(info), Warnings: warningsOf(info)}, nil
}

// ListSlots lists them, on a sealed vault as well.
func (s *service) ListSlots(context.Context, *vaultdv1.ListSlotsRequest) (*vaultdv1.ListSlotsResponse, error) {
	list, err := s.vault.Slots()
	if err != nil {
		return nil, err
	}
	resp := &vaultdv1.ListSlotsResponse{Slots: make([]*vaultdv1.KeySlot, 0, len(list))}
	if uid := os.Geteuid(); uid > 0 {
		resp.DaemonUid = uint32(uid) //nolint:gosec // a uid has 32 bits
	}
	if u := s.unsealing.Load(); u != nil {
		resp.KeyFile = u.KeyFile
	}
	for _, info := range list {
		resp.Slots = append(resp.Slots, s.keySlot(info))
	}
	return resp, nil
}

// RemoveSlot takes one away.
func (s *service) RemoveSlot(ctx context.Context, req *vaultdv1.RemoveSlotRequest) (*vaultdv1.RemoveSlotResponse, error) {
	with, err := s.slotSecretOfPerson(nil, req.GetWith())
	if err != nil {
		return nil, err
	}
	info, err := s.vault.RemoveSlot(ctx, with, req.GetSlot())
	if err != nil {
		return nil, err
	}
	return &vaultdv1.RemoveSlotResponse{Slot: s.keySlot(info)}, nil
}

func (s *service) keySlot(info vault.SlotInfo) *vaultdv1.KeySlot {
	kdf := "PBKDF2-HMAC-SHA-256"
	if info.Random {
		kdf = "HKDF-SHA-256"
	}
	detail, pin := detailOf(info)
	return &vaultdv1.KeySlot{
		Id: info.ID, Kind: vaultdv1.SlotKind(info.Kind), Name: info.Name, Created: timestamp(info.Created), Kdf: kdf,
		Iterations: uint32(info.Iterations), //nolint:gosec // bounded by the KDF
		Params:     info.Params, Automatic: s.unsealing.Load().uses(info.Kind) && !pin, Detail: detail, TakesPin: pin,
	}
}

// slotSecret is what a request opens a slot with: a password in a field of its own, or
// the secret of some slot.
func slotSecret(password []byte, with *vaultdv1.SlotSecret) (vault.SlotSecret, error) {
	switch {
	case with == nil:
		return vault.SlotSecret{Kind: vault.SlotPassword, Secret: password}, nil
	case len(password) > 0:
		return vault.SlotSecret{}, fault.E(fault.CodeBadArgument, "there is a password and another secret; give one of them")
	}
	secret := vault.SlotSecret{Slot: with.GetSlot(), Secret: with.GetSecret()}
	if with.GetKind() == vaultdv1.SlotKind_SLOT_KIND_UNSPECIFIED {
		return secret, nil
	}
	var err error
	secret.Kind, err = slotKind(with.GetKind())
	return secret, err
}

// slotKind is the vault's own kind, whose numbers are the API's too.
func slotKind(kind vaultdv1.SlotKind) (vault.SlotKind, error) {
	if _, known := vaultdv1.SlotKind_name[int32(kind)]; !known || kind == vaultdv1.SlotKind_SLOT_KIND_UNSPECIFIED {
		return 0, fault.E(fault.CodeBadArgument, "this is no kind of key slot")
	}
	return vault.SlotKind(kind), nil //nolint:gosec // one of the names
}

// describeSlot is a slot in the audit log.
func describeSlot(s *vaultdv1.KeySlot) []audit.Field {
	return []audit.Field{
		{Name: "slot", Value: s.GetName()},
		{Name: "slot_id", Value: strconv.FormatUint(uint64(s.GetId()), 10)},
		{Name: "kind", Value: vault.SlotKind(s.GetKind()).String()}, //nolint:gosec // the vault's own
	}
}
