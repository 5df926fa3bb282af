package fernet

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// Layout of a token before base64: version, time stamp, initialisation
// vector, ciphertext of one block or more, HMAC.
const (
	version      = 0x80
	stampOffset  = 1
	ivOffset     = 9
	cipherOffset = ivOffset + aes.BlockSize
	macSize      = sha256.Size
	minToken     = cipherOffset + aes.BlockSize + macSize
)

// MaxClockSkew is how far in the future a token's time stamp may lie when its
// age matters, as the specification's reference implementations have it.
const MaxClockSkew = 60 * time.Second

// Errors of Open and Seal.
var (
	// ErrToken says that a token is malformed, changed, or made with another key.
	ErrToken = errors.New("fernet token does not authenticate")
	// ErrExpired says that an authentic token is older than the time to live.
	ErrExpired = errors.New("fernet token is older than its time to live")
	// ErrFuture says that an authentic token was made more than MaxClockSkew after now.
	ErrFuture = errors.New("fernet token was made in the future")
	// ErrClock says that a token can't be stamped with a time before 1970.
	ErrClock = errors.New("time is before 1970, which a fernet token can't hold")
)

// Seal appends to dst a token over plaintext, stamped with now in whole
// seconds. It takes 16 bytes from random, or its error, and returns ErrClock
// for a time before 1970.
func (k *Key) Seal(dst []byte, now time.Time, random io.Reader, plaintext []byte) ([]byte, error) {
	seconds := now.Unix()
	if seconds < 0 {
		return nil, ErrClock
	}
	padding := aes.BlockSize - len(plaintext)%aes.BlockSize
	size := cipherOffset + len(plaintext) + padding + macSize

	scratch := buffers.Get().(*[]byte)
	defer release(scratch)
	token := slices.Grow((*scratch)[:0], size)[:size-macSize]
	*scratch = token

	token[0] = version
	binary.BigEndian.PutUint64(token[stampOffset:], uint64(seconds))
	iv := token[ivOffset:cipherOffset]
	if _, err := io.ReadFull(random, iv); err != nil {
		return nil, fmt.Errorf("read an initialisation vector: %w", err)
	}
	body := token[cipherOffset:]
	n := copy(body, plaintext)
	for i := n; i < len(body); i++ {
		body[i] = byte(padding)
	}
	cipher.NewCBCEncrypter(k.block, iv).CryptBlocks(body, body)
	token = k.mac(token, token)
	return encoding.AppendEncode(dst, token), nil
}

// Open appends the plaintext of token to dst. The HMAC is checked, in
// constant time, before anything else in the token is looked at. A
// positive ttl (rounded down to seconds) refuses with ErrExpired what is
// older, and with ErrFuture what was made more than MaxClockSkew after now;
// without it the time stamp is not looked at, as in pyca/cryptography.
// Everything else that is wrong is ErrToken.
func (k *Key) Open(dst []byte, now time.Time, ttl time.Duration, token []byte) ([]byte, error) {
	scratch := buffers.Get().(*[]byte)
	defer release(scratch)
	// The decoder of the standard library skips line breaks; a token has none.
	if bytes.ContainsAny(token, "\r\n") {
		return nil, ErrToken
	}
	raw, err := encoding.AppendDecode((*scratch)[:0], token)
	if err != nil {
		return nil, ErrToken
	}
	*scratch = raw
	if len(raw) < minToken {
		return nil, ErrToken
	}
	signed, tag := raw[:len(raw)-macSize], raw[len(raw)-macSize:]
	extended := k.mac(raw, signed)
	*scratch = extended
	if subtle.ConstantTimeCompare(extended[len(raw):], tag) != 1 {
		return nil, ErrToken
	}
	if signed[0] != version {
		return nil, ErrToken
	}
	if ttl > 0 {
		if err := checkAge(binary.BigEndian.Uint64(signed[stampOffset:]), now, ttl); err != nil {
			return nil, err
		}
	}
	body := signed[cipherOffset:]
	if len(body)%aes.BlockSize != 0 {
		return nil, ErrToken
	}
	cipher.NewCBCDecrypter(k.block, signed[ivOffset:cipherOffset]).CryptBlocks(body, body)
	plaintext, ok := unpad(body)
	if !ok {
		return nil, ErrToken
	}
	return append(dst, plaintext...), nil
}

// Time returns when an unverified token says that it was made. It says
// nothing about the token being authentic.
func Time(token []byte) (time.Time, error) {
	// Twelve characters are nine bytes: the version and the time stamp.
	const prefix = 12
	var head [9]byte
	if len(token) < prefix || bytes.ContainsAny(token[:prefix], "\r\n") {
		return time.Time{}, ErrToken
	}
	if n, err := encoding.Decode(head[:], token[:prefix]); err != nil || n != len(head) || head[0] != version {
		return time.Time{}, ErrToken
	}
	stamp := binary.BigEndian.Uint64(head[stampOffset:])
	if stamp > maxStamp {
		return time.Time{}, ErrToken
	}
	return time.Unix(int64(stamp), 0).UTC(), nil
}

// maxStamp is the end of the year 9999, beyond which no time stamp is one.
// It keeps the arithmetic on time stamps far from overflow.
const maxStamp = 253402300799

// checkAge compares in whole seconds, as the specification does: a token is
// still good in the second in which its age equals ttl.
func checkAge(stamp uint64, now time.Time, ttl time.Duration) error {
	if stamp > maxStamp {
		return ErrFuture
	}
	made, current := int64(stamp), now.Unix()
	switch {
	case made-int64(MaxClockSkew/time.Second) > current:
		return ErrFuture
	case made+int64(ttl/time.Second) < current:
		return ErrExpired
	}
	return nil
}

// unpad removes PKCS #7 padding (RFC 5652, section 6.3). The HMAC has vouched
// for every byte, so that there is no oracle to hide.
func unpad(body []byte) ([]byte, bool) {
	n := int(body[len(body)-1])
	if n == 0 || n > aes.BlockSize {
		return nil, false
	}
	end := len(body) - n
	for _, b := range body[end:] {
		if int(b) != n {
			return nil, false
		}
	}
	return body[:end], true
}

// buffers hold plaintexts and tokens while they are worked on, and are wiped
// before they go back.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// maxPooled keeps one large token from pinning its memory for good.
const maxPooled = 64 << 10

func release(scratch *[]byte) {
	// What lies beyond the length was wiped by whoever used it before.
	clear(*scratch)
	if cap(*scratch) <= maxPooled {
		buffers.Put(scratch)
	}
}

// Seal makes a token over plaintext with a 32-byte key; see Key.Seal. Use a
// Key for more than one token.
func Seal(key []byte, now time.Time, random io.Reader, plaintext []byte) ([]byte, error) {
	k, err := NewKey(key)
	if err != nil {
		return nil, err
	}
	defer k.Wipe()
	return k.Seal(nil, now, random, plaintext)
}

// Open opens a token with a 32-byte key; see Key.Open. Use a Key for more
// than one token.
func Open(key []byte, now time.Time, ttl time.Duration, token []byte) ([]byte, error) {
	k, err := NewKey(key)
	if err != nil {
		return nil, err
	}
	defer k.Wipe()
	return k.Open(nil, now, ttl, token)
}
