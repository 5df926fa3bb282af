//go:build unix

package rig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/fault"
)

// Gallery is a set of keys in every state, with what was made under them, so
// that a test can tell whether a vault still is what it was.
type Gallery struct {
	pieces []*piece
	owners []string // revoked ones
}

// piece is one key, what the daemon said of it, and what it made.
type piece struct {
	name   string
	shown  *vaultdv1.Key
	sealed []string // ciphertexts of plain, one for each version
	plain  []byte
	signed []byte
	mac    []byte
	want   fault.Code // answer to decrypt, sign or mac; empty when it works
}

// GalleryOwner and GalleryKey are names that must not be found in any file.
const (
	GalleryOwner = "ottokar-the-owner"
	GalleryKey   = "unmistakable-name"
)

var galleryTypes = []string{
	"xaes-256-gcm", "aes-256-gcm", "chacha20-poly1305", "fernet", "hmac-sha256", "ecdsa-p256", "ed25519", "x25519", "rsa-2048",
}

// NewGallery fills an unsealed vault with keys of an owner: every type once,
// rotated, revoked and destroyed keys, and as many more as asked; and with a
// second owner that is revoked.
func NewGallery(t testing.TB, d *Daemon, owner string, more int) *Gallery {
	t.Helper()
	ctx, c, g := Context(t), d.Client, &Gallery{}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("fill the vault: %v; the daemon's log:\n%s", err, d.Log())
		}
	}
	add := func(name, kind string, versions int) *piece {
		t.Helper()
		p, err := newPiece(ctx, c, name, kind, versions)
		must(err)
		g.pieces = append(g.pieces, p)
		return p
	}
	for i, kind := range galleryTypes {
		add(fmt.Sprintf("%s/%s-%s", owner, GalleryKey, kind), kind, 1+i%3)
	}
	for i := range more {
		add(fmt.Sprintf("%s/more-%d", owner, i), "xaes-256-gcm", 1)
	}
	revoked := add(owner+"/revoked", "xaes-256-gcm", 2)
	_, err := c.RevokeKey(ctx, &vaultdv1.RevokeKeyRequest{Name: revoked.name, Reason: "a reason that nobody needs to read"})
	must(err)
	revoked.want = fault.CodeRevoked
	destroyed := add(owner+"/destroyed", "xaes-256-gcm", 2)
	_, err = c.DestroyKey(ctx, &vaultdv1.DestroyKeyRequest{Name: destroyed.name})
	must(err)
	destroyed.want = fault.CodeKeyDestroyed
	lost := add(owner+"-lost/key", "xaes-256-gcm", 1)
	_, err = c.RevokeOwner(ctx, &vaultdv1.RevokeOwnerRequest{Name: owner + "-lost"})
	must(err)
	lost.want = fault.CodeOwnerRevoked
	g.owners = append(g.owners, owner+"-lost")
	for _, p := range g.pieces {
		answer, err := c.ShowKey(ctx, &vaultdv1.ShowKeyRequest{Name: p.name})
		must(err)
		p.shown = answer.GetKey()
	}
	return g
}

func newPiece(ctx context.Context, c *client.Client, name, kind string, versions int) (*piece, error) {
	p := &piece{name: name, plain: []byte("plaintext of " + name)}
	answer, err := c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: name, Type: kind, NoExpiry: true, Labels: map[string]string{"kind": kind}})
	if err != nil {
		return nil, err
	}
	for v := 1; ; v++ {
		if can(answer.GetKey(), vaultdv1.KeyUse_KEY_USE_ENCRYPT) {
			sealed, err := c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: name, Plaintext: p.plain})
			if err != nil {
				return nil, err
			}
			p.sealed = append(p.sealed, sealed.GetCiphertext())
		}
		if v == versions {
			break
		}
		if _, err := c.RotateKey(ctx, &vaultdv1.RotateKeyRequest{Name: name}); err != nil {
			return nil, err
		}
	}
	if can(answer.GetKey(), vaultdv1.KeyUse_KEY_USE_SIGN) {
		signed, err := c.Sign(ctx, &vaultdv1.SignRequest{Key: name, Message: p.plain})
		if err != nil {
			return nil, err
		}
		p.signed = signed.GetSignature()
	}
	if can(answer.GetKey(), vaultdv1.KeyUse_KEY_USE_MAC) {
		mac, err := c.MAC(ctx, &vaultdv1.MACRequest{Key: name, Message: p.plain})
		if err != nil {
			return nil, err
		}
		p.mac = mac.GetMac()
	}
	return p, nil
}

