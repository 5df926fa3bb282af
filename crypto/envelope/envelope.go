package envelope

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/vaultd/vaultd/crypto/keytype"
)

// HeaderSize is the length in bytes of what stands before the sealed message.
const HeaderSize = 24

// Offsets in the header.
const (
	magic0, magic1 = 0x76, 0xD1
	typeOffset     = 2
	keyOffset      = 4
	versionOffset  = 20
)

// label separates this use of a key from every other one.
const label = "vaultd/1/envelope\x00"

// ErrMalformed says that bytes or text are no vd1 ciphertext. A ciphertext
// that is one but does not authenticate is keytype.ErrDecrypt.
var ErrMalformed = errors.New("not a vd1 ciphertext")

// Header says which key a ciphertext is under. It is not secret.
type Header struct {
	Type    uint16   // number of the key's type (keytype.ByID)
	KeyID   [16]byte // identifier of the key
	Version uint32   // version of the key, from 1
}

// append adds the 24 bytes of the header to dst.
func (h Header) append(dst []byte) []byte {
	dst = append(dst, magic0, magic1)
	dst = binary.BigEndian.AppendUint16(dst, h.Type)
	dst = append(dst, h.KeyID[:]...)
	return binary.BigEndian.AppendUint32(dst, h.Version)
}

// Seal appends to dst the binary form of plaintext, sealed under key and
// bound to the header and to a canonical context (Context.Canonical; nil for
// none). The header must name the key's type and a version from 1, or Seal
// returns keytype.ErrOptions. dst must not overlap plaintext or context.
func Seal(dst []byte, key keytype.AEAD, h Header, context, plaintext []byte) ([]byte, error) {
	if h.Version == 0 || h.Type != key.Type().ID {
		return nil, fmt.Errorf("%w: header for type %d, version %d, over a key of type %d",
			keytype.ErrOptions, h.Type, h.Version, key.Type().ID)
	}
	dst = slices.Grow(dst, HeaderSize+len(plaintext)+key.Overhead())
	dst = h.append(dst)
	aad := associatedData(dst[len(dst)-HeaderSize:], context)
	defer buffers.Put(aad)
	return key.Seal(dst, plaintext, *aad)
}

// Parse takes a ciphertext in binary form apart. Nothing in it is
// authenticated yet: the header only tells which key to open it with. The
// sealed message is a part of binary, not a copy.
func Parse(binaryForm []byte) (h Header, sealed []byte, err error) {
	if len(binaryForm) < HeaderSize || binaryForm[0] != magic0 || binaryForm[1] != magic1 {
		return Header{}, nil, ErrMalformed
	}
	h.Type = binary.BigEndian.Uint16(binaryForm[typeOffset:])
	copy(h.KeyID[:], binaryForm[keyOffset:])
	h.Version = binary.BigEndian.Uint32(binaryForm[versionOffset:])
	if h.Type == 0 || h.Version == 0 {
		return Header{}, nil, ErrMalformed
	}
	return h, binaryForm[HeaderSize:], nil
}

// Open appends to dst the plaintext of a ciphertext in binary form. key must
// be the one that the header names, and context the canonical context that
// it was sealed with, or else Open returns keytype.ErrDecrypt, as for
// anything that was changed. What is no vd1 ciphertext at all is ErrMalformed.
// dst must not overlap the other arguments.
func Open(dst []byte, key keytype.AEAD, binaryForm, context []byte) ([]byte, error) {
	h, sealed, err := Parse(binaryForm)
	if err != nil {
		return nil, err
	}
	if h.Type != key.Type().ID {
		return nil, keytype.ErrDecrypt
	}
	aad := associatedData(binaryForm[:HeaderSize], context)
	defer buffers.Put(aad)
	return key.Open(dst, sealed, *aad)
}

// buffers hold associated data, which escapes into the AEAD. A context is
// bounded, so that they stay small; it is no secret, so that they need no wiping.
var buffers = sync.Pool{New: func() any {
	b := make([]byte, 0, 512)
	return &b
}}

func associatedData(header, context []byte) *[]byte {
	b := buffers.Get().(*[]byte)
	*b = append((*b)[:0], label...)
	*b = append(*b, header...)
	*b = append(*b, context...)
	return b
}
