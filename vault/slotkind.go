package vault

// SlotKind says what the secret of a key slot is. The numbers are on disk.
type SlotKind uint8

// The kinds of slots.
const (
	SlotPassword   SlotKind = 1 // a password that a person chose
	SlotKeyFile    SlotKind = 2 // random bytes in a file
	SlotCredential SlotKind = 3 // random bytes that the service manager hands over
	SlotRecovery   SlotKind = 4 // random bytes, written down as words
	SlotShares     SlotKind = 5 // random bytes, shared among several people
	SlotTPM        SlotKind = 6 // random bytes that a TPM releases
)

// slotRule is what follows from a slot's kind.
type slotRule struct {
	name string
	what string // the secret, in a sentence
	kdf  uint8

	// throttled: wrong ones count as guesses. That bounds what somebody finds out who
	// can only ask; a secret of 256 random bits needs no such bound, but what
	// people type is throttled as one, so that they learn one rule.
	throttled bool
	// personal: people can open it with nothing but what they know or keep apart from
	// the machine. One such slot always remains.
	personal bool
	most     int // slots of this kind
}

// slotRules has every kind. Trying a password costs a key derivation for each password slot,
// which is why there are few.
var slotRules = map[SlotKind]slotRule{
	SlotPassword:   {name: "password", what: "password", kdf: kdfPBKDF2SHA256, throttled: true, personal: true, most: maxPasswordSlots},
	SlotKeyFile:    {name: "key-file", what: "key file", kdf: kdfHKDFSHA256, most: maxHeaderSlots},
	SlotCredential: {name: "credential", what: "credential", kdf: kdfHKDFSHA256, most: maxHeaderSlots},
	SlotRecovery:   {name: "recovery", what: "recovery phrase", kdf: kdfHKDFSHA256, throttled: true, personal: true, most: maxHeaderSlots},
	SlotShares:     {name: "shares", what: "set of shares", kdf: kdfHKDFSHA256, personal: true, most: maxHeaderSlots},
	SlotTPM:        {name: "tpm", what: "TPM", kdf: kdfHKDFSHA256, most: maxHeaderSlots},
}

// String is the kind's name, as people write it.
func (k SlotKind) String() string {
	if rule, ok := slotRules[k]; ok {
		return rule.name
	}
	return "unknown"
}

// ParseSlotKind is the kind of that name.
func ParseSlotKind(name string) (SlotKind, error) {
	for k, rule := range slotRules {
		if rule.name == name {
			return k, nil
		}
	}
	return 0, E(CodeBadArgument, "there is no kind of key slot with this name").
		WithHint("the kinds are password, key-file, credential, recovery, shares and tpm")
}

// Random reports whether the secret is SlotSecretLen random bytes, which nobody guesses.
func (k SlotKind) Random() bool { return slotRules[k].kdf == kdfHKDFSHA256 }

// checkSecret refuses what cannot be the secret of such a slot, before anything is derived.
func (k SlotKind) checkSecret(s []byte) error {
	switch {
	case k.Random() && len(s) != SlotSecretLen:
		return E(CodeBadArgument, "the secret of a %s slot has %d bytes, not %d", k, SlotSecretLen, len(s))
	case !k.Random() && (len(s) == 0 || len(s) > maxPasswordLen):
		return E(CodeBadArgument, "a password has 1 to %d bytes", maxPasswordLen)
	}
	return nil
}

// wrong is the error for a secret that opens no slot of this kind.
func (k SlotKind) wrong() *Error {
	if k == SlotPassword {
		return ErrWrongPassword
	}
	return E(CodeWrongPassword, "this %s does not open the vault", slotRules[k].what).
		WithHint("'vaultctl slot list' shows the slots that there are")
}
