package vault

import (
	"crypto"
	"crypto/cipher"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/vaultd/vaultd/crypto/kdf"
	"github.com/vaultd/vaultd/internal/secret"
)

// rootKeyLen is the size of the root key and of every key derived from it.
const rootKeyLen = 32

// SlotSecretLen is the size of every slot secret that is not a password.
const SlotSecretLen = 32

// What a slot may hold. A header that holds anything else is from a newer program.
const (
	kdfPBKDF2SHA256  = 1 // for passwords
	kdfHKDFSHA256    = 2 // for secrets of SlotSecretLen random bytes
	slotSaltLen      = 32
	minSlotSaltLen   = 16
	slotNonceLen     = 12
	slotWrappedLen   = rootKeyLen + 16
	maxPasswordLen   = 1024
	maxPasswordSlots = 4
	maxSlotNameLen   = 32
	maxSlotParams    = 4 << 10
	firstSlot        = 1 // id of the password slot that init makes
	slotKeyLabel     = "vaultd/1/slot/key"
	slotWrapLabel    = "vaultd/1/slot/wrap"
	slotCommitLabel  = "vaultd/1/slot/commitment"
	slotAADLabel     = "vaultd/1/slot"
)

// errSlotSecret says that a slot does not open with this secret.
var errSlotSecret = errors.New("secret does not open this slot")

// slot is one wrapping of the root key. The wrap is AES-256-GCM, which alone
// would let a forger craft one slot that opens under two secrets; the
// commitment, a second output of the same KDF, stops that and tells a wrong
// secret from a damaged wrap.
type slot struct {
	id         uint32
	kind       SlotKind
	kdf        uint8
	iterations uint32 // of PBKDF2; else 0
	salt       []byte
	name       string    // empty for the one that init makes
	created    time.Time // zero for the one that init makes
	params     []byte    // what whoever opens it has to know, such as a TPM's policy
	nonce      [slotNonceLen]byte
	wrapped    [slotWrappedLen]byte
	commitment [32]byte
}

// plain reports whether the slot says nothing that format 1 could not say. Such a
// slot stays as format 1 has it, in a header of format 2 too: its secret is not
// at hand to bind it anew.
func (s *slot) plain() bool {
	return s.kind == SlotPassword && s.kdf == kdfPBKDF2SHA256 && s.name == "" && s.created.IsZero() && len(s.params) == 0
}

// format is that of the first headers that could hold the slot.
func (s *slot) format() uint16 {
	if s.plain() {
		return headerFormat1
	}
	return headerFormat2
}

// label is what people call the slot. A name is never empty nor a number.
func (s *slot) label() string {
	switch {
	case s.name != "":
		return s.name
	case s.id == firstSlot:
		return SlotPassword.String()
	}
	return "slot-" + strconv.FormatUint(uint64(s.id), 10)
}

// appendParams writes what the slot key depends on: kind, KDF and its parameters.
func (s *slot) appendParams(b []byte) []byte {
	b = append(b, byte(s.kind), s.kdf)
	b = appendU32(b, s.iterations)
	return appendStr8(b, string(s.salt))
}

// appendMore writes what format 2 added.
func (s *slot) appendMore(b []byte) []byte {
	b = appendStr8(b, s.name)
	b = appendTime(b, s.created)
	return appendStr16(b, string(s.params))
}

func (s *slot) append(b []byte, format uint16) []byte {
	b = appendU32(b, s.id)
	b = s.appendParams(b)
	if format >= headerFormat2 {
		b = s.appendMore(b)
	}
	b = append(b, s.nonce[:]...)
	b = append(b, s.wrapped[:]...)
	return append(b, s.commitment[:]...)
}

func readSlot(r *reader, format uint16) slot {
	s := slot{id: r.u32(), kind: SlotKind(r.u8()), kdf: r.u8(), iterations: r.u32(), salt: []byte(r.str8())}
	rule, known := slotRules[s.kind]
	r.check(known && s.kdf == rule.kdf && s.boundedKDF())
	if format >= headerFormat2 {
		s.name, s.created, s.params = r.str8(), r.time(), []byte(r.str16())
		r.check(len(s.params) <= maxSlotParams && (s.plain() || validSlotName(s.name)))
	}
	s.nonce = [slotNonceLen]byte(r.fixed(slotNonceLen))
	s.wrapped = [slotWrappedLen]byte(r.fixed(slotWrappedLen))
	s.commitment = r.array32()
	return s
}

