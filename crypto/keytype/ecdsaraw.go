package keytype

import (
	"crypto/ecdsa"
	"fmt"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// orderSize is the length in bytes of one number of a raw signature: that of
// the order of the curve, which for these curves is that of the field.
func orderSize(public *ecdsa.PublicKey) int { return (public.Params().N.BitLen() + 7) / 8 }

// rawSignature turns a signature in DER into r and s one after the other, each
// as long as the order (IEEE P1363; RFC 7518, section 3.4). DER is the only form
// that crypto/ecdsa makes with care for timing.
func rawSignature(public *ecdsa.PublicKey, der []byte) ([]byte, error) {
	var r, s big.Int
	var inner cryptobyte.String
	in := cryptobyte.String(der)
	if !in.ReadASN1(&inner, asn1.SEQUENCE) || !in.Empty() || !inner.ReadASN1Integer(&r) || !inner.ReadASN1Integer(&s) || !inner.Empty() {
		return nil, fmt.Errorf("sign: not the DER of a signature")
	}
	size := orderSize(public)
	raw := make([]byte, 2*size)
	r.FillBytes(raw[:size])
	s.FillBytes(raw[size:])
	return raw, nil
}

// derSignature is the inverse, for signatures of any sender: it takes exactly
// two numbers of full length. What they are is crypto/ecdsa's to judge.
func derSignature(public *ecdsa.PublicKey, raw []byte) ([]byte, error) {
	size := orderSize(public)
	if len(raw) != 2*size {
		return nil, ErrVerify
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1BigInt(new(big.Int).SetBytes(raw[:size]))
		b.AddASN1BigInt(new(big.Int).SetBytes(raw[size:]))
	})
	return b.Bytes()
}
