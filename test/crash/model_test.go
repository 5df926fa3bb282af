//go:build linux

package crash

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/test/rig"
	"github.com/vaultd/vaultd/vault/fault"
)

// key is what the test knows of one key. A change is applied to a copy, which
// takes the original's place once the daemon has acknowledged it.
type key struct {
	name      string
	kind      string
	versions  int
	gone      map[int]bool // destroyed versions
	revoked   bool
	destroyed bool
	sealed    []ciphertext
}

// ciphertext was made under a version of a key before a crash.
type ciphertext struct {
	version   int
	text      string
	plaintext string
}

func (k *key) clone() *key {
	c := *k
	c.gone = map[int]bool{}
	for v := range k.gone {
		c.gone[v] = true
	}
	return &c
}

// state sums up what ShowKey must say.
func (k *key) state() string {
	return fmt.Sprintf("%s versions=%d gone=%v revoked=%v destroyed=%v", k.kind, k.versions, sortedVersions(k.gone), k.revoked, k.destroyed)
}

// owner is one namespace with its keys. Each is written by one goroutine only.
type owner struct {
	name    string
	revoked bool
	keys    map[string]*key
}

// attempt is a change whose outcome is unknown: the owner as it will be if it
// happened.
type attempt struct {
	what  string
	after *owner
}

func (o *owner) with(k *key) *owner {
	c := &owner{name: o.name, revoked: o.revoked, keys: make(map[string]*key, len(o.keys)+1)}
	for name, old := range o.keys {
		c.keys[name] = old
	}
	if k != nil {
		c.keys[k.name] = k
	}
	return c
}

// writer owns namespaces and changes them, one call at a time.
type writer struct {
	number  int
	rng     *rand.Rand
	owners  []*owner // the last one is written to
	pending *attempt // on the last owner
	acked   atomic.Int64
	failure error // an answer that no crash explains
}

func newWriter(number int, rng *rand.Rand) *writer {
	w := &writer{number: number, rng: rng}
	w.nextOwner()
	return w
}

func (w *writer) nextOwner() {
	w.owners = append(w.owners, &owner{name: fmt.Sprintf("w%d-%d", w.number, len(w.owners)), keys: map[string]*key{}})
}

func (w *writer) owner() *owner { return w.owners[len(w.owners)-1] }

// run changes things until it should stop, or a call fails because the daemon
// died or its store stopped.
func (w *writer) run(ctx context.Context, stop <-chan struct{}, c *client.Client) {
	for !closed(stop) {
		if w.owner().revoked {
			w.nextOwner()
		}
		err := w.step(ctx, c)
		if err == nil {
			w.acked.Add(1)
			w.owners[len(w.owners)-1], w.pending = w.pending.after, nil
			continue
		}
		if refusal(err) { // certainly not done, and nobody else changes this namespace
			w.failure = fmt.Errorf("%s: %w", w.pending.what, err)
		}
		return
	}
}

// refusal is an answer that a daemon gives to a change that it did not begin.
// With a disk of enough space, one writer per namespace and changes that are
// allowed, none is right.
func refusal(err error) bool {
	switch rig.Code(err).Class() {
	case fault.ClassUnavailable, fault.ClassInternal, fault.ClassSealed:
		return false
	}
	return true
}

// step makes one change. It sets pending before it asks.
func (w *writer) step(ctx context.Context, c *client.Client) error {
	o := w.owner()
	live := o.pick(w.rng, func(k *key) bool { return !k.revoked && !k.destroyed })
	switch n := w.rng.IntN(100); {
	case live == nil || n < 30 && len(o.keys) < 40:
		return w.create(ctx, c)
	case n < 55:
		return w.rotate(ctx, c, live)
	case n < 65:
		return w.seal(ctx, c, live)
	case n < 75:
		return w.revoke(ctx, c, live)
	case n < 85:
		return w.destroy(ctx, c, live)
	case n < 95 && live.versions > 1:
		return w.destroyVersion(ctx, c, live)
	case len(o.keys) > 12:
		return w.revokeOwner(ctx, c)
	default:
		return w.rotate(ctx, c, live)
	}
}

