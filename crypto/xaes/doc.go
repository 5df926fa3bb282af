// Package xaes is XAES-256-GCM (C2SP, https://c2sp.org/XAES-256-GCM): AES-256-GCM
// with a 192-bit nonce. Half of the nonce selects a fresh AES key, derived by
// the CMAC counter mode of NIST SP 800-108r1, and the other half is that key's
// 96-bit GCM nonce. A random nonce can be used for 2^80 messages, where plain
// AES-GCM stops being safe at 2^32, so that nobody has to count messages.
//
// It is built from FIPS-approved pieces only, and knows nothing of keys' names
// or storage. Cipher is a cipher.AEAD to which the nonce is passed; SealRandom
// draws it, and does so in a way that makes short messages cheap.
package xaes
