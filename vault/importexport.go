package vault

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/vaultd/vaultd/crypto/fernet"
	"github.com/vaultd/vaultd/crypto/kdf"
	"github.com/vaultd/vaultd/crypto/keyenc"
	"github.com/vaultd/vaultd/crypto/keytype"
	"github.com/vaultd/vaultd/internal/secret"
)

// PrivateKeyFormat is how private material looks outside the vault.
type PrivateKeyFormat uint8

// The formats. The numbers are those of the API.
const (
	FormatDefault           PrivateKeyFormat = 0 // the type's own: FormatFernet, FormatRaw, or FormatPKCS8EncryptedPEM
	FormatRaw               PrivateKeyFormat = 1 // symmetric: the bytes
	FormatFernet            PrivateKeyFormat = 2 // url-safe base64 of the 32 bytes
	FormatPKCS8PEM          PrivateKeyFormat = 3 // unencrypted
	FormatPKCS8EncryptedPEM PrivateKeyFormat = 4 // PBES2, PBKDF2-HMAC-SHA-256, AES-256-CBC (RFC 8018)
	FormatCompat            PrivateKeyFormat = 5 // 16-byte salt, then a Fernet token over PKCS #8 PEM
	FormatPKCS1PEM          PrivateKeyFormat = 6 // RSA, unencrypted (RFC 8017)
	FormatSEC1PEM           PrivateKeyFormat = 7 // EC, unencrypted (RFC 5915)
	FormatOpenSSH           PrivateKeyFormat = 8 // encrypted (bcrypt, AES-256-CTR) where a passphrase is given
	FormatJWK               PrivateKeyFormat = 9 // RFC 7517, unencrypted
)

// ImportKey asks for a new key with material that was made elsewhere.
type ImportKey struct {
	Name       Name
	Type       string // may be empty where the format tells it
	Material   []byte
	Format     PrivateKeyFormat
	Passphrase []byte // for encrypted formats
	TTL        time.Duration
	NoExpiry   bool
	Exportable bool
	Uses       keytype.Use
	Labels     map[string]string

	RequireContext []string // as for CreateKey
	Periods        Periods
}

// ImportKey makes a key from material made elsewhere. The material must be
// exactly of the type: malformed, mismatched or weak keys are weak_key with
// the reason. Other errors: wrong_passphrase, unlock_throttled after several
// of them, and those of CreateKey.
func (v *Vault) ImportKey(ctx context.Context, c ImportKey) (KeyInfo, error) {
	if c.Name.IsZero() {
		return KeyInfo{}, E(CodeBadArgument, "the key has no name")
	}
	// What is sure to be refused gives no guess.
	if err := v.mayCreate(c.Name); err != nil {
		return KeyInfo{}, err
	}
	typ, material, err := v.readImport(c)
	if err != nil {
		return KeyInfo{}, err
	}
	defer secret.Wipe(material)
	n := newborn{
		name: c.Name, typ: typ, origin: OriginImported, ttl: c.TTL, noExpiry: c.NoExpiry,
		exportable: c.Exportable, uses: c.Uses, labels: c.Labels, require: c.RequireContext, material: material, periods: c.Periods,
	}
	if err := n.check(); err != nil {
		return KeyInfo{}, err
	}
	o, err := v.enter()
	if err != nil {
		return KeyInfo{}, err
	}
	defer v.mu.RUnlock()
	return o.bear(ctx, &n)
}

// readImport is importMaterial with the guessing of passphrases slowed down, for
// each namespace by itself.
func (v *Vault) readImport(c ImportKey) (*keytype.Type, []byte, error) {
	if len(c.Passphrase) == 0 {
		typ, material, err := importMaterial(c)
		return typ, material, importError(err)
	}
	subject, err := v.guesses.passphraseOf(c.Name.owner)
	if err != nil {
		return nil, nil, err
	}
	guess, err := v.guesses.begin(subject, "passphrases")
	if err != nil {
		return nil, nil, err
	}
	typ, material, err := importMaterial(c)
	if err = importError(err); !errors.Is(err, errWrongPassphrase) {
		// One that is right for this key says nothing of those tried at others.
		guess.undo()
	}
	return typ, material, err
}

// importMaterial reads material into its type and canonical form, which the
// caller wipes.
func importMaterial(c ImportKey) (*keytype.Type, []byte, error) {
	var typ *keytype.Type
	if c.Type != "" {
		var err error
		if typ, err = typeNamed(c.Type); err != nil {
			return nil, nil, err
		}
	}
	switch f := importFormat(c, typ); f {
	case FormatRaw:
		if typ == nil || typ.Asymmetric() {
			return nil, nil, E(CodeBadArgument, "raw bytes need the type of a symmetric key")
		}
		return importSymmetric(typ, c.Material)
	case FormatFernet:
		fern, err := typeNamed("fernet")
		if err != nil {
			return nil, nil, err
		}
		if typ != nil && typ != fern {
			return nil, nil, E(CodeWeakKey, "a key in Fernet's text is of type fernet, not %s", typ.Name)
		}
		raw, err := fernet.DecodeKey(bytes.TrimSpace(c.Material))
		if err != nil {
			return nil, nil, E(CodeWeakKey, "this is no Fernet key: url-safe base64 of 32 bytes").Because(err)
		}
		defer secret.Wipe(raw)
		return importSymmetric(fern, raw)
	default:
		return importEncoded(f, c, typ)
	}
}

var errWrongPassphrase = E(CodeWrongPassphrase, "the passphrase does not open the key")

