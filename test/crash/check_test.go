//go:build linux

package crash

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/test/rig"
	"github.com/vaultd/vaultd/vault/fault"
)

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

func sortedVersions(m map[int]bool) []int { return sortedKeys(m) }

// check compares everything that a writer knows with what the daemon says, and
// settles the change whose outcome was open.
func (w *writer) check(ctx context.Context, c *client.Client) error {
	if w.failure != nil {
		return w.failure
	}
	var problems []error
	for i, o := range w.owners {
		last := i == len(w.owners)-1
		if w.pending == nil || !last {
			problems = append(problems, o.check(ctx, c))
			continue
		}
		before, after := o.check(ctx, c), w.pending.after.check(ctx, c)
		switch {
		case after == nil: // also when the two don't differ
			w.owners[i] = w.pending.after
		case before != nil:
			problems = append(problems, fmt.Errorf("after an open %q neither fits:\n  if not done: %w\n  if done: %w",
				w.pending.what, before, after))
		}
	}
	w.pending = nil
	return errors.Join(problems...)
}

// check is nil when the daemon knows the owner exactly so.
func (o *owner) check(ctx context.Context, c *client.Client) error {
	if len(o.keys) == 0 {
		return nil // the owner may not exist yet
	}
	answer, err := c.ShowOwner(ctx, &vaultdv1.ShowOwnerRequest{Name: o.name})
	if err != nil {
		return fmt.Errorf("owner %s: %w", o.name, err)
	}
	if answer.GetOwner().GetRevoked() != o.revoked {
		return fmt.Errorf("owner %s: revoked is %v", o.name, answer.GetOwner().GetRevoked())
	}
	if o.revoked {
		_, err := c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: o.name + "/after-revocation"})
		if rig.Code(err) != fault.CodeOwnerRevoked {
			return fmt.Errorf("a new key of the revoked owner %s answers %w", o.name, noError(err))
		}
	}
	listed, err := list(ctx, c, o.name)
	if err != nil {
		return err
	}
	var problems []error
	for _, name := range sortedKeys(o.keys) {
		if listed[name] == nil {
			problems = append(problems, fmt.Errorf("%s is missing in the list", name))
			continue
		}
		problems = append(problems, o.keys[name].check(ctx, c, listed[name], o.revoked))
		delete(listed, name)
	}
	for name := range listed {
		problems = append(problems, fmt.Errorf("%s is in the list, and nobody made it", name))
	}
	return errors.Join(problems...)
}

func list(ctx context.Context, c *client.Client, owner string) (map[string]*vaultdv1.Key, error) {
	all := map[string]*vaultdv1.Key{}
	for token := ""; ; {
		answer, err := c.ListKeys(ctx, &vaultdv1.ListKeysRequest{Owner: owner, IncludeDestroyed: true, PageSize: 17, PageToken: token})
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", owner, err)
		}
		for _, k := range answer.GetKeys() {
			all[k.GetName()] = k
		}
		if token = answer.GetNextPageToken(); token == "" {
			return all, nil
		}
	}
}

func (k *key) check(ctx context.Context, c *client.Client, listed *vaultdv1.Key, ownerRevoked bool) error {
	answer, err := c.ShowKey(ctx, &vaultdv1.ShowKeyRequest{Name: k.name})
	if err != nil {
		return fmt.Errorf("show %s: %w", k.name, err)
	}
	if got, want := stateOf(answer.GetKey()), k.state(); got != want {
		return fmt.Errorf("%s is %q, acknowledged was %q", k.name, got, want)
	}
	if listed.GetState() != answer.GetKey().GetState() || listed.GetVersion() != answer.GetKey().GetVersion() {
		return fmt.Errorf("%s is listed as %v, version %d, and shown as %v, version %d", k.name,
			listed.GetState(), listed.GetVersion(), answer.GetKey().GetState(), answer.GetKey().GetVersion())
	}
	for _, sealed := range k.sealed {
		opened, err := c.Decrypt(ctx, &vaultdv1.DecryptRequest{Key: k.name, Ciphertext: sealed.text})
		switch want := k.refusals(sealed.version, ownerRevoked); {
		case want == nil && err != nil:
			return fmt.Errorf("decrypt under %s version %d: %w", k.name, sealed.version, err)
		case want == nil && string(opened.GetPlaintext()) != sealed.plaintext:
			return fmt.Errorf("%s opened %q, not %q", k.name, opened.GetPlaintext(), sealed.plaintext)
		case want != nil && err == nil:
			return fmt.Errorf("%s (%s) still opens its version %d", k.name, k.state(), sealed.version)
		case want != nil && !slices.Contains(want, rig.Code(err)):
			return fmt.Errorf("%s (%s): decrypt of version %d answers %w, not one of %v", k.name, k.state(), sealed.version, err, want)
		}
	}
	return nil
}

// refusals are the codes that may answer the decryption of a version, none
// when it has to work. Several may apply; a Fernet token does not name its
// version: without the right one it opens under none.
func (k *key) refusals(version int, ownerRevoked bool) []fault.Code {
	var codes []fault.Code
	if ownerRevoked {
		codes = append(codes, fault.CodeOwnerRevoked)
	}
	if k.revoked {
		codes = append(codes, fault.CodeRevoked)
	}
	if k.gone[version] && !ownerRevoked {
		codes = append(codes, fault.CodeKeyDestroyed)
		if k.kind == "fernet" && !k.revoked {
			codes = append(codes, fault.CodeInvalidCiphertext)
		}
	}
	return codes
}

func stateOf(shown *vaultdv1.Key) string {
	k := &key{kind: shown.GetType(), versions: int(shown.GetVersion()), gone: map[int]bool{}}
	for _, v := range shown.GetVersions() {
		if v.GetState() == vaultdv1.KeyState_KEY_STATE_DESTROYED {
			k.gone[int(v.GetNumber())] = true
		}
	}
	k.revoked = shown.GetRevoked() != nil
	k.destroyed = shown.GetState() == vaultdv1.KeyState_KEY_STATE_DESTROYED
	return k.state()
}

func noError(err error) error {
	if err == nil {
		return errors.New("without an error")
	}
	return err
}
