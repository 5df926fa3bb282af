package fernet

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"hash"
	"sync"
)

// KeySize is the length of a key in bytes: 16 for HMAC-SHA-256, then 16 for
// AES-128.
const KeySize = 32

// EncodedKeySize is the length of a key in URL-safe base64.
const EncodedKeySize = 44

// ErrKey says that bytes are not a Fernet key.
var ErrKey = errors.New("not a fernet key: want 32 bytes, or 44 characters of url-safe base64")

// encoding is what the specification calls base64url: with padding, and
// nothing but zero in the bits that no byte uses.
var encoding = base64.URLEncoding.Strict()

// Key is a Fernet key made ready. It is safe for concurrent use until Wipe.
type Key struct {
	signing [16]byte
	block   cipher.Block
	macs    sync.Pool // of hash.Hash keyed with signing
}

// NewKey makes a 32-byte key ready and copies what it keeps. It returns
// ErrKey for any other length.
func NewKey(key []byte) (*Key, error) {
	if len(key) != KeySize {
		return nil, ErrKey
	}
	k := new(Key)
	copy(k.signing[:], key)
	block, err := aes.NewCipher(key[len(k.signing):])
	if err != nil {
		return nil, err
	}
	k.block = block
	return k, nil
}

// Wipe overwrites the signing half and drops the rest, whose expanded forms
// inside the standard library can't be overwritten. The key must not be used
// afterwards.
func (k *Key) Wipe() {
	clear(k.signing[:])
	k.block = nil
	for k.macs.Get() != nil { // what is in the pool is keyed as well
	}
}

// mac appends HMAC-SHA-256 over message to dst.
func (k *Key) mac(dst, message []byte) []byte {
	h, _ := k.macs.Get().(hash.Hash)
	if h == nil {
		h = hmac.New(sha256.New, k.signing[:])
	}
	h.Reset()
	h.Write(message)
	dst = h.Sum(dst)
	k.macs.Put(h)
	return dst
}

// EncodeKey writes a 32-byte key the way Fernet keys are passed around, in 44
// characters of padded URL-safe base64. It returns ErrKey for other lengths.
func EncodeKey(key []byte) ([]byte, error) {
	if len(key) != KeySize {
		return nil, ErrKey
	}
	return encoding.AppendEncode(make([]byte, 0, EncodedKeySize), key), nil
}

// DecodeKey reads what EncodeKey writes and returns the 32 bytes, which the
// caller wipes. One trailing newline is no part of a key and must be cut off
// before. Anything but the one canonical spelling is ErrKey.
func DecodeKey(encoded []byte) ([]byte, error) {
	// The decoder of the standard library skips line breaks.
	if len(encoded) != EncodedKeySize || bytes.ContainsAny(encoded, "\r\n") {
		return nil, ErrKey
	}
	var buf [33]byte // the decoder's own estimate for 44 characters
	defer clear(buf[:])
	n, err := encoding.Decode(buf[:], encoded)
	if err != nil || n != KeySize {
		return nil, ErrKey
	}
	return bytes.Clone(buf[:KeySize]), nil
}
