package vault

import (
	"bytes"
	"context"
	"slices"
	"strconv"
	"time"
)

// SlotInfo describes a key slot. Nothing of it is secret.
type SlotInfo struct {
	ID         uint32
	Kind       SlotKind
	Name       string
	Created    time.Time // of its present secret; zero where that is not known: for the slot of Init
	Random     bool      // the secret is random bytes, by HKDF; else a password, by PBKDF2
	Iterations int       // of PBKDF2
	Params     []byte
}

func (s *slot) info() SlotInfo {
	return SlotInfo{
		ID: s.id, Kind: s.kind, Name: s.label(), Created: s.created, Random: s.kind.Random(),
		Iterations: int(s.iterations), Params: bytes.Clone(s.params),
	}
}

// NewSlot is a key slot to be added.
type NewSlot struct {
	Kind       SlotKind
	Name       string // empty takes the kind's name, with a number where that is taken
	Secret     []byte
	Params     []byte // kept and authenticated, up to 4 KiB; the vault does not read it
	Iterations int    // for a password, as of Init
}

// Slots lists the key slots by id. It works on a sealed vault as well; what it says
// then has not been authenticated.
func (v *Vault) Slots() ([]SlotInfo, error) {
	h, err := v.headerInForce()
	if err != nil {
		return nil, err
	}
	list := make([]SlotInfo, 0, len(h.slots))
	for i := range h.slots {
		list = append(list, h.slots[i].info())
	}
	slices.SortFunc(list, func(a, b SlotInfo) int { return int(a.ID) - int(b.ID) })
	return list, nil
}

func (v *Vault) headerInForce() (*header, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.opened != nil {
		return v.opened.header, nil
	}
	h, _, err := v.files.load()
	return h, err
}

// AddSlot wraps the root key for one more secret. It takes the secret of a slot that there is:
// the root key is in no memory of an unsealed vault, and who finds one unsealed
// should not be able to open it for ever. Only the header is written. The vault must be unsealed.
func (v *Vault) AddSlot(ctx context.Context, by SlotSecret, n NewSlot) (SlotInfo, error) {
	v.admin.Lock()
	defer v.admin.Unlock()
	o, err := v.changing(ctx)
	if err != nil {
		return SlotInfo{}, err
	}
	h := o.header.clone()
	s, err := v.newSlot(h, n)
	if err != nil {
		return SlotInfo{}, err
	}
	root, _, err := v.rootKey(o.header, by)
	if err != nil {
		return SlotInfo{}, err
	}
	defer root.Wipe()
	s.created = o.clock.stamp()
	if err := s.wrap(v.o.Random, h.vaultID, n.Secret, root.Bytes()); err != nil {
		return SlotInfo{}, err
	}
	h.slots = append(h.slots, s)
	if err := v.replaceHeader(o, h, root, "the new key slot"); err != nil {
		return SlotInfo{}, err
	}
	v.log.Info("key slot added", "slot", s.label(), "id", s.id, "kind", s.kind.String(), "header_epoch", h.epoch)
	return s.info(), nil
}

// newSlot checks n and makes of it a slot that wraps nothing yet.
func (v *Vault) newSlot(h *header, n NewSlot) (slot, error) {
	rule, known := slotRules[n.Kind]
	if !known {
		return slot{}, E(CodeBadArgument, "a key slot needs a kind")
	}
	if n.Name != "" && !validSlotName(n.Name) {
		return slot{}, E(CodeBadArgument, "this is not the name of a key slot").
			WithHint("it has 1 to %d of a-z, 0-9, '.', '_' and '-', the first a letter", maxSlotNameLen)
	}
	switch {
	case n.Name != "" && h.labelled(n.Name) != nil:
		return slot{}, E(CodeSlotExists, "there is a key slot %s already", n.Name)
	case len(n.Params) > maxSlotParams:
		return slot{}, E(CodeTooLarge, "the parameters of a key slot have at most %d bytes", maxSlotParams)
	case len(h.slots) >= maxHeaderSlots || h.count(n.Kind) >= rule.most:
		return slot{}, E(CodeQuotaExceeded, "a vault has at most %d key slots, and %d of kind %s", maxHeaderSlots, rule.most, n.Kind).
			WithHint("remove one that nobody needs")
	}
	s := slot{id: h.newSlotID(), kind: n.Kind, kdf: rule.kdf, name: n.Name, params: bytes.Clone(n.Params)}
	if s.name == "" {
		s.name = h.freeName(n.Kind)
	}
	return s, v.prepare(&s, n.Secret, n.Iterations)
}

// prepare checks the secret that s is to open with, and sets what the KDF needs for it.
func (v *Vault) prepare(s *slot, slotSecret []byte, iterations int) error {
	if s.kind.Random() {
		if iterations != 0 {
			return E(CodeBadArgument, "only a password takes iterations")
		}
		return s.kind.checkSecret(slotSecret)
	}
	if _, err := checkNewPassword(slotSecret); err != nil {
		return err
	}
	n, err := v.chooseIterations(iterations)
	s.iterations = uint32(n) //nolint:gosec // bounded by the KDF
	return err
}

// newSlotID is the epoch of the header that the slot comes with, so that no id is given twice.
func (h *header) newSlotID() uint32 {
	id := uint32(h.epoch + 1) //nolint:gosec // nobody replaces a header four billion times
	for h.slot(id) != nil {
		id++
	}
	return id
}

// freeName is the kind's name, or the first with a number that is free.
func (h *header) freeName(kind SlotKind) string {
	name := kind.String()
	for n := 2; h.labelled(name) != nil; n++ {
		name = kind.String() + "-" + strconv.Itoa(n)
	}
	return name
}

// RemoveSlot removes the slot that ref names by id or name, for good. It takes the secret of
// another one, which shows that somebody can still open the vault, and leaves
// at least one that people open. Copies of the header from before still open with it.
func (v *Vault) RemoveSlot(ctx context.Context, by SlotSecret, ref string) (SlotInfo, error) {
	v.admin.Lock()
	defer v.admin.Unlock()
	o, err := v.changing(ctx)
	if err != nil {
		return SlotInfo{}, err
	}
	s, err := o.header.find(ref)
	if err != nil {
		return SlotInfo{}, err
	}
	removed := s.info()
	h := o.header.clone()
	h.slots = slices.DeleteFunc(h.slots, func(s slot) bool { return s.id == removed.ID })
	if !h.personal() {
		return SlotInfo{}, E(CodeLastSlot, "this is the last key slot that people can open").
			WithHint("add a password, recovery words or shares first: machines break, and what only they know is lost")
	}
	root, with, err := v.rootKey(o.header, by)
	if err != nil {
		return SlotInfo{}, err
	}
	defer root.Wipe()
	if with.id == removed.ID {
		return SlotInfo{}, E(CodeBadArgument, "a key slot is removed with the secret of another one, which shows that the vault still opens").
			WithHint("name a slot whose secret you have")
	}
	if err := v.replaceHeader(o, h, root, "the removal"); err != nil {
		return SlotInfo{}, err
	}
	v.log.Info("key slot removed", "slot", removed.Name, "id", removed.ID, "kind", removed.Kind.String(), "header_epoch", h.epoch)
	return removed, nil
}

// personal reports whether people can open the header without the machine.
func (h *header) personal() bool {
	return slices.ContainsFunc(h.slots, func(s slot) bool { return slotRules[s.kind].personal })
}
