package xaes

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"sync"
)

// Sizes in bytes.
const (
	KeySize   = 32
	NonceSize = 24
	Overhead  = 16 // the tag

	subkeyNonce = 12 // leading bytes of the nonce, which select the derived key
)

// MaxPlaintext is the longest plaintext of one message in bytes, as GCM's
// 32-bit block counter allows.
const MaxPlaintext = (1<<32 - 2) * aes.BlockSize

var (
	errKeySize = errors.New("xaes: key is not 32 bytes")
	errOpen    = errors.New("xaes: message does not authenticate")
)

// Cipher is XAES-256-GCM under one key. It is a cipher.AEAD and safe for
// concurrent use until Wipe.
type Cipher struct {
	block   cipher.Block
	k1      [aes.BlockSize]byte // the CMAC subkey; the messages to be MACed are one full block each
	sealing sync.Pool           // of *subkey, see SealRandom
}

var _ cipher.AEAD = (*Cipher)(nil)

// New returns the cipher for a 32-byte key, of which it keeps only the
// expanded form.
func New(key []byte) (*Cipher, error) {
	if len(key) != KeySize {
		return nil, errKeySize
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	c := &Cipher{block: block}
	// K1 = AES(0) doubled in GF(2^128), without a branch on the secret top bit
	// (NIST SP 800-38B, section 6.1).
	block.Encrypt(c.k1[:], c.k1[:])
	var carry byte
	for i := len(c.k1) - 1; i >= 0; i-- {
		next := c.k1[i] >> 7
		c.k1[i] = c.k1[i]<<1 | carry
		carry = next
	}
	c.k1[len(c.k1)-1] ^= -carry & 0x87
	return c, nil
}

// NonceSize is 24.
func (*Cipher) NonceSize() int { return NonceSize }

// Overhead is 16.
func (*Cipher) Overhead() int { return Overhead }

// Seal appends ciphertext and tag to dst. Like every cipher.AEAD it panics
// for a nonce that is not NonceSize bytes or a plaintext over MaxPlaintext.
func (c *Cipher) Seal(dst, nonce, plaintext, additionalData []byte) []byte {
	checkNonce(nonce)
	return c.derive(nonce[:subkeyNonce]).Seal(dst, nonce[subkeyNonce:], plaintext, additionalData)
}

// Open appends the plaintext to dst, or returns an error that says nothing
// about why the message does not authenticate. Like every cipher.AEAD it
// panics for a nonce that is not NonceSize bytes.
func (c *Cipher) Open(dst, nonce, ciphertext, additionalData []byte) ([]byte, error) {
	checkNonce(nonce)
	if len(ciphertext) < Overhead {
		return nil, errOpen
	}
	gcm, known := c.recall(nonce)
	if !known {
		gcm = c.derive(nonce[:subkeyNonce])
	}
	plaintext, err := gcm.Open(dst, nonce[subkeyNonce:], ciphertext, additionalData)
	if err != nil {
		return nil, errOpen
	}
	if !known {
		c.remember(nonce, gcm)
	}
	return plaintext, nil
}

func checkNonce(nonce []byte) {
	if len(nonce) != NonceSize {
		panic("xaes: nonce is not 24 bytes")
	}
}

// Wipe overwrites what this package holds of the key, and forgets the keys
// derived from it. The expanded keys inside crypto/aes can only be dropped.
// The cipher must not be used afterwards.
func (c *Cipher) Wipe() {
	clear(c.k1[:])
	c.block = nil
	for c.sealing.Get() != nil { // derived keys are keys as well
	}
	c.forget()
}

// scratch is where a key is derived. cipher.Block makes its arguments escape,
// so that the space would be allocated for each message without the pool.
type scratch struct{ key [KeySize]byte }

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// derive returns AES-256-GCM under the key that the first 12 bytes of a nonce
// select: AES(K1 xor (counter ‖ "X" ‖ 0 ‖ prefix)) for counters 1 and 2, which
// is CMAC over these single blocks.
func (c *Cipher) derive(prefix []byte) cipher.AEAD {
	s := scratches.Get().(*scratch)
	defer func() {
		clear(s.key[:])
		scratches.Put(s)
	}()
	for i := range 2 {
		m := s.key[i*aes.BlockSize : (i+1)*aes.BlockSize]
		m[0], m[1], m[2], m[3] = 0, byte(i+1), 'X', 0
		copy(m[4:], prefix)
		for j := range m {
			m[j] ^= c.k1[j]
		}
		c.block.Encrypt(m, m)
	}
	block, err := aes.NewCipher(s.key[:])
	if err != nil {
		panic(err) // a 32-byte key is always accepted
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // a 16-byte block is always accepted
	}
	return gcm
}
