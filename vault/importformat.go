package vault

import (
	"github.com/vaultd/vaultd/crypto/keyenc"
	"github.com/vaultd/vaultd/crypto/keytype"
	"github.com/vaultd/vaultd/internal/secret"
)

// importEncoded reads the formats that tell what they hold.
func importEncoded(f PrivateKeyFormat, c ImportKey, typ *keytype.Type) (*keytype.Type, []byte, error) {
	der, raw, err := readEncoded(f, c.Material, c.Passphrase)
	if err != nil {
		return nil, nil, err
	}
	defer secret.Wipe(der)
	defer secret.Wipe(raw)
	switch {
	case der == nil && typ == nil:
		return nil, nil, E(CodeBadArgument, "a symmetric JWK needs the type of the key")
	case (der != nil) != (typ == nil || typ.Asymmetric()):
		return nil, nil, E(CodeBadArgument, "this is not the format of a key of type %s", typ.Name)
	case der == nil:
		return importSymmetric(typ, raw)
	case typ == nil:
		return keytype.ImportPKCS8(der)
	}
	material, err := typ.Import(der)
	return typ, material, err
}

// detected pairs the formats that material shows with those of the API.
var detected = map[keyenc.Format]PrivateKeyFormat{
	keyenc.FormatPKCS8: FormatPKCS8PEM, keyenc.FormatPKCS8Encrypted: FormatPKCS8EncryptedPEM,
	keyenc.FormatPKCS1: FormatPKCS1PEM, keyenc.FormatSEC1: FormatSEC1PEM,
	keyenc.FormatOpenSSH: FormatOpenSSH, keyenc.FormatJWK: FormatJWK,
}

// importFormat settles the default format: what the material shows, unless the
// type's keys are raw bytes, which may look like anything.
func importFormat(c ImportKey, typ *keytype.Type) PrivateKeyFormat {
	if c.Format != FormatDefault {
		return c.Format
	}
	found, known := detected[keyenc.Detect(c.Material)]
	switch {
	case typ != nil && typ.ID == keytype.IDFernet && found != FormatJWK:
		return FormatFernet
	case typ != nil && !typ.Asymmetric() && (found != FormatJWK):
		return FormatRaw
	case known:
		return found
	}
	return FormatRaw
}

func importSymmetric(typ *keytype.Type, raw []byte) (*keytype.Type, []byte, error) {
	if why := keytype.Guessable(raw); why != "" {
		return nil, nil, E(CodeWeakKey, "these bytes are no key: %s", why).
			WithHint("make one with 'vaultctl key create', or take 32 bytes of a random generator")
	}
	material, err := typ.Import(raw)
	return typ, material, err
}

// readEncoded returns PKCS #8 DER or the bytes of a symmetric key, of which the
// other is nil.
func readEncoded(f PrivateKeyFormat, material, passphrase []byte) (der, raw []byte, err error) {
	if (f == FormatPKCS8EncryptedPEM || f == FormatCompat) && len(passphrase) == 0 {
		// Refused before the derivation of a key, whose cost the file decides.
		return nil, nil, keyenc.ErrEncrypted
	}
	if f == FormatCompat {
		der, err = keyenc.CompatDecrypt(material, passphrase)
		return der, nil, err
	}
	for found, format := range detected {
		if format == f {
			return keyenc.ParseAny(material, found, passphrase)
		}
	}
	return nil, nil, E(CodeBadArgument, "there is no such key format")
}
