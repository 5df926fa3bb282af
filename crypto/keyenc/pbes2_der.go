package keyenc

import (
	"crypto"
	"crypto/aes"
	"encoding/asn1"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cryptobyteasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

var (
	oidPBES2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}

	oidHMACSHA256 = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}
	oidAES256CBC  = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}
)

// prfs are the pseudorandom functions that are read (RFC 8018, appendix B.1).
var prfs = []struct {
	oid  asn1.ObjectIdentifier
	hash crypto.Hash
}{
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 7}, crypto.SHA1},
	{oidHMACSHA256, crypto.SHA256},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 10}, crypto.SHA384},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 11}, crypto.SHA512},
}

// ciphers are the encryption schemes that are read (NIST's AES arc).
var ciphers = []struct {
	oid     asn1.ObjectIdentifier
	keySize int
}{
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 2}, 16},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 22}, 24},
	{oidAES256CBC, 32},
}

// marshal writes the structure as OpenSSL does: with the key size left to the
// cipher, and NULL as the parameters of the pseudorandom function. It writes
// our own choice of algorithms only.
func (e *encryptedKey) marshal() []byte {
	b := cryptobyte.NewBuilder(nil)
	sequence := func(b *cryptobyte.Builder, f func(*cryptobyte.Builder)) { b.AddASN1(cryptobyteasn1.SEQUENCE, f) }
	sequence(b, func(b *cryptobyte.Builder) {
		sequence(b, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oidPBES2)
			sequence(b, func(b *cryptobyte.Builder) {
				sequence(b, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(oidPBKDF2)
					sequence(b, func(b *cryptobyte.Builder) {
						b.AddASN1OctetString(e.salt)
						b.AddASN1Int64(int64(e.iterations))
						sequence(b, func(b *cryptobyte.Builder) {
							b.AddASN1ObjectIdentifier(oidHMACSHA256)
							b.AddASN1NULL()
						})
					})
				})
				sequence(b, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(oidAES256CBC)
					b.AddASN1OctetString(e.iv)
				})
			})
		})
		b.AddASN1OctetString(e.ciphertext)
	})
	return b.BytesOrPanic()
}

// parseEncrypted reads an EncryptedPrivateKeyInfo (RFC 5208, section 6).
func parseEncrypted(der []byte) (*encryptedKey, error) {
	malformed := fmt.Errorf("%w: not an encrypted PKCS #8 private key", ErrFormat)
	var outer, algorithm, params, derivation, scheme, ciphertext cryptobyte.String
	var oid asn1.ObjectIdentifier
	in := cryptobyte.String(der)
	if len(der) > maxDER || !in.ReadASN1(&outer, cryptobyteasn1.SEQUENCE) || !in.Empty() ||
		!outer.ReadASN1(&algorithm, cryptobyteasn1.SEQUENCE) ||
		!outer.ReadASN1(&ciphertext, cryptobyteasn1.OCTET_STRING) || !outer.Empty() ||
		!algorithm.ReadASN1ObjectIdentifier(&oid) {
		return nil, malformed
	}
	if !oid.Equal(oidPBES2) {
		return nil, fmt.Errorf("%w: encryption %v, want PBES2 (convert it with \"openssl pkcs8 -topk8 -v2 aes-256-cbc\")", ErrUnsupported, oid)
	}
	if !algorithm.ReadASN1(&params, cryptobyteasn1.SEQUENCE) || !algorithm.Empty() ||
		!params.ReadASN1(&derivation, cryptobyteasn1.SEQUENCE) ||
		!params.ReadASN1(&scheme, cryptobyteasn1.SEQUENCE) || !params.Empty() {
		return nil, malformed
	}
	e := &encryptedKey{ciphertext: ciphertext}
	if err := e.readScheme(scheme); err != nil {
		return nil, err
	}
	if len(ciphertext) == 0 || len(ciphertext)%aes.BlockSize != 0 {
		return nil, fmt.Errorf("%w: ciphertext is cut", ErrFormat)
	}
	return e, e.readDerivation(derivation)
}

