package vault

import (
	"crypto"
	"errors"
	"time"

	"github.com/vaultd/vaultd/crypto/kdf"
	"github.com/vaultd/vaultd/crypto/keyenc"
	"github.com/vaultd/vaultd/crypto/keytype"
	"github.com/vaultd/vaultd/internal/secret"
)

// Sign signs a message with the newest version of a key, whose number it
// returns too. The zero options are the type's default scheme. Errors:
// key_not_found, expired, revoked, owner_revoked, key_destroyed,
// wrong_key_usage, bad_argument.
func (v *Vault) Sign(n Name, message []byte, opts keytype.SignOptions) ([]byte, uint32, error) {
	return v.withSigner(n, func(o *opened, s keytype.Signer, _ time.Time) ([]byte, error) {
		return s.Sign(o.random, message, opts)
	})
}

// withSigner runs make with the newest version of a key, which is told when that
// expires, and returns the version's number.
func (v *Vault) withSigner(n Name, make func(*opened, keytype.Signer, time.Time) ([]byte, error)) ([]byte, uint32, error) {
	o, err := v.enter()
	if err != nil {
		return nil, 0, err
	}
	defer v.mu.RUnlock()
	k, err := o.ring.lookup(n)
	if err != nil {
		return nil, 0, err
	}
	h, number, err := o.acquire(k, 0, opProtect, keytype.UseSign)
	if err != nil {
		return nil, 0, err
	}
	defer k.mu.RUnlock()
	s, ok := h.(keytype.Signer)
	if !ok {
		return nil, 0, E(CodeWrongKeyUsage, "a key of type %s does not sign", k.typ.Name)
	}
	made, err := make(o, s, k.rec.versions[number-1].notAfter)
	if err != nil {
		return nil, 0, cryptoError(err)
	}
	return made, number, nil
}

// Verify reports whether a signature is a key's over message, and by which
// version. Version 0 tries all of them, newest first. A signature that does
// not verify is no error.
func (v *Vault) Verify(n Name, version uint32, message, signature []byte, opts keytype.SignOptions) (bool, uint32, error) {
	return v.VerifyStated(n, version, message, signature, opts, nil)
}

// VerifyStated is Verify of a signature whose age the caller states; nil is no statement.
func (v *Vault) VerifyStated(n Name, version uint32, message, signature []byte, opts keytype.SignOptions, st *Statement) (bool, uint32, error) {
	return v.matches(n, version, keytype.UseVerify, st, func(k *key, h keytype.Key) error {
		s, ok := h.(keytype.Verifier)
		if !ok {
			return E(CodeWrongKeyUsage, "a key of type %s does not verify signatures", k.typ.Name)
		}
		return s.Verify(message, signature, opts)
	})
}

// MAC appends the message's authentication code under the newest version of a
// key to dst, and returns that version's number too.
func (v *Vault) MAC(n Name, message, dst []byte) ([]byte, uint32, error) {
	o, err := v.enter()
	if err != nil {
		return dst, 0, err
	}
	defer v.mu.RUnlock()
	k, err := o.ring.lookup(n)
	if err != nil {
		return dst, 0, err
	}
	h, number, err := o.acquire(k, 0, opProtect, keytype.UseMAC)
	if err != nil {
		return dst, 0, err
	}
	defer k.mu.RUnlock()
	m, ok := h.(keytype.MACer)
	if !ok {
		return dst, 0, E(CodeWrongKeyUsage, "a key of type %s makes no MACs", k.typ.Name)
	}
	return m.MAC(dst, message), number, nil
}

// VerifyMAC reports whether mac is a key's over message, and by which version.
// Version 0 tries all of them, newest first. A MAC that does not match is no error.
func (v *Vault) VerifyMAC(n Name, version uint32, message, mac []byte) (bool, uint32, error) {
	return v.VerifyMACStated(n, version, message, mac, nil)
}