// boundedKDF keeps a forged header from weakening or stalling an unseal.
func (s *slot) boundedKDF() bool {
	if s.kdf == kdfHKDFSHA256 {
		return s.iterations == 0 && len(s.salt) >= minSlotSaltLen
	}
	return kdf.Params{Salt: s.salt, Iterations: int(s.iterations)}.Check() == nil
}

// validSlotName: 1 to 32 of a-z, 0-9, '.', '_', '-', the first a letter. So no name is an id.
func validSlotName(name string) bool {
	if name == "" || len(name) > maxSlotNameLen || name[0] < 'a' || name[0] > 'z' {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// aad binds the slot to its vault, its place and all that it says, so that a slot
// cannot be carried into another header, nor its KDF be weakened, nor its kind,
// name or parameters be changed.
func (s *slot) aad(vaultID [16]byte) []byte {
	b := append([]byte(nil), slotAADLabel...)
	b = append(b, headerMagic...)
	b = appendU16(b, s.format())
	b = append(b, vaultID[:]...)
	b = appendU32(b, s.id)
	b = s.appendParams(b)
	if !s.plain() {
		b = s.appendMore(b)
	}
	return b
}

// wrap fills the slot: a new salt and nonce, and root under key material from the slot's secret.
func (s *slot) wrap(random io.Reader, vaultID [16]byte, slotSecret, root []byte) error {
	s.salt = make([]byte, slotSaltLen)
	if _, err := io.ReadFull(random, s.salt); err != nil {
		return fmt.Errorf("make a salt: %w", err)
	}
	if _, err := io.ReadFull(random, s.nonce[:]); err != nil {
		return fmt.Errorf("make a nonce: %w", err)
	}
	aead, commitment, err := s.keys(vaultID, slotSecret)
	if err != nil {
		return err
	}
	s.commitment = commitment
	aead.Seal(s.wrapped[:0], s.nonce[:], root, s.aad(vaultID))
	return nil
}

// newPasswordSlot is the slot that init makes.
func newPasswordSlot(random io.Reader, vaultID [16]byte, password, root []byte, iterations int) (slot, error) {
	s := slot{id: firstSlot, kind: SlotPassword, kdf: kdfPBKDF2SHA256, iterations: uint32(iterations)} //nolint:gosec // bounded by the KDF
	return s, s.wrap(random, vaultID, password, root)
}

// unwrap returns the root key, errSlotSecret for a wrong secret, or
// errHeaderBytes when the secret is right and the wrap is not.
func (s *slot) unwrap(vaultID [16]byte, slotSecret []byte) (*secret.Bytes, error) {
	aead, commitment, err := s.keys(vaultID, slotSecret)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(commitment[:], s.commitment[:]) != 1 {
		return nil, errSlotSecret
	}
	root := make([]byte, 0, rootKeyLen)
	root, err = aead.Open(root, s.nonce[:], s.wrapped[:], s.aad(vaultID))
	if err != nil {
		return nil, fmt.Errorf("unwrap slot %d: %w", s.id, errHeaderBytes)
	}
	return secret.From(root), nil
}

// deriveSlotKey is a variable only so that most tests need not pay for 600,000
// iterations each time they unseal.
var deriveSlotKey = kdf.Derive

// slotKey runs the slot's own KDF: PBKDF2-HMAC-SHA-256 (RFC 8018) for a password, HKDF-SHA-256
// (RFC 5869) for random bytes, which need no slowing down.
func (s *slot) slotKey(slotSecret []byte) ([]byte, error) {
	if s.kdf == kdfHKDFSHA256 {
		return kdf.HKDF(crypto.SHA256, slotSecret, s.salt, []byte(slotKeyLabel), 32)
	}
	return deriveSlotKey(slotSecret, kdf.Params{Salt: s.salt, Iterations: int(s.iterations)})
}

// keys derives the wrapping key and the commitment from the slot key, by HKDF-Expand (RFC 5869).
func (s *slot) keys(vaultID [16]byte, slotSecret []byte) (cipher.AEAD, [32]byte, error) {
	var commitment [32]byte
	slotKey, err := s.slotKey(slotSecret)
	if err != nil {
		return nil, commitment, err
	}
	defer secret.Wipe(slotKey)
	aad := s.aad(vaultID)
	wrap, err := kdf.Expand(crypto.SHA256, slotKey, append([]byte(slotWrapLabel), aad...), 32)
	if err != nil {
		return nil, commitment, err
	}
	defer secret.Wipe(wrap)
	c, err := kdf.Expand(crypto.SHA256, slotKey, append([]byte(slotCommitLabel), aad...), 32)
	if err != nil {
		return nil, commitment, err
	}
	aead, err := newGCM(wrap)
	return aead, [32]byte(c), err
}
