package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"io"

	"github.com/vaultd/vaultd/internal/secret"
)

const (
	dekLen          = 32
	maxSPKILen      = 4 << 10
	maxMaterialLen  = 64 << 10
	materialLabel   = "vaultd/1/material"
	dekRecordLen    = 2 + dekLen
	materialNonce   = 12
	materialTagLen  = 16
	minSealedLength = materialNonce + materialTagLen + 1
)

// Material lies on disk in two records: sealed in one, under a data-encryption
// key of its own that is the other. To destroy a version is to overwrite both;
// the small one alone suffices.

// appendDEKRecord writes the DEK record; a nil dek writes its tombstone.
func appendDEKRecord(b, dek []byte) []byte {
	if dek == nil {
		b = append(b, recordFormat, recordDestroyed)
		return append(b, make([]byte, dekLen)...)
	}
	return append(append(b, recordFormat, recordLive), dek...)
}

// parseDEKRecord returns the DEK, which stays part of b, or nil for a tombstone.
func parseDEKRecord(b []byte) ([]byte, error) {
	if len(b) != dekRecordLen || b[0] != recordFormat {
		return nil, errMalformed
	}
	switch dek := b[2:]; b[1] {
	case recordLive:
		return dek, nil
	case recordDestroyed:
		if [dekLen]byte(dek) == [dekLen]byte{} {
			return nil, nil
		}
	}
	return nil, errMalformed
}

// materialRecord holds the public half in clear beside the sealed material,
// and keeps it when the material is destroyed.
type materialRecord struct {
	spki   []byte // nil for symmetric keys
	sealed []byte // nonce, ciphertext, tag; nil when destroyed
}

func (m *materialRecord) append(b []byte) []byte {
	state := byte(recordLive)
	if m.sealed == nil {
		state = recordDestroyed
	}
	b = append(b, recordFormat, state)
	b = appendBytes32(b, m.spki)
	return appendBytes32(b, m.sealed)
}

func parseMaterialRecord(b []byte) (*materialRecord, error) {
	r := &reader{b: b}
	r.check(r.u8() == recordFormat)
	state := r.u8()
	m := &materialRecord{spki: r.bytes32(maxSPKILen), sealed: r.bytes32(maxMaterialLen)}
	switch state {
	case recordLive:
		r.check(len(m.sealed) >= minSealedLength)
	case recordDestroyed:
		r.check(len(m.sealed) == 0)
		m.sealed = nil
	default:
		r.fail()
	}
	if err := r.done(); err != nil {
		return nil, err
	}
	return m, nil
}

// materialPlace is what sealed material is bound to, so that it can serve as
// no other key, version or type.
type materialPlace struct {
	vaultID [16]byte
	key     KeyID
	version uint32
	typ     uint16
}

func (p materialPlace) aad(spki []byte) []byte {
	b := append([]byte(nil), materialLabel...)
	b = append(b, p.vaultID[:]...)
	b = append(b, p.key[:]...)
	b = appendU32(b, p.version)
	b = appendU16(b, p.typ)
	return appendBytes32(b, spki)
}

// sealMaterial seals private material under a new DEK and returns the bodies
// of the two records. A DEK seals one message in its life.
func sealMaterial(random io.Reader, p materialPlace, material, spki []byte) (dekBody, materialBody []byte, err error) {
	if len(material) == 0 || len(material) > maxMaterialLen-minSealedLength || len(spki) > maxSPKILen {
		return nil, nil, E(CodeTooLarge, "key material of %d bytes is too large", len(material))
	}
	dek := make([]byte, dekLen)
	defer secret.Wipe(dek)
	sealed := make([]byte, materialNonce, materialNonce+len(material)+materialTagLen)
	if _, err := io.ReadFull(random, dek); err != nil {
		return nil, nil, fmt.Errorf("make a data-encryption key: %w", err)
	}
	if _, err := io.ReadFull(random, sealed); err != nil {
		return nil, nil, fmt.Errorf("make a nonce: %w", err)
	}
	aead, err := newGCM(dek)
	if err != nil {
		return nil, nil, err
	}
	sealed = aead.Seal(sealed, sealed[:materialNonce], material, p.aad(spki))
	m := &materialRecord{spki: spki, sealed: sealed}
	return appendDEKRecord(nil, dek), m.append(nil), nil
}

// openMaterial returns the private material, which the caller wipes.
func openMaterial(p materialPlace, dek []byte, m *materialRecord) ([]byte, error) {
	aead, err := newGCM(dek)
	if err != nil {
		return nil, err
	}
	return aead.Open(nil, m.sealed[:materialNonce], m.sealed[materialNonce:], p.aad(m.spki))
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
