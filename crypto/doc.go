// Package crypto is the root of the vault's cryptography and holds no code
// itself. What lies below it takes bytes and gives bytes: it does no I/O, keeps
// no clock, logs nothing, and imports nothing of this project outside crypto.
// Other programs may use it as a library.
//
//   - keytype: the key types behind one small set of interfaces
//   - envelope: the vault's ciphertext, which names its key and is bound to a context
//   - xaes: XAES-256-GCM, the AEAD of the default type
//   - fernet: Fernet tokens
//   - kdf: PBKDF2 and HKDF with bounds
//   - ffdh: finite-field Diffie-Hellman over the named safe-prime groups
//   - keyenc: keys in the formats of other programs
//   - exchange: authenticated key exchange as messages
package crypto
