package command

import (
	"context"
	"crypto"
	_ "crypto/sha256" // the hashes that a signature may have
	_ "crypto/sha512"
	"strings"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/interruptible"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/stream"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/fault"
)

// signed is what a request to sign or verify has: a message, or its digest.
type signed struct {
	bytes  []byte
	hashed bool
	hash   vaultdv1.HashAlgorithm
}

// toSign reads the message. One that is too large for a request is hashed here,
// with the hash that the daemon would take, so that the signature is the same.
func (a *app) toSign(ctx context.Context, c *client.Client, opts *signing, key string) (signed, error) {
	m := signed{hashed: opts.prehashed, hash: opts.hash.Value}
	from, closeInput, err := a.open(opts.in, "message")
	if err != nil {
		return m, err
	}
	defer closeInput()
	begin, more, err := stream.Begin(ctx, from, stream.MaxInput)
	if err != nil || !more {
		m.bytes = begin
		return m, err
	}
	if opts.prehashed {
		return m, fault.E(fault.CodeTooLarge, "the input is larger than any digest")
	}
	hash, err := a.hashOf(ctx, c, opts, key)
	if err != nil {
		return m, err
	}
	m.hash, m.hashed = hash, true
	h := hashes[hash].New()
	h.Write(begin)
	_, err = interruptible.Do(ctx, func() (struct{}, error) { return struct{}{}, stream.Rest(h, from) })
	m.bytes = h.Sum(nil)
	return m, err
}

var hashes = map[vaultdv1.HashAlgorithm]crypto.Hash{
	vaultdv1.HashAlgorithm_HASH_ALGORITHM_SHA256: crypto.SHA256,
	vaultdv1.HashAlgorithm_HASH_ALGORITHM_SHA384: crypto.SHA384,
	vaultdv1.HashAlgorithm_HASH_ALGORITHM_SHA512: crypto.SHA512,
}

// hashOf is the hash that was asked for, or that of the scheme or key.
func (a *app) hashOf(ctx context.Context, c *client.Client, opts *signing, key string) (vaultdv1.HashAlgorithm, error) {
	switch {
	case opts.scheme.Value == vaultdv1.SignatureScheme_SIGNATURE_SCHEME_ED25519PH:
		return vaultdv1.HashAlgorithm_HASH_ALGORITHM_SHA512, nil
	case opts.hash.Value != 0:
		return opts.hash.Value, nil
	}
	public, err := once(ctx, a, "Looking the key up", c.PublicKey, &vaultdv1.PublicKeyRequest{Name: key})
	if err != nil {
		return 0, err
	}
	switch kind := public.GetType(); {
	case strings.HasPrefix(kind, "rsa-"), kind == "ecdsa-p256":
		return vaultdv1.HashAlgorithm_HASH_ALGORITHM_SHA256, nil
	case kind == "ecdsa-p384":
		return vaultdv1.HashAlgorithm_HASH_ALGORITHM_SHA384, nil
	case kind == "ed25519":
		return 0, fault.E(fault.CodeTooLarge, "the message is too large for an Ed25519 signature over itself").
			WithHint("use --scheme ed25519ph, which signs its digest")
	}
	return 0, fault.E(fault.CodeTooLarge, "the message is too large, and the hash of a key of type %s is not known", public.GetType()).
		WithHint("name the hash with --hash")
}
