package keytype

import (
	"crypto"
	"crypto/rsa"
	"encoding/binary"
	"math/big"
)

// encodeUnsalted is EMSA-PSS (RFC 8017, section 9.1.1) with an empty salt, which
// makes the encoded message a function of the digest. It is for moduli whose
// size in bits is a multiple of eight.
func encodeUnsalted(public *rsa.PublicKey, h crypto.Hash, digest []byte) []byte {
	hash := h.New()
	hash.Write(make([]byte, 8))
	hash.Write(digest)
	inner := hash.Sum(nil)

	em := make([]byte, public.Size())
	db := em[:len(em)-h.Size()-1]
	db[len(db)-1] = 1
	var counter [4]byte
	for i := 0; i < len(db); i += h.Size() { // MGF1, appendix B.2.1
		binary.BigEndian.PutUint32(counter[:], uint32(i/h.Size()))
		hash.Reset()
		hash.Write(inner)
		hash.Write(counter[:])
		mask := hash.Sum(nil)
		for j := range min(len(mask), len(db)-i) {
			db[i+j] ^= mask[j]
		}
	}
	db[0] &= 0x7f // the encoded message has one bit less than the modulus
	copy(em[len(db):], inner)
	em[len(em)-1] = 0xbc
	return em
}

// encryptRaw raises a signature to the public exponent. Nothing in it is
// secret.
func encryptRaw(public *rsa.PublicKey, signature []byte) []byte {
	s := new(big.Int).SetBytes(signature)
	return s.Exp(s, big.NewInt(int64(public.E)), public.N).FillBytes(make([]byte, public.Size()))
}