func (o *owner) pick(rng *rand.Rand, ok func(*key) bool) *key {
	var all []*key
	for _, name := range sortedKeys(o.keys) {
		if ok(o.keys[name]) {
			all = append(all, o.keys[name])
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all[rng.IntN(len(all))]
}

func (w *writer) try(what string, after *owner) {
	w.pending = &attempt{what: what, after: after}
}

func (w *writer) create(ctx context.Context, c *client.Client) error {
	o := w.owner()
	kinds := []string{"xaes-256-gcm", "fernet", "aes-256-gcm", "chacha20-poly1305"}
	k := &key{
		name: fmt.Sprintf("%s/k%d", o.name, len(o.keys)), kind: kinds[w.rng.IntN(len(kinds))],
		versions: 1, gone: map[int]bool{},
	}
	w.try("create "+k.name, o.with(k))
	_, err := c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: k.name, Type: k.kind, NoExpiry: true})
	return err
}

func (w *writer) rotate(ctx context.Context, c *client.Client, k *key) error {
	k = k.clone()
	k.versions++
	w.try("rotate "+k.name, w.owner().with(k))
	answer, err := c.RotateKey(ctx, &vaultdv1.RotateKeyRequest{Name: k.name})
	if err == nil && int(answer.GetKey().GetVersion()) != k.versions {
		return fmt.Errorf("rotate %s gave version %d, not %d", k.name, answer.GetKey().GetVersion(), k.versions)
	}
	return err
}

// seal encrypts something that later lives must still open. It changes nothing
// in the store, so its outcome is never open.
func (w *writer) seal(ctx context.Context, c *client.Client, k *key) error {
	w.try("encrypt under "+k.name, w.owner())
	if k.gone[k.versions] || len(k.sealed) >= 4 {
		return nil
	}
	plaintext := fmt.Sprintf("%s at %d", k.name, time.Now().UnixNano())
	answer, err := c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: k.name, Plaintext: []byte(plaintext)})
	if err != nil {
		return err
	}
	k = k.clone()
	k.sealed = append(k.sealed[:len(k.sealed):len(k.sealed)], ciphertext{int(answer.GetVersion()), answer.GetCiphertext(), plaintext})
	w.pending.after = w.owner().with(k)
	return nil
}

func (w *writer) revoke(ctx context.Context, c *client.Client, k *key) error {
	k = k.clone()
	k.revoked = true
	w.try("revoke "+k.name, w.owner().with(k))
	_, err := c.RevokeKey(ctx, &vaultdv1.RevokeKeyRequest{Name: k.name, Reason: "test"})
	return err
}

func (w *writer) destroy(ctx context.Context, c *client.Client, k *key) error {
	k = k.clone()
	k.destroyAll()
	now := w.rng.IntN(10) == 0
	w.try(fmt.Sprintf("destroy %s now=%v", k.name, now), w.owner().with(k))
	_, err := c.DestroyKey(ctx, &vaultdv1.DestroyKeyRequest{Name: k.name, Now: now})
	return err
}

func (k *key) destroyAll() {
	k.destroyed = true
	for v := 1; v <= k.versions; v++ {
		k.gone[v] = true
	}
}

func (w *writer) destroyVersion(ctx context.Context, c *client.Client, k *key) error {
	v := 1 + w.rng.IntN(k.versions-1) // never the newest, so that the key stays usable
	if k.gone[v] {
		return w.rotate(ctx, c, k)
	}
	k = k.clone()
	k.gone[v] = true
	w.try(fmt.Sprintf("destroy %s version %d", k.name, v), w.owner().with(k))
	_, err := c.DestroyKey(ctx, &vaultdv1.DestroyKeyRequest{Name: k.name, Version: uint32(v)})
	return err
}

func (w *writer) revokeOwner(ctx context.Context, c *client.Client) error {
	after := w.owner().with(nil)
	after.revoked = true
	for name, k := range after.keys {
		k = k.clone()
		k.destroyAll()
		after.keys[name] = k
	}
	w.try("revoke owner "+after.name, after)
	_, err := c.RevokeOwner(ctx, &vaultdv1.RevokeOwnerRequest{Name: after.name, Reason: "test"})
	return err
}
