package keytype

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"hash"
	"sync"
)

// Sizes in bytes of the HMAC keys that are accepted. Generated ones have 32.
// Shorter ones than 112 bits are not approved by NIST SP 800-131A; longer ones
// than a hash block are hashed by HMAC itself and gain nothing.
const (
	minHMACKey = 14
	maxHMACKey = 1024
)

var typeHMACSHA256 = &Type{
	Name: "hmac-sha256", ID: IDHMACSHA256, Bits: 256,
	Uses: UseMAC | UseVerifyMAC, DefaultUses: UseMAC | UseVerifyMAC,
	Generate: generateSymmetric,
}

func init() {
	typeHMACSHA256.Parse = parseHMACSHA256
	Register(typeHMACSHA256)
}

func parseHMACSHA256(material []byte) (Key, error) {
	if len(material) < minHMACKey || len(material) > maxHMACKey {
		return nil, fmt.Errorf("%w: %s keys are %d to %d bytes, not %d",
			ErrMaterial, typeHMACSHA256.Name, minHMACKey, maxHMACKey, len(material))
	}
	k := &hmacKey{symmetric: newSymmetric(typeHMACSHA256, material), material: append([]byte(nil), material...)}
	return k, nil
}

type hmacKey struct {
	symmetric
	material []byte
	states   sync.Pool // of *hmacState
}

// hmacState is a keyed hash, which costs two compressions to make, and the
// place for the tag that a message is compared with.
type hmacState struct {
	hash hash.Hash
	tag  [sha256.Size]byte
}

var _ MACer = (*hmacKey)(nil)

func (k *hmacKey) state() *hmacState {
	s, _ := k.states.Get().(*hmacState)
	if s == nil {
		s = &hmacState{hash: hmac.New(sha256.New, k.material)}
	}
	s.hash.Reset()
	return s
}

// MAC appends HMAC-SHA-256 over message to dst (RFC 2104, FIPS 198-1). A
// wiped key has no MAC: it returns nil, not the MAC of an empty key.
func (k *hmacKey) MAC(dst, message []byte) []byte {
	if k.material == nil {
		return nil
	}
	s := k.state()
	s.hash.Write(message)
	dst = s.hash.Sum(dst)
	k.states.Put(s)
	return dst
}

// VerifyMAC takes all 32 bytes or nothing: a truncated tag is refused, since
// whoever may choose the length can choose one byte.
func (k *hmacKey) VerifyMAC(message, mac []byte) error {
	if k.material == nil {
		return errWiped
	}
	s := k.state()
	s.hash.Write(message)
	s.hash.Sum(s.tag[:0])
	equal := hmac.Equal(s.tag[:], mac)
	clear(s.tag[:]) // the right tag of a refused message is worth having
	k.states.Put(s)
	if !equal {
		return ErrVerify
	}
	return nil
}

// Wipe overwrites the key and drops the keyed hashes.
func (k *hmacKey) Wipe() {
	clear(k.material)
	k.material = nil
	for k.states.Get() != nil { // what is in the pool is keyed as well
	}
}
