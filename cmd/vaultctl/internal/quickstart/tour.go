package quickstart

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/render"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/fault"
)

// Names that the tour uses in both namespaces. Where one is taken by something
// that is no longer usable, a number is added.
const (
	symmetricName = "quickstart"
	signingName   = "quickstart-id"
	sessionName   = "quickstart-chat"
	purpose       = "quickstart"
	demoOwner     = "bob-demo"
	otherDemo     = "carol-demo" // for a user who is called bob-demo
)

// Tour is one run. Client must reach an unsealed vault whose administrator the
// caller is, since the tour acts for two owners.
type Tour struct {
	Client *client.Client
	Print  *render.Printer
	Owner  string // the user's own namespace
}

// Summary is what the tour did, as JSON shows it.
type Summary struct {
	VaultID         string       `json:"vault_id"`
	Vault           string       `json:"vault"` // "created", "unsealed" or "open"
	PasswordFile    string       `json:"password_file,omitempty"`
	Owners          []string     `json:"owners"`
	Keys            []render.Key `json:"keys"`
	Sessions        []render.Key `json:"sessions"`
	SessionsMatch   bool         `json:"sessions_match"`
	Plaintext       string       `json:"plaintext"`
	Ciphertext      string       `json:"ciphertext"`
	DecryptedByPeer bool         `json:"decrypted_by_peer"`
	DecryptedByUs   bool         `json:"decrypted_by_us"`
	TamperedRefused fault.Code   `json:"tampered_refused"`
}

// Run takes the tour and adds to s what it did. An error means that the vault
// refused something that it should have done, or did what it should have refused.
func (t *Tour) Run(ctx context.Context, s *Summary) error {
	peer := demoOwner
	if t.Owner == peer {
		peer = otherDemo
	}
	t.step("2. Two keys of your own")
	symmetric, err := t.key(ctx, s, t.Owner+"/"+symmetricName, "fernet")
	if err != nil {
		return err
	}
	ours, err := t.key(ctx, s, t.Owner+"/"+signingName, "rsa-2048")
	if err != nil {
		return err
	}
	t.step("3. A second owner, to talk to")
	if err := t.owner(ctx, peer); err != nil {
		return err
	}
	theirs, err := t.key(ctx, s, peer+"/"+signingName, "rsa-2048")
	if err != nil {
		return err
	}
	s.Owners = []string{t.Owner, peer}
	t.step("4. An authenticated exchange: both end up with the same session key")
	own, other, err := t.exchange(ctx, ours, theirs)
	if err != nil {
		return err
	}
	s.Sessions = []render.Key{render.NewKey(own), render.NewKey(other)}
	s.SessionsMatch = true
	t.step("5. Using it")
	if err := t.converse(ctx, s, own.GetName(), other.GetName()); err != nil {
		return err
	}
	t.next(symmetric.GetName(), peer)
	return nil
}

// key makes a key, or takes the one that is there from an earlier run, rotated
// if it has expired.
func (t *Tour) key(ctx context.Context, s *Summary, base, kind string) (*vaultdv1.Key, error) {
	stop := t.Print.Progress("Generating a key of type " + kind)
	defer stop()
	k, how, err := t.obtain(ctx, base, kind)
	if err != nil {
		return nil, err
	}
	stop()
	s.Keys = append(s.Keys, render.NewKey(k))
	t.say("%-9s %s (%s), %s", how, k.GetName(), k.GetType(), t.expiry(k))
	t.say("          %s", render.Newest(k).GetFingerprint())
	return k, nil
}

func (t *Tour) obtain(ctx context.Context, base, kind string) (*vaultdv1.Key, string, error) {
	for name := range numbered(base) {
		shown, err := t.Client.ShowKey(ctx, &vaultdv1.ShowKeyRequest{Name: name})
		if errors.Is(err, fault.ErrKeyNotFound) {
			made, err := t.Client.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: name, Type: kind})
			return made.GetKey(), "created", err
		}
		if err != nil {
			return nil, "", err
		}
		k := shown.GetKey()
		switch {
		case k.GetType() != kind:
		case k.GetState() == vaultdv1.KeyState_KEY_STATE_ACTIVE:
			return k, "found", nil
		case k.GetState() == vaultdv1.KeyState_KEY_STATE_EXPIRED:
			rotated, err := t.Client.RotateKey(ctx, &vaultdv1.RotateKeyRequest{Name: name})
			return rotated.GetKey(), "rotated", err
		}
	}
	return nil, "", errNoName(base)
}

func (t *Tour) owner(ctx context.Context, name string) error {
	_, err := t.Client.CreateOwner(ctx, &vaultdv1.CreateOwnerRequest{Name: name})
	var known *fault.Error
	switch {
	case err == nil:
		t.say("created   %s", name)
		return nil
	case errors.Is(err, fault.ErrOwnerRevoked):
		if _, err := t.Client.ReinstateOwner(ctx, &vaultdv1.ReinstateOwnerRequest{Name: name}); err != nil {
			return err
		}
		t.say("reinstated %s, which was revoked", name)
		return nil
	case errors.As(err, &known) && known.Code == fault.CodeOwnerExists:
		t.say("found     %s", name)
		return nil
	case errors.Is(err, fault.ErrPermissionDenied):
		return known.WithHint("the tour acts for two owners: take it on a vault of your own")
	}
	return err
}

// free is a key name that nothing has taken.
func (t *Tour) free(ctx context.Context, base string) (string, error) {
	for name := range numbered(base) {
		_, err := t.Client.ShowKey(ctx, &vaultdv1.ShowKeyRequest{Name: name})
		if errors.Is(err, fault.ErrKeyNotFound) {
			return name, nil
		}
		if err != nil {
			return "", err
		}
	}
	return "", errNoName(base)
}

// numbered yields base, base-2, base-3 and so on, as far as anybody will go.
func numbered(base string) func(func(string) bool) {
	return func(yield func(string) bool) {
		if !yield(base) {
			return
		}
		for i := 2; i <= 10_000; i++ {
			if !yield(fmt.Sprintf("%s-%d", base, i)) {
				return
			}
		}
	}
}

func errNoName(base string) error {
	return fault.E(fault.CodeKeyExists, "every name from %s on is taken", base)
}

func (t *Tour) expiry(k *vaultdv1.Key) string {
	if e := render.Newest(k).GetExpires(); e != nil {
		return "expires " + t.Print.Until(e)
	}
	return "never expires"
}

func ownerOf(k *vaultdv1.Key) string {
	owner, _, _ := strings.Cut(k.GetName(), "/")
	return owner
}
