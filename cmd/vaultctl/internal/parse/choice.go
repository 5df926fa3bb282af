package parse

import (
	"slices"
	"strings"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault/fault"
)

// Choice is a flag value that takes one of a few words, each standing for a
// number of the service's definition. It implements pflag.Value.
type Choice[T ~int32] struct {
	kind  string
	words []word[T]
	text  string
	Value T
}

type word[T ~int32] struct {
	name  string
	value T
}

// Set accepts one of the words.
func (c *Choice[T]) Set(s string) error {
	for _, w := range c.words {
		if w.name == s {
			c.text, c.Value = s, w.value
			return nil
		}
	}
	return fault.E(fault.CodeBadArgument, "%q is not a known %s", s, c.kind).
		WithHint("one of: %s", strings.Join(c.Words(), ", "))
}

// String is the word that was set.
func (c *Choice[T]) String() string { return c.text }

// Type names the value in help texts.
func (c *Choice[T]) Type() string { return strings.ToUpper(c.kind) }

// Words lists what Set accepts.
func (c *Choice[T]) Words() []string {
	names := make([]string, len(c.words))
	for i, w := range c.words {
		names[i] = w.name
	}
	return names
}

// Name is the word for a value, or "" for a value that has none.
func (c *Choice[T]) Name(v T) string {
	i := slices.IndexFunc(c.words, func(w word[T]) bool { return w.value == v })
	if i < 0 {
		return ""
	}
	return c.words[i].name
}

// PublicFormat chooses the encoding of a public key.
func PublicFormat() *Choice[vaultdv1.PublicKeyFormat] {
	return &Choice[vaultdv1.PublicKeyFormat]{kind: "format", words: []word[vaultdv1.PublicKeyFormat]{
		{"pem", vaultdv1.PublicKeyFormat_PUBLIC_KEY_FORMAT_PEM},
		{"der", vaultdv1.PublicKeyFormat_PUBLIC_KEY_FORMAT_DER},
		{"openssh", vaultdv1.PublicKeyFormat_PUBLIC_KEY_FORMAT_OPENSSH},
		{"jwk", vaultdv1.PublicKeyFormat_PUBLIC_KEY_FORMAT_JWK},
	}}
}

// PrivateFormat chooses the encoding of key material that comes in or goes out.
func PrivateFormat() *Choice[vaultdv1.PrivateKeyFormat] {
	return &Choice[vaultdv1.PrivateKeyFormat]{kind: "format", words: []word[vaultdv1.PrivateKeyFormat]{
		{"raw", vaultdv1.PrivateKeyFormat_PRIVATE_KEY_FORMAT_RAW},
		{"fernet", vaultdv1.PrivateKeyFormat_PRIVATE_KEY_FORMAT_FERNET},
		{"pkcs8", vaultdv1.PrivateKeyFormat_PRIVATE_KEY_FORMAT_PKCS8_PEM},
		{"pkcs8-encrypted", vaultdv1.PrivateKeyFormat_PRIVATE_KEY_FORMAT_PKCS8_ENCRYPTED_PEM},
		{"compat", vaultdv1.PrivateKeyFormat_PRIVATE_KEY_FORMAT_COMPAT},
		{"pkcs1", vaultdv1.PrivateKeyFormat_PRIVATE_KEY_FORMAT_PKCS1_PEM},
		{"sec1", vaultdv1.PrivateKeyFormat_PRIVATE_KEY_FORMAT_SEC1_PEM},
		{"openssh", vaultdv1.PrivateKeyFormat_PRIVATE_KEY_FORMAT_OPENSSH},
		{"jwk", vaultdv1.PrivateKeyFormat_PRIVATE_KEY_FORMAT_JWK},
	}}
}

// Hash chooses the digest of a signature.
func Hash() *Choice[vaultdv1.HashAlgorithm] {
	return &Choice[vaultdv1.HashAlgorithm]{kind: "hash", words: []word[vaultdv1.HashAlgorithm]{
		{"sha256", vaultdv1.HashAlgorithm_HASH_ALGORITHM_SHA256},
		{"sha384", vaultdv1.HashAlgorithm_HASH_ALGORITHM_SHA384},
		{"sha512", vaultdv1.HashAlgorithm_HASH_ALGORITHM_SHA512},
	}}
}

// Scheme chooses the padding of an RSA signature, the form of an ECDSA one, or
// what of a message Ed25519 signs.
func Scheme() *Choice[vaultdv1.SignatureScheme] {
	return &Choice[vaultdv1.SignatureScheme]{kind: "scheme", words: []word[vaultdv1.SignatureScheme]{
		{"pss", vaultdv1.SignatureScheme_SIGNATURE_SCHEME_PSS},
		{"pss-salt-hash", vaultdv1.SignatureScheme_SIGNATURE_SCHEME_PSS_SALT_HASH},
		{"pkcs1v15", vaultdv1.SignatureScheme_SIGNATURE_SCHEME_PKCS1V15},
		{"der", vaultdv1.SignatureScheme_SIGNATURE_SCHEME_ECDSA_DER},
		{"raw", vaultdv1.SignatureScheme_SIGNATURE_SCHEME_ECDSA_RAW},
		{"ed25519ph", vaultdv1.SignatureScheme_SIGNATURE_SCHEME_ED25519PH},
	}}
}

