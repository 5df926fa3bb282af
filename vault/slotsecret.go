package vault

import (
	"errors"
	"strconv"

	"github.com/vaultd/vaultd/internal/secret"
)

// SlotSecret is what opens a key slot.
type SlotSecret struct {
	Kind   SlotKind // of the slot; 0 is a password, or that of Slot where it names one
	Slot   string   // id or name; empty tries every slot of the kind
	Secret []byte   // a password of up to 1024 bytes, or SlotSecretLen random bytes
}

// find returns the slot that ref names by id or name.
func (h *header) find(ref string) (*slot, error) {
	s := h.labelled(ref)
	if id, err := strconv.ParseUint(ref, 10, 32); err == nil {
		s = h.slot(uint32(id))
	}
	if s == nil {
		return nil, E(CodeSlotNotFound, "the vault has no such key slot").WithHint("'vaultctl slot list' shows those that there are")
	}
	return s, nil
}

// of returns the slots of a kind.
func (h *header) of(kind SlotKind) (slots []*slot) {
	for i := range h.slots {
		if h.slots[i].kind == kind {
			slots = append(slots, &h.slots[i])
		}
	}
	return slots
}

// candidates returns the slots, all of one kind, that with may open.
func (h *header) candidates(with SlotSecret) ([]*slot, error) {
	if with.Slot != "" {
		s, err := h.find(with.Slot)
		if err == nil && with.Kind != 0 && with.Kind != s.kind {
			err = E(CodeBadArgument, "the key slot is one of kind %s, not %s", s.kind, with.Kind)
		}
		return []*slot{s}, err
	}
	kind := with.Kind
	if kind == 0 {
		kind = SlotPassword
	}
	slots := h.of(kind)
	if len(slots) == 0 {
		return nil, E(CodeSlotNotFound, "the vault has no key slot of kind %s", kind).
			WithHint("'vaultctl slot list' shows those that there are")
	}
	return slots, nil
}

// throttled is how many slots there are whose wrong secrets count as guesses.
func (h *header) throttled() (n int) {
	for i := range h.slots {
		if slotRules[h.slots[i].kind].throttled {
			n++
		}
	}
	return n
}

// unwrapAny opens the first of slots that the secret fits. It returns errSlotSecret
// when it fits none.
func unwrapAny(vaultID [16]byte, slots []*slot, slotSecret []byte) (*secret.Bytes, *slot, error) {
	err := errSlotSecret
	for _, s := range slots {
		root, slotErr := s.unwrap(vaultID, slotSecret)
		if slotErr == nil {
			return root, s, nil
		}
		if !errors.Is(slotErr, errSlotSecret) {
			err = slotErr
		}
	}
	return nil, nil, err
}

// rootKey opens the header with the secret of a slot and authenticates it. It
// returns which slot that was. However many slots a password is tried on, it is one guess.
func (v *Vault) rootKey(h *header, with SlotSecret) (*secret.Bytes, *slot, error) {
	slots, err := h.candidates(with)
	if err != nil {
		return nil, nil, err
	}
	kind := slots[0].kind
	if err := kind.checkSecret(with.Secret); err != nil {
		return nil, nil, err
	}
	right, undo, left := func(*slot) {}, func() {}, func() error { return nil }
	if slotRules[kind].throttled {
		var guess slotGuess
		if slots, guess, err = v.guesses.beginSlots(slots, h.throttled() == 1); err != nil {
			return nil, nil, err
		}
		right, undo, left = guess.right, guess.undo, guess.left
	}
	root, by, err := unwrapAny(h.vaultID, slots, with.Secret)
	switch {
	case errors.Is(err, errSlotSecret):
		v.log.Warn("wrong "+slotRules[kind].what, "kind", kind.String())
		if err := left(); err != nil {
			return nil, nil, err
		}
		return nil, nil, kind.wrong()
	case errors.Is(err, errHeaderBytes): // the secret is right, what it opens is not
		undo()
		return nil, nil, ErrHeaderDamaged.Because(err)
	case err != nil:
		return nil, nil, err
	}
	right(by)
	if err := h.verify(root.Bytes()); err != nil {
		root.Wipe()
		if errors.Is(err, errHeaderBytes) {
			return nil, nil, ErrHeaderDamaged.Because(err)
		}
		return nil, nil, err
	}
	return root, by, nil
}
