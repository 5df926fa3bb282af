package xaes

import (
	"crypto/cipher"
	"crypto/rand"
	"slices"
	"sync/atomic"
)

// Deriving a key and expanding it costs more than sealing a short message
// under it, and more than a kilobyte of memory. So a derived key is used
// for some messages, and the last ones that opened something are kept.

// messagesPerSubkey is for how many messages SealRandom keeps the first half of
// the nonce. The second half is random each time, so that two messages in a
// batch of 2^8 have the same nonce with a probability of 2^-81, and the usual
// bound of 2^-32 is reached after 2^57 messages under one key.
const messagesPerSubkey = 256

// subkey is AES-256-GCM under a derived key.
type subkey struct {
	gcm    cipher.AEAD
	owner  *Cipher
	prefix [subkeyNonce]byte
	left   int // messages that may still be sealed
}

// SealRandom appends a random nonce, ciphertext and tag to dst. Open takes the
// nonce and the rest; so does every other implementation. It panics for a
// plaintext over MaxPlaintext.
//
// The nonce is drawn from crypto/rand, the half that tells messages apart for
// every message, so that a copied process or virtual machine does not repeat it.
func (c *Cipher) SealRandom(dst, plaintext, additionalData []byte) []byte {
	s, _ := c.sealing.Get().(*subkey)
	if s == nil || s.left == 0 {
		s = &subkey{owner: c, left: messagesPerSubkey}
		rand.Read(s.prefix[:])
		s.gcm = c.derive(s.prefix[:])
	}
	s.left--
	dst = slices.Grow(dst, NonceSize+len(plaintext)+Overhead)
	nonce := dst[len(dst) : len(dst)+NonceSize]
	copy(nonce, s.prefix[:])
	rand.Read(nonce[subkeyNonce:])
	dst = s.gcm.Seal(dst[:len(dst)+NonceSize], nonce[subkeyNonce:], plaintext, additionalData)
	c.sealing.Put(s)
	return dst
}

// opened holds derived keys under which a message was opened, of all ciphers
// together, so that its size (a third of a megabyte) does not depend on how
// many there are. The first byte of the nonce, which is random, is the index.
var opened [256]atomic.Pointer[subkey]

func (c *Cipher) recall(nonce []byte) (cipher.AEAD, bool) {
	s := opened[nonce[0]].Load()
	if s == nil || s.owner != c || s.prefix != [subkeyNonce]byte(nonce) {
		return nil, false
	}
	return s.gcm, true
}

// remember is called after a message was opened: who can't make one can't
// push keys out.
func (c *Cipher) remember(nonce []byte, gcm cipher.AEAD) {
	opened[nonce[0]].Store(&subkey{gcm: gcm, owner: c, prefix: [subkeyNonce]byte(nonce)})
}

func (c *Cipher) forget() {
	for i := range opened {
		if s := opened[i].Load(); s != nil && s.owner == c {
			opened[i].CompareAndSwap(s, nil)
		}
	}
}
