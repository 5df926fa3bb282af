package vault

import (
	"crypto"
	"crypto/cipher"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"

	"github.com/vaultd/vaultd/crypto/kdf"
	"github.com/vaultd/vaultd/internal/secret"
)

// rootKeyLen is the size of the root key and of every key derived from it.
const rootKeyLen = 32

// What a slot may hold. Other kinds (recovery key, key file, TPM) get numbers
// when they are built; a header that names one is from a newer program.
const (
	slotPassword    = 1
	kdfPBKDF2SHA256 = 1
	slotSaltLen     = 32
	slotNonceLen    = 12
	slotWrappedLen  = rootKeyLen + 16
	maxPasswordLen  = 1024
	passwordSlot    = 1 // id of the slot that init makes
	slotWrapLabel   = "vaultd/1/slot/wrap"
	slotCommitLabel = "vaultd/1/slot/commitment"
	slotAADLabel    = "vaultd/1/slot"
)

// errSlotSecret says that a slot does not open with this password.
var errSlotSecret = errors.New("password does not open this slot")

// slot is one wrapping of the root key. The wrap is AES-256-GCM, which alone
// would let a forger craft one slot that opens under two passwords; the
// commitment, a second output of the same KDF, stops that and tells a wrong
// password from a damaged wrap.
type slot struct {
	id         uint32
	kind       uint8
	kdf        uint8
	iterations uint32
	salt       []byte
	nonce      [slotNonceLen]byte
	wrapped    [slotWrappedLen]byte
	commitment [32]byte
}

// appendParams writes what the slot key depends on: kind, KDF and its parameters.
func (s *slot) appendParams(b []byte) []byte {
	b = append(b, s.kind, s.kdf)
	b = appendU32(b, s.iterations)
	return appendStr8(b, string(s.salt))
}

func (s *slot) append(b []byte) []byte {
	b = appendU32(b, s.id)
	b = s.appendParams(b)
	b = append(b, s.nonce[:]...)
	b = append(b, s.wrapped[:]...)
	return append(b, s.commitment[:]...)
}

func readSlot(r *reader) slot {
	s := slot{id: r.u32(), kind: r.u8(), kdf: r.u8(), iterations: r.u32(), salt: []byte(r.str8())}
	r.check(s.kind == slotPassword && s.kdf == kdfPBKDF2SHA256)
	r.check(kdf.Params{Salt: s.salt, Iterations: int(s.iterations)}.Check() == nil)
	s.nonce = [slotNonceLen]byte(r.fixed(slotNonceLen))
	s.wrapped = [slotWrappedLen]byte(r.fixed(slotWrappedLen))
	s.commitment = r.array32()
	return s
}

// aad binds the slot to its vault, its place and its parameters, so that a
// slot cannot be carried into another header nor its KDF be weakened.
func (s *slot) aad(vaultID [16]byte) []byte {
	b := append([]byte(nil), slotAADLabel...)
	b = append(b, headerMagic...)
	b = appendU16(b, headerFormat)
	b = append(b, vaultID[:]...)
	b = appendU32(b, s.id)
	return s.appendParams(b)
}

// newPasswordSlot wraps root under password.
func newPasswordSlot(random io.Reader, vaultID [16]byte, id uint32, password, root []byte, iterations int) (slot, error) {
	s := slot{id: id, kind: slotPassword, kdf: kdfPBKDF2SHA256, iterations: uint32(iterations), salt: make([]byte, slotSaltLen)}
	if _, err := io.ReadFull(random, s.salt); err != nil {
		return slot{}, err
	}
	if _, err := io.ReadFull(random, s.nonce[:]); err != nil {
		return slot{}, err
	}
	aead, commitment, err := s.keys(vaultID, password)
	if err != nil {
		return slot{}, err
	}
	s.commitment = commitment
	aead.Seal(s.wrapped[:0], s.nonce[:], root, s.aad(vaultID))
	return s, nil
}

// unwrap returns the root key, errSlotSecret for a wrong password, or
// errHeaderBytes when the password is right and the wrap is not.
func (s *slot) unwrap(vaultID [16]byte, password []byte) (*secret.Bytes, error) {
	aead, commitment, err := s.keys(vaultID, password)
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

// keys runs the KDF: PBKDF2-HMAC-SHA-256 (RFC 8018) for the slot key, then
// HKDF-Expand (RFC 5869) for the wrapping key and the commitment.
func (s *slot) keys(vaultID [16]byte, password []byte) (cipher.AEAD, [32]byte, error) {
	var commitment [32]byte
	slotKey, err := deriveSlotKey(password, kdf.Params{Salt: s.salt, Iterations: int(s.iterations)})
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
