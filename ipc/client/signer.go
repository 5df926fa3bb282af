package client

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"io"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault/fault"
)

// Signer is a signing key in the vault as a crypto.Signer, for x509, tls and
// the like. It stays with the version that was the newest when it was made.
type Signer struct{ privateKey }

// Decrypter is an RSA key in the vault as a crypto.Decrypter.
type Decrypter struct{ privateKey }

// privateKey is what the two have in common.
type privateKey struct {
	client  *Client
	ctx     context.Context
	name    string
	version uint32
	public  crypto.PublicKey
}

// Signer makes a signer of the key with that name. Signing has no context of
// its own in Go's interface: every signature uses ctx.
func (c *Client) Signer(ctx context.Context, key string) (*Signer, error) {
	k, err := c.privateKey(ctx, key)
	if err != nil {
		return nil, err
	}
	switch k.public.(type) {
	case *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey:
		return &Signer{k}, nil
	}
	return nil, fault.E(fault.CodeWrongKeyUsage, "key %s cannot sign", key)
}

// Decrypter makes a decrypter of the RSA key with that name, which must allow
// the use "decrypt". Every decryption uses ctx.
func (c *Client) Decrypter(ctx context.Context, key string) (*Decrypter, error) {
	k, err := c.privateKey(ctx, key)
	if err != nil {
		return nil, err
	}
	if _, ok := k.public.(*rsa.PublicKey); !ok {
		return nil, fault.E(fault.CodeWrongKeyUsage, "key %s is not an RSA key", key)
	}
	return &Decrypter{k}, nil
}

func (c *Client) privateKey(ctx context.Context, key string) (privateKey, error) {
	resp, err := c.PublicKey(ctx, &vaultdv1.PublicKeyRequest{
		Name: key, Format: vaultdv1.PublicKeyFormat_PUBLIC_KEY_FORMAT_DER,
	})
	if err != nil {
		return privateKey{}, err
	}
	public, err := x509.ParsePKIXPublicKey(resp.GetPublicKey())
	if err != nil {
		return privateKey{}, fault.E(fault.CodeWrongKeyUsage, "key %s is of a type that Go has no signer for", key).Because(err)
	}
	return privateKey{client: c, ctx: ctx, name: key, version: resp.GetVersion(), public: public}, nil
}

// Public is the public key.
func (k *privateKey) Public() crypto.PublicKey { return k.public }

// Sign signs a digest, or with an Ed25519 key the message, unless opts asks for
// Ed25519ph with SHA-512 as in package crypto/ed25519. RSA signs as
// PKCS #1 v1.5, or as PSS with *rsa.PSSOptions whose salt is automatic or as
// long as the digest. Hashes are SHA-256, SHA-384 and SHA-512. The randomness
// is the vault's own. It returns an error once the key was rotated.
func (s *Signer) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	req := &vaultdv1.SignRequest{Key: s.name, Message: digest}
	if _, ok := s.public.(ed25519.PublicKey); ok {
		if err := ed25519Scheme(req, opts); err != nil {
			return nil, err
		}
	} else {
		hash, err := hashAlgorithm(opts.HashFunc())
		if err != nil {
			return nil, err
		}
		req.Prehashed, req.Hash = true, hash
	}
	if public, ok := s.public.(*rsa.PublicKey); ok {
		scheme, err := signatureScheme(public, opts)
		if err != nil {
			return nil, err
		}
		req.Scheme = scheme
	}
	resp, err := s.client.Sign(s.ctx, req)
	if err != nil {
		return nil, err
	}
	if resp.GetVersion() != s.version {
		return nil, fault.E(fault.CodeVersionNotFound, "key %s was rotated to version %d", s.name, resp.GetVersion()).
			WithHint("make a new signer, and a certificate for its public key")
	}
	return resp.GetSignature(), nil
}

// ed25519Scheme reads what crypto/ed25519 takes as options.
func ed25519Scheme(req *vaultdv1.SignRequest, opts crypto.SignerOpts) error {
	switch opts.HashFunc() {
	case 0:
	case crypto.SHA512:
		req.Prehashed, req.Scheme = true, vaultdv1.SignatureScheme_SIGNATURE_SCHEME_ED25519PH
	default:
		return fault.E(fault.CodeUnsupportedAlgorithm, "the vault's Ed25519 keys sign messages, or digests of SHA-512")
	}
	if o, ok := opts.(*ed25519.Options); ok {
		req.SignatureContext = []byte(o.Context)
	}
	return nil
}

func hashAlgorithm(h crypto.Hash) (vaultdv1.HashAlgorithm, error) {
	switch h {
	case crypto.SHA256:
		return vaultdv1.HashAlgorithm_HASH_ALGORITHM_SHA256, nil
	case crypto.SHA384:
		return vaultdv1.HashAlgorithm_HASH_ALGORITHM_SHA384, nil
	case crypto.SHA512:
		return vaultdv1.HashAlgorithm_HASH_ALGORITHM_SHA512, nil
	}
	return 0, fault.E(fault.CodeUnsupportedAlgorithm, "the vault does not sign with %v", h)
}

func signatureScheme(public *rsa.PublicKey, opts crypto.SignerOpts) (vaultdv1.SignatureScheme, error) {
	pss, ok := opts.(*rsa.PSSOptions)
	if !ok {
		return vaultdv1.SignatureScheme_SIGNATURE_SCHEME_PKCS1V15, nil
	}
	hash := opts.HashFunc().Size()
	switch longest := (public.N.BitLen()-1+7)/8 - 2 - hash; pss.SaltLength {
	case rsa.PSSSaltLengthEqualsHash, hash:
		return vaultdv1.SignatureScheme_SIGNATURE_SCHEME_PSS_SALT_HASH, nil
	case rsa.PSSSaltLengthAuto, longest:
		return vaultdv1.SignatureScheme_SIGNATURE_SCHEME_PSS, nil
	}
	return 0, fault.E(fault.CodeUnsupportedAlgorithm, "the vault does not sign with a salt of %d bytes", pss.SaltLength)
}

// Decrypt opens an RSAES-OAEP ciphertext (RFC 8017) made with SHA-256 and no
// label; opts is nil or an *rsa.OAEPOptions that says so.
func (d *Decrypter) Decrypt(_ io.Reader, ciphertext []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	switch o := opts.(type) {
	case nil:
	case *rsa.OAEPOptions:
		if o.Hash != crypto.SHA256 || o.MGFHash != 0 && o.MGFHash != crypto.SHA256 || len(o.Label) > 0 {
			return nil, fault.E(fault.CodeUnsupportedAlgorithm, "the vault opens OAEP with SHA-256 and no label only")
		}
	default:
		return nil, fault.E(fault.CodeUnsupportedAlgorithm, "the vault does not open what %s describes", fmt.Sprintf("%T", opts))
	}
	resp, err := d.client.Decrypt(d.ctx, &vaultdv1.DecryptRequest{Key: d.name, CiphertextBinary: ciphertext})
	if err != nil {
		return nil, err
	}
	return resp.GetPlaintext(), nil
}