// VerifyMACStated is VerifyMAC of a MAC whose age the caller states; nil is no statement.
func (v *Vault) VerifyMACStated(n Name, version uint32, message, mac []byte, st *Statement) (bool, uint32, error) {
	return v.matches(n, version, keytype.UseVerifyMAC, st, func(k *key, h keytype.Key) error {
		m, ok := h.(keytype.MACer)
		if !ok {
			return E(CodeWrongKeyUsage, "a key of type %s verifies no MACs", k.typ.Name)
		}
		return m.VerifyMAC(message, mac)
	})
}

// matches runs a verification with one version of a key, or with all for 0.
func (v *Vault) matches(n Name, version uint32, need keytype.Use, st *Statement, verify func(*key, keytype.Key) error) (bool, uint32, error) {
	o, err := v.enter()
	if err != nil {
		return false, 0, err
	}
	defer v.mu.RUnlock()
	k, err := o.ring.lookup(n)
	if err != nil {
		return false, 0, err
	}
	defer k.forgetRevoked(st)
	number := version
	if version == 0 {
		number, err = o.newestThat(k, opProcess, need, st, func(h keytype.Key) error { return verify(k, h) })
	} else {
		var h keytype.Key
		if h, _, err = o.acquireFor(k, version, opProcess, need, st); err == nil {
			err = verify(k, h)
			k.mu.RUnlock()
		}
	}
	switch {
	case errors.Is(err, keytype.ErrVerify):
		return false, 0, nil
	case err != nil:
		return false, 0, cryptoError(err)
	}
	return true, number, nil
}

// Agree is what a key agreement derives.
type Agree struct {
	Key    Name
	Peer   []byte // the peer's public key: SubjectPublicKeyInfo, PEM or DER
	Salt   []byte
	Info   []byte
	Length int // of the output in bytes; zero is 32, at most 8160

	// Version is zero for something new, which takes the newest. Another number
	// is for what was made for that version's public key before.
	Version uint32
}

// Agree runs key agreement between a version of a key and a peer's public key,
// then HKDF-SHA-256 (RFC 5869) over the shared secret, which itself never
// leaves the vault. The caller wipes the output. Errors as for Sign, and
// version_not_found and invalid_peer_key.
func (v *Vault) Agree(c Agree) ([]byte, uint32, error) {
	if c.Length == 0 {
		c.Length = 32
	}
	peer, err := publicKeyDER(c.Peer)
	if err != nil {
		return nil, 0, err
	}
	o, err := v.enter()
	if err != nil {
		return nil, 0, err
	}
	defer v.mu.RUnlock()
	k, err := o.ring.lookup(c.Key)
	if err != nil {
		return nil, 0, err
	}
	op := opProtect
	if c.Version != 0 {
		// Who receives processes: an expired key still opens what was made for it.
		op = opProcess
	}
	h, number, err := o.acquire(k, c.Version, op, keytype.UseAgree)
	if err != nil {
		return nil, 0, err
	}
	defer k.mu.RUnlock()
	a, ok := h.(keytype.Agreer)
	if !ok {
		return nil, 0, E(CodeWrongKeyUsage, "a key of type %s does not agree on keys", k.typ.Name)
	}
	shared, err := a.Agree(peer)
	if err != nil {
		return nil, 0, cryptoError(err)
	}
	defer secret.Wipe(shared)
	out, err := kdf.HKDF(crypto.SHA256, shared, c.Salt, c.Info, c.Length)
	if errors.Is(err, kdf.ErrSize) {
		return nil, 0, E(CodeBadArgument, "an output has 1 to 8160 bytes")
	}
	return out, number, err
}

// maxPublicKey bounds a public key that a caller sends.
const maxPublicKey = 16 << 10

// publicKeyDER takes a SubjectPublicKeyInfo in PEM or DER.
func publicKeyDER(b []byte) ([]byte, error) {
	if len(b) == 0 || len(b) > maxPublicKey {
		return nil, E(CodeInvalidPeerKey, "a public key has 1 to %d bytes", maxPublicKey)
	}
	der, err := keyenc.ParsePublic(b)
	if err != nil {
		return nil, E(CodeInvalidPeerKey, "this is no public key in PEM or DER (SubjectPublicKeyInfo)").Because(err)
	}
	return der, nil
}