// RevocationReason chooses why a key is revoked.
func RevocationReason() *Choice[vaultdv1.RevocationReason] {
	return &Choice[vaultdv1.RevocationReason]{kind: "reason", words: []word[vaultdv1.RevocationReason]{
		{"key_compromise", vaultdv1.RevocationReason_REVOCATION_REASON_KEY_COMPROMISE},
		{"ca_compromise", vaultdv1.RevocationReason_REVOCATION_REASON_CA_COMPROMISE},
		{"affiliation_changed", vaultdv1.RevocationReason_REVOCATION_REASON_AFFILIATION_CHANGED},
		{"superseded", vaultdv1.RevocationReason_REVOCATION_REASON_SUPERSEDED},
		{"cessation_of_operation", vaultdv1.RevocationReason_REVOCATION_REASON_CESSATION_OF_OPERATION},
		{"privilege_withdrawn", vaultdv1.RevocationReason_REVOCATION_REASON_PRIVILEGE_WITHDRAWN},
		{"unspecified", vaultdv1.RevocationReason_REVOCATION_REASON_UNSPECIFIED},
	}}
}

func useChoice() *Choice[vaultdv1.KeyUse] {
	return &Choice[vaultdv1.KeyUse]{kind: "use", words: []word[vaultdv1.KeyUse]{
		{"encrypt", vaultdv1.KeyUse_KEY_USE_ENCRYPT},
		{"decrypt", vaultdv1.KeyUse_KEY_USE_DECRYPT},
		{"sign", vaultdv1.KeyUse_KEY_USE_SIGN},
		{"verify", vaultdv1.KeyUse_KEY_USE_VERIFY},
		{"mac", vaultdv1.KeyUse_KEY_USE_MAC},
		{"verify-mac", vaultdv1.KeyUse_KEY_USE_VERIFY_MAC},
		{"agree", vaultdv1.KeyUse_KEY_USE_AGREE},
		{"derive", vaultdv1.KeyUse_KEY_USE_DERIVE},
		{"wrap", vaultdv1.KeyUse_KEY_USE_WRAP},
		{"unwrap", vaultdv1.KeyUse_KEY_USE_UNWRAP},
		{"encapsulate", vaultdv1.KeyUse_KEY_USE_ENCAPSULATE},
		{"decapsulate", vaultdv1.KeyUse_KEY_USE_DECAPSULATE},
	}}
}

// Wrapping chooses how a key is wrapped.
func Wrapping() *Choice[vaultdv1.WrapAlgorithm] {
	return &Choice[vaultdv1.WrapAlgorithm]{kind: "algorithm", words: []word[vaultdv1.WrapAlgorithm]{
		{"aes-kwp", vaultdv1.WrapAlgorithm_WRAP_ALGORITHM_AES_KWP},
		{"rsa-oaep", vaultdv1.WrapAlgorithm_WRAP_ALGORITHM_RSA_OAEP},
		{"rsa-aes-kwp", vaultdv1.WrapAlgorithm_WRAP_ALGORITHM_RSA_AES_KWP},
		{"hpke", vaultdv1.WrapAlgorithm_WRAP_ALGORITHM_HPKE},
	}}
}

func certificateUsage() *Choice[vaultdv1.CertificateUsage] {
	return &Choice[vaultdv1.CertificateUsage]{kind: "usage", words: []word[vaultdv1.CertificateUsage]{
		{"server", vaultdv1.CertificateUsage_CERTIFICATE_USAGE_SERVER},
		{"client", vaultdv1.CertificateUsage_CERTIFICATE_USAGE_CLIENT},
		{"code-signing", vaultdv1.CertificateUsage_CERTIFICATE_USAGE_CODE_SIGNING},
		{"email", vaultdv1.CertificateUsage_CERTIFICATE_USAGE_EMAIL},
		{"time-stamping", vaultdv1.CertificateUsage_CERTIFICATE_USAGE_TIME_STAMPING},
	}}
}

// CertificateUsages reads the names of what a certificate is for.
func CertificateUsages(names []string) ([]vaultdv1.CertificateUsage, error) {
	return all(certificateUsage(), names)
}

// CertificateUsageNames lists the words that CertificateUsages accepts.
func CertificateUsageNames() []string { return certificateUsage().Words() }

// Uses reads the names of operations that a key may perform.
func Uses(names []string) ([]vaultdv1.KeyUse, error) { return all(useChoice(), names) }

// all reads several words, each counting once.
func all[T ~int32](choice *Choice[T], names []string) ([]T, error) {
	var values []T
	for _, name := range names {
		if err := choice.Set(name); err != nil {
			return nil, err
		}
		if !slices.Contains(values, choice.Value) {
			values = append(values, choice.Value)
		}
	}
	return values, nil
}

// UseNames lists the words that Uses accepts.
func UseNames() []string { return useChoice().Words() }

// UseName is the word for one use.
func UseName(u vaultdv1.KeyUse) string { return useChoice().Name(u) }