// readScheme reads the AlgorithmIdentifier of the cipher.
func (e *encryptedKey) readScheme(s cryptobyte.String) error {
	var oid asn1.ObjectIdentifier
	var iv cryptobyte.String
	if !s.ReadASN1ObjectIdentifier(&oid) {
		return fmt.Errorf("%w: encryption scheme", ErrFormat)
	}
	for _, c := range ciphers {
		if oid.Equal(c.oid) {
			e.keySize = c.keySize
		}
	}
	if e.keySize == 0 {
		return fmt.Errorf("%w: encryption scheme %v, want AES-CBC", ErrUnsupported, oid)
	}
	if !s.ReadASN1(&iv, cryptobyteasn1.OCTET_STRING) || !s.Empty() || len(iv) != aes.BlockSize {
		return fmt.Errorf("%w: initialisation vector", ErrFormat)
	}
	e.iv = iv
	return nil
}

// readDerivation reads the AlgorithmIdentifier of PBKDF2. The key size in it
// must be the cipher's, so that nobody can have us use part of a key.
func (e *encryptedKey) readDerivation(s cryptobyte.String) error {
	malformed := fmt.Errorf("%w: PBKDF2 parameters", ErrFormat)
	var oid asn1.ObjectIdentifier
	var params, salt, prf cryptobyte.String
	var hasPRF bool
	if !s.ReadASN1ObjectIdentifier(&oid) {
		return malformed
	}
	if !oid.Equal(oidPBKDF2) {
		return fmt.Errorf("%w: key derivation %v, want PBKDF2", ErrUnsupported, oid)
	}
	if !s.ReadASN1(&params, cryptobyteasn1.SEQUENCE) || !s.Empty() ||
		!params.ReadASN1(&salt, cryptobyteasn1.OCTET_STRING) {
		return malformed
	}
	// Read as 64 bits, so that a count of more is malformed and not cut.
	var iterations int64
	if !params.ReadASN1Integer(&iterations) {
		return malformed
	}
	if params.PeekASN1Tag(cryptobyteasn1.INTEGER) {
		var keySize int64
		if !params.ReadASN1Integer(&keySize) || keySize != int64(e.keySize) {
			return fmt.Errorf("%w: key length is not the cipher's", ErrFormat)
		}
	}
	if !params.ReadOptionalASN1(&prf, &hasPRF, cryptobyteasn1.SEQUENCE) || !params.Empty() {
		return malformed
	}
	e.prf = crypto.SHA1 // the default of RFC 8018
	if hasPRF {
		if err := e.readPRF(prf); err != nil {
			return err
		}
	}
	if len(salt) < MinReadSalt || len(salt) > MaxReadSalt {
		return fmt.Errorf("%w: a salt of %d bytes is not within %d to %d", ErrParams, len(salt), MinReadSalt, MaxReadSalt)
	}
	if iterations < MinReadIterations || iterations > MaxReadIterations {
		return fmt.Errorf("%w: %d iterations are not within %d to %d", ErrParams, iterations, MinReadIterations, MaxReadIterations)
	}
	e.salt, e.iterations = salt, int(iterations)
	return nil
}

// readPRF reads the AlgorithmIdentifier of the pseudorandom function, whose
// parameters are NULL.
func (e *encryptedKey) readPRF(s cryptobyte.String) error {
	var oid asn1.ObjectIdentifier
	var null cryptobyte.String
	if !s.ReadASN1ObjectIdentifier(&oid) ||
		!s.ReadASN1(&null, cryptobyteasn1.NULL) || !null.Empty() || !s.Empty() {
		return fmt.Errorf("%w: pseudorandom function", ErrFormat)
	}
	for _, p := range prfs {
		if oid.Equal(p.oid) {
			e.prf = p.hash
			return nil
		}
	}
	return fmt.Errorf("%w: pseudorandom function %v, want HMAC with SHA-1, SHA-256, SHA-384 or SHA-512", ErrUnsupported, oid)
}
