package vault

import (
	"context"
	"time"

	"github.com/vaultd/vaultd/vault/store"
)

// Ciphertext is one in text or binary form.
type Ciphertext struct {
	Bytes  []byte
	Binary bool
}

// Forget drops registrations of a tracked key.
type Forget struct {
	Key         Name
	Ciphertexts []Ciphertext
	Version     uint32 // instead: every one that needs this version
}

// Forgotten says what became of them.
type Forgotten struct {
	Forgotten int
	Unknown   int // of those named, which were not registered
}

// forgetBatch is how many registrations go in one commit, which stays far below
// what a batch may have.
const forgetBatch = 10_000

// Forget drops registrations of ciphertexts that nobody needs any more. A
// forgotten ciphertext still opens, as long as its version is there. Errors:
// key_not_found, wrong_key_usage for a key that is not tracked,
// version_not_found, invalid_ciphertext.
func (v *Vault) Forget(ctx context.Context, c Forget) (Forgotten, error) {
	if (c.Version != 0) == (len(c.Ciphertexts) > 0) {
		return Forgotten{}, E(CodeBadArgument, "either ciphertexts are forgotten, or all that need a version")
	}
	o, k, err := v.enterTracked(c.Key)
	if err != nil {
		return Forgotten{}, err
	}
	defer v.mu.RUnlock()
	if c.Version != 0 {
		// Not under change: who moves a registration waits for that with k.mu held.
		k.mu.RLock()
		err := k.version(c.Version)
		k.mu.RUnlock()
		if err != nil {
			return Forgotten{}, err
		}
	}
	k.tracked.change.Lock()
	defer k.tracked.change.Unlock()
	places, unknown, err := k.places(c)
	if err != nil {
		return Forgotten{}, err
	}
	f := Forgotten{Unknown: unknown}
	for len(places) > 0 {
		now := places[:min(len(places), forgetBatch)]
		if err := o.forget(ctx, k, now); err != nil {
			return f, err
		}
		f.Forgotten += len(now)
		places = places[len(now):]
	}
	return f, nil
}

// enterTracked is enter and lookup for a key that tracks its ciphertexts.
func (v *Vault) enterTracked(n Name) (*opened, *key, error) {
	o, err := v.enter()
	if err != nil {
		return nil, nil, err
	}
	k, err := o.ring.lookup(n)
	if err == nil && k.tracked == nil {
		err = E(CodeWrongKeyUsage, "key %s does not track its ciphertexts", n).
			WithHint("only a key that was created so does: 'vaultctl key create --tracked'")
	}
	if err != nil {
		v.mu.RUnlock()
		return nil, nil, err
	}
	return o, k, nil
}

// places finds what is to be forgotten. The caller holds k.tracked.change.
func (k *key) places(c Forget) (places []registration, unknown int, err error) {
	t := k.tracked
	if c.Version != 0 {
		return t.under(c.Version), 0, nil
	}
	seen := make(map[token]bool, len(c.Ciphertexts))
	for _, text := range c.Ciphertexts {
		what, err := tokenOf(text.Bytes, text.Binary)
		if err != nil {
			return nil, 0, notEnvelope(k)
		}
		n, s, ok := t.find(what)
		switch {
		case seen[what]:
		case !ok:
			unknown++
		default:
			places = append(places, registration{t, n, s, true})
		}
		seen[what] = true
	}
	return places, unknown, nil
}

func (o *opened) forget(ctx context.Context, k *key, places []registration) error {
	puts := make([]store.Put, len(places))
	for i := range places {
		puts[i] = places[i].put(k.id)
	}
	err := o.commit(ctx, store.Batch{Puts: puts})
	if err != nil {
		return storeError(err)
	}
	for i := range places {
		places[i].end(true)
	}
	return nil
}

// VersionNeed is how many registered ciphertexts need a version of a key.
type VersionNeed struct {
	Number uint32
	State  KeyState
	N      int
	Oldest time.Time // when the first of them was registered; zero for none
}

// KeyCensus tells what the ciphertexts of a tracked key need, for every version,
// oldest first. Errors as for Forget.
func (v *Vault) KeyCensus(n Name) ([]VersionNeed, error) {
	o, k, err := v.enterTracked(n)
	if err != nil {
		return nil, err
	}
	defer v.mu.RUnlock()
	info := k.info(o.clock.now())
	needs := make([]VersionNeed, len(info.Versions))
	for i, ver := range info.Versions {
		needs[i] = VersionNeed{Number: ver.Number, State: ver.State}
	}
	k.tracked.each(func(s *place) {
		if i := int(s.version) - 1; i < len(needs) { // not of a version that was added since
			needs[i].N++
			if at := time.UnixMicro(s.since).UTC(); needs[i].Oldest.IsZero() || at.Before(needs[i].Oldest) {
				needs[i].Oldest = at
			}
		}
	})
	return needs, nil
}
