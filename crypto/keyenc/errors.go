package keyenc

import "errors"

// Errors that callers tell apart.
var (
	// ErrFormat says that bytes are not what they should be: damaged, of another kind, or not strict DER or PEM.
	ErrFormat = errors.New("malformed key file")
	// ErrPassphrase says that the passphrase does not open the key. PBES2 has
	// no checksum, so that changed ciphertext says the same.
	ErrPassphrase = errors.New("wrong passphrase")
	// ErrEncrypted says that a private key is encrypted and no passphrase was given.
	ErrEncrypted = errors.New("private key is encrypted: its passphrase is needed")
	// ErrParams says that iterations, salt or passphrase are outside of what is safe or reasonable.
	ErrParams = errors.New("key encryption parameters out of range")
	// ErrUnsupported says that an algorithm or key type has no place in this format here.
	ErrUnsupported = errors.New("algorithm not supported")
)
