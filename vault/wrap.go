package vault

import (
	"context"
	"time"

	"github.com/vaultd/vaultd/crypto/keytype"
	"github.com/vaultd/vaultd/internal/secret"
)

// maxWrapped bounds a wrapped key that is brought back.
const maxWrapped = 16 << 10

// WrapKey asks for a key under another one. Exactly one of Under and PublicKey is
// given.
type WrapKey struct {
	Key       Name
	Version   uint32 // zero is the newest
	Under     Name   // a key of this vault
	PublicKey []byte // somebody else's: SubjectPublicKeyInfo, PEM or DER
	Algorithm keytype.WrapAlgorithm
}

// WrappedKey is a key that only the holder of another one can read.
type WrappedKey struct {
	Wrapped   []byte
	Version   uint32 // of the key
	Under     uint32 // version of the wrapping key; zero for a public key from outside
	Algorithm keytype.WrapAlgorithm
	Type      string
	Wrapping  [32]byte // fingerprint of the wrapping key
}

// WrapKey encrypts the material of an exportable key under another key: PKCS #8
// DER, or the bytes of a symmetric key. Whoever can unwrap it has the key, so
// that all that ExportKey refuses is refused here. Errors: those of ExportKey,
// wrong_key_usage, invalid_peer_key, bad_argument.
func (v *Vault) WrapKey(_ context.Context, c WrapKey) (WrappedKey, error) {
	var public keytype.WrappingKey
	switch {
	case c.Under.IsZero() == (len(c.PublicKey) == 0):
		return WrappedKey{}, E(CodeBadArgument, "a key is wrapped under a key of the vault or a public key: name one of both")
	case c.Under == c.Key:
		return WrappedKey{}, E(CodeBadArgument, "a key is not wrapped under itself")
	case c.Under.IsZero():
		der, err := publicKeyDER(c.PublicKey)
		if err != nil {
			return WrappedKey{}, err
		}
		if public, err = keytype.ParseWrapping(der); err != nil {
			return WrappedKey{}, E(CodeInvalidPeerKey, "this public key wraps no keys").Because(err).
				WithHint("take an RSA key of 2048, 3072 or 4096 bits, or one of an HPKE type")
		}
	}
	o, err := v.enter()
	if err != nil {
		return WrappedKey{}, err
	}
	defer v.mu.RUnlock()
	k, err := o.ring.lookup(c.Key)
	if err != nil {
		return WrappedKey{}, err
	}
	w := WrappedKey{Version: c.Version, Type: k.typ.Name}
	material, err := o.takeOut(k, &w.Version)
	if err != nil {
		return WrappedKey{}, err
	}
	defer secret.Wipe(material)
	if public != nil {
		w.Wrapping = public.Fingerprint()
		w.Wrapped, w.Algorithm, err = public.Wrap(o.random, c.Algorithm, material)
	} else {
		err = o.wrapUnder(c, &w, material)
	}
	if err != nil {
		return WrappedKey{}, cryptoError(err)
	}
	return w, nil
}

// wrapUnder wraps under the newest version of a key of the vault.
func (o *opened) wrapUnder(c WrapKey, w *WrappedKey, material []byte) error {
	under, err := o.ring.lookup(c.Under)
	if err != nil {
		return err
	}
	h, number, err := o.acquire(under, 0, opProtect, keytype.UseWrap)
	if err != nil {
		return err
	}
	defer under.mu.RUnlock()
	wrapping, ok := h.(keytype.WrappingKey)
	if !ok {
		return E(CodeWrongKeyUsage, "a key of type %s wraps no keys", under.typ.Name)
	}
	w.Under, w.Wrapping = number, wrapping.Fingerprint()
	w.Wrapped, w.Algorithm, err = wrapping.Wrap(o.random, c.Algorithm, material)
	return err
}

// UnwrapKey asks for a new key with material that comes wrapped.
type UnwrapKey struct {
	Name      Name
	With      Name // any of its versions
	Wrapped   []byte
	Algorithm keytype.WrapAlgorithm
	Type      string // may be empty for a key pair
	TTL       time.Duration
	NoExpiry  bool
	Uses      keytype.Use
	Labels    map[string]string

	RequireContext []string // as for CreateKey
}

// UnwrapKey makes a key of what the unwrapping key opens. It never shows the
// material, nor does the new key, which is not exportable: else whoever may
// unwrap could read every key that was ever wrapped. Errors: those of ImportKey,
// wrong_key_usage, invalid_ciphertext.
func (v *Vault) UnwrapKey(ctx context.Context, c UnwrapKey) (KeyInfo, error) {
	switch {
	case c.Name.IsZero():
		return KeyInfo{}, E(CodeBadArgument, "the key has no name")
	case len(c.Wrapped) == 0 || len(c.Wrapped) > maxWrapped:
		return KeyInfo{}, E(CodeBadArgument, "a wrapped key has 1 to %d bytes", maxWrapped)
	}
	o, err := v.enter()
	if err != nil {
		return KeyInfo{}, err
	}
	defer v.mu.RUnlock()
	if err := o.mayCreate(c.Name); err != nil {
		return KeyInfo{}, err
	}
	opened, err := o.unwrap(c)
	if err != nil {
		return KeyInfo{}, err
	}
	defer secret.Wipe(opened)
	typ, material, err := unwrapped(c.Type, opened)
	if err != nil {
		return KeyInfo{}, importError(err)
	}
	defer secret.Wipe(material)
	n := newborn{
		name: c.Name, typ: typ, origin: OriginImported, ttl: c.TTL, noExpiry: c.NoExpiry,
		uses: c.Uses, labels: c.Labels, require: c.RequireContext, material: material,
	}
	if err := n.check(); err != nil {
		return KeyInfo{}, err
	}
	return o.bear(ctx, &n)
}

// unwrap tries the versions of the unwrapping key newest first, since a wrapped
// key does not say which it is under.
func (o *opened) unwrap(c UnwrapKey) ([]byte, error) {
	with, err := o.ring.lookup(c.With)
	if err != nil {
		return nil, err
	}
	var material []byte
	_, err = o.newestThat(with, opProcess, keytype.UseUnwrap, nil, func(h keytype.Key) (err error) {
		u, ok := h.(keytype.Unwrapper)
		if !ok {
			return E(CodeWrongKeyUsage, "a key of type %s unwraps no keys", with.typ.Name)
		}
		material, err = u.Unwrap(c.Algorithm, c.Wrapped)
		return err
	})
	if err != nil {
		return nil, cryptoError(err)
	}
	return material, nil
}

// unwrapped reads material into its type and canonical form, which the caller wipes.
func unwrapped(name string, opened []byte) (*keytype.Type, []byte, error) {
	if name == "" {
		typ, material, err := keytype.ImportPKCS8(opened)
		if err != nil {
			return nil, nil, E(CodeBadArgument, "the wrapped key is no key pair that is known: name its type").Because(err)
		}
		return typ, material, nil
	}
	typ, err := typeNamed(name)
	if err != nil {
		return nil, nil, err
	}
	if !typ.Asymmetric() {
		return importSymmetric(typ, opened)
	}
	material, err := typ.Import(opened)
	return typ, material, err
}