func can(k *vaultdv1.Key, use vaultdv1.KeyUse) bool {
	for _, u := range k.GetUses() {
		if u == use {
			return true
		}
	}
	return false
}

// Check uses every key. Its error joins all that is not as it was; errors of
// the daemon keep their codes.
func (g *Gallery) Check(ctx context.Context, c *client.Client) error {
	missing := map[string]bool{}
	for _, p := range g.pieces {
		missing[p.name] = true
	}
	for token := ""; ; {
		answer, err := c.ListKeys(ctx, &vaultdv1.ListKeysRequest{IncludeDestroyed: true, PageSize: 1000, PageToken: token})
		if err != nil {
			return fmt.Errorf("list: %w", err)
		}
		for _, k := range answer.GetKeys() {
			delete(missing, k.GetName())
		}
		if token = answer.GetNextPageToken(); token == "" {
			break
		}
	}
	var problems []error
	for name := range missing {
		problems = append(problems, fmt.Errorf("%s is missing in the list", name))
	}
	for _, p := range g.pieces {
		if err := p.check(ctx, c); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", p.name, err))
		}
	}
	for _, name := range g.owners {
		_, err := c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: name + "/new"})
		if Code(err) != fault.CodeOwnerRevoked {
			problems = append(problems, fmt.Errorf("a new key of the revoked owner %s answers: %w", name, orNone(err)))
		}
	}
	return errors.Join(problems...)
}

func (p *piece) check(ctx context.Context, c *client.Client) error {
	shown, err := c.ShowKey(ctx, &vaultdv1.ShowKeyRequest{Name: p.name})
	if err != nil {
		return fmt.Errorf("show: %w", err)
	}
	if !proto.Equal(shown.GetKey(), p.shown) {
		return fmt.Errorf("shown as %v, was %v", shown.GetKey(), p.shown)
	}
	for _, text := range p.sealed {
		opened, err := c.Decrypt(ctx, &vaultdv1.DecryptRequest{Key: p.name, Ciphertext: text})
		if Code(err) != p.want {
			return fmt.Errorf("decrypt answers: %w", orNone(err))
		}
		if err == nil && !bytes.Equal(opened.GetPlaintext(), p.plain) {
			return fmt.Errorf("decrypt gives %q, not %q", opened.GetPlaintext(), p.plain)
		}
	}
	if p.signed != nil {
		answer, err := c.Verify(ctx, &vaultdv1.VerifyRequest{Key: p.name, Message: p.plain, Signature: p.signed})
		if err != nil {
			return fmt.Errorf("verify: %w", err)
		}
		if !answer.GetValid() {
			return errors.New("a good signature is called bad")
		}
		if _, err := c.Sign(ctx, &vaultdv1.SignRequest{Key: p.name, Message: p.plain}); err != nil {
			return fmt.Errorf("sign: %w", err)
		}
	}
	if p.mac != nil {
		answer, err := c.VerifyMAC(ctx, &vaultdv1.VerifyMACRequest{Key: p.name, Message: p.plain, Mac: p.mac})
		if err != nil {
			return fmt.Errorf("verify mac: %w", err)
		}
		if !answer.GetValid() {
			return errors.New("a good MAC is called bad")
		}
	}
	return nil
}

func orNone(err error) error {
	if err == nil {
		return errors.New("no error")
	}
	return err
}