// importError turns what reading a key reports into what a user sees.
func importError(err error) error {
	var domain *Error
	switch {
	case err == nil, errors.As(err, &domain):
		return err
	case errors.Is(err, keyenc.ErrPassphrase):
		return errWrongPassphrase.Because(err)
	case errors.Is(err, keyenc.ErrEncrypted):
		return E(CodeBadArgument, "the key is encrypted: its passphrase is needed").Because(err)
	case errors.Is(err, keyenc.ErrUnsupported):
		return E(CodeUnsupportedAlgorithm, "%v", err).Because(err)
	case errors.Is(err, keyenc.ErrFormat), errors.Is(err, keyenc.ErrParams):
		return E(CodeBadArgument, "%v", err).Because(err)
	case errors.Is(err, keytype.ErrMaterial):
		return E(CodeWeakKey, "%v", err).Because(err)
	}
	return err
}

// ExportKey asks for the private material of one version.
type ExportKey struct {
	Name       Name
	Version    uint32 // zero is the newest
	Format     PrivateKeyFormat
	Passphrase []byte // for encrypted formats
}

// ExportedKey is private material that has left the vault. The caller wipes it.
type ExportedKey struct {
	Material []byte
	Version  uint32
	Format   PrivateKeyFormat // as asked, or the type's default
}

// ExportKey hands out private material, of keys made exportable only, and not
// once they are expired, revoked or destroyed. Errors: not_exportable,
// expired, revoked, owner_revoked, key_destroyed, bad_argument.
func (v *Vault) ExportKey(_ context.Context, c ExportKey) (ExportedKey, error) {
	typ, e, err := v.exportMaterial(c)
	if err != nil {
		return ExportedKey{}, err
	}
	// The vault is not held here: encrypting under a passphrase takes long.
	material := e.Material
	defer secret.Wipe(material)
	switch e.Format {
	case FormatRaw:
		e.Material = bytes.Clone(material)
	case FormatFernet:
		e.Material, err = fernet.EncodeKey(material)
	case FormatPKCS8PEM:
		e.Material, err = keyenc.EncodePrivatePEM(material)
	case FormatPKCS8EncryptedPEM:
		e.Material, err = keyenc.EncryptPKCS8PEM(material, c.Passphrase, kdf.MinIterations, v.o.Random)
	case FormatCompat:
		e.Material, err = keyenc.CompatEncrypt(material, c.Passphrase, v.o.Now(), v.o.Random)
	case FormatPKCS1PEM:
		e.Material, err = keyenc.EncodePKCS1PEM(material)
	case FormatSEC1PEM:
		e.Material, err = keyenc.EncodeSEC1PEM(material)
	case FormatOpenSSH:
		e.Material, err = keyenc.EncodeOpenSSH(material, c.Passphrase, c.Name.String())
	case FormatJWK:
		if typ.Asymmetric() {
			e.Material, err = keyenc.PrivateJWK(material)
		} else {
			e.Material = keyenc.SymmetricJWK(material)
		}
	}
	if err != nil {
		return ExportedKey{}, importError(err)
	}
	v.log.Info("private key material was exported", "type", typ.Name)
	return e, nil
}

// exportMaterial returns the canonical material, which the caller wipes.
func (v *Vault) exportMaterial(c ExportKey) (*keytype.Type, ExportedKey, error) {
	o, err := v.enter()
	if err != nil {
		return nil, ExportedKey{}, err
	}
	defer v.mu.RUnlock()
	k, err := o.ring.lookup(c.Name)
	if err != nil {
		return nil, ExportedKey{}, err
	}
	e := ExportedKey{Version: c.Version}
	if e.Material, err = o.takeOut(k, &e.Version); err != nil {
		return nil, ExportedKey{}, err
	}
	if e.Format, err = exportFormat(k.typ, c); err != nil {
		secret.Wipe(e.Material)
		return nil, ExportedKey{}, err
	}
	return k.typ, e, nil
}

// takeOut returns the canonical material of a version, zero being the newest,
// which it puts, for use outside of the vault. The caller wipes it.
func (o *opened) takeOut(k *key, version *uint32) ([]byte, error) {
	if k.owner.revoked.Load() {
		return nil, ownerRevoked(k.owner.name)
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	if err := o.permit(k, version, opExport, 0, nil); err != nil {
		return nil, err
	}
	if !k.rec.exportable {
		return nil, E(CodeNotExportable, "key %s was not made exportable", k.name)
	}
	return o.readMaterial(k, *version)
}

// exportFormat settles the format and refuses one that does not fit the type.
func exportFormat(typ *keytype.Type, c ExportKey) (PrivateKeyFormat, error) {
	f := c.Format
	if f == FormatDefault {
		switch {
		case typ.ID == keytype.IDFernet:
			f = FormatFernet
		case typ.Asymmetric():
			f = FormatPKCS8EncryptedPEM
		default:
			f = FormatRaw
		}
	}
	fits := false
	switch f {
	case FormatRaw:
		fits = !typ.Asymmetric()
	case FormatFernet:
		fits = typ.ID == keytype.IDFernet
	case FormatPKCS8PEM, FormatPKCS8EncryptedPEM, FormatCompat, FormatPKCS1PEM, FormatSEC1PEM, FormatOpenSSH:
		fits = typ.Asymmetric() // whether the last three do is settled by the key
	case FormatJWK:
		fits = true
	}
	switch {
	case !fits:
		return 0, E(CodeBadArgument, "a key of type %s has no such format", typ.Name)
	case len(c.Passphrase) == 0 && (f == FormatPKCS8EncryptedPEM || f == FormatCompat):
		return 0, E(CodeBadArgument, "this format needs a passphrase")
	}
	return f, nil
}
