package vault_test

import (
	"errors"
	"flag"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/vaultd/vaultd/vault"
)

// model is what a vault should be, in a few maps.
type model struct {
	owner   string
	revoked bool
	keys    map[string]*modelKey
	sealed  []modelCiphertext
}

type modelKey struct {
	revoked  bool
	ttl      time.Duration
	versions []modelVersion
}

type modelVersion struct {
	expires   time.Time
	destroyed bool
}

type modelCiphertext struct {
	key     string
	version int // from 0
	text    []byte
	plain   string
}

func (k *modelKey) gone() bool {
	for _, v := range k.versions {
		if !v.destroyed {
			return false
		}
	}
	return true
}

// verdict is the code that using a version should answer with; "" is success.
func (m *model) verdict(k *modelKey, version int, now time.Time, protect bool) vault.Code {
	v := k.versions[version]
	switch {
	case m.revoked:
		return vault.CodeOwnerRevoked
	case v.destroyed:
		return vault.CodeKeyDestroyed
	case k.revoked:
		return vault.CodeRevoked
	case protect && !v.expires.IsZero() && !now.Before(v.expires):
		return vault.CodeExpired
	}
	return ""
}

func codeOf(err error) vault.Code {
	var e *vault.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Code
	}
	return vault.CodeInternal
}

// Whatever is done to keys in whatever order, across restarts, the vault
// answers as the model does.
func TestVaultBehavesAsItsModel(t *testing.T) {
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		if err := f.Value.Set("20"); err != nil {
			t.Fatal(err)
		}
		defer f.Value.Set(f.DefValue)
	}
	r := newRig(t)
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		m := &model{owner: fmt.Sprintf("owner%d", round), keys: map[string]*modelKey{}}
		x := &modelRun{rig: r, model: m, t: rt}
		rt.Repeat(map[string]func(*rapid.T){
			"create":    x.create,
			"rotate":    x.rotate,
			"encrypt":   x.encryptOne,
			"decrypt":   x.decryptOne,
			"revoke":    x.revokeKey,
			"destroy":   x.destroy,
			"owner":     x.revokeOwner,
			"reinstate": x.reinstate,
			"wait": func(t *rapid.T) {
				r.clock.Advance(time.Duration(rapid.IntRange(1, 90).Draw(t, "minutes")) * time.Minute)
			},
			"restart": func(t *rapid.T) {
				if rapid.IntRange(0, 5).Draw(t, "really") == 0 {
					r.reopen()
				}
			},
			"": x.compare,
		})
	})
}

type modelRun struct {
	*rig
	*model
	t *rapid.T
}

func (x *modelRun) want(err error, code vault.Code, what string) bool {
	if got := codeOf(err); got != code {
		x.t.Fatalf("%s: %q (%v), the model says %q", what, got, err, code)
	}
	return code == ""
}

// pick chooses a key name; half of the time one that may not exist.
func (x *modelRun) pick() (string, vault.Name) {
	k := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(x.t, "key")
	return k, x.name(x.owner + "/" + k)
}

func (x *modelRun) create(t *rapid.T) {
	k, n := x.pick()
	ttl := rapid.SampledFrom([]time.Duration{0, time.Hour}).Draw(t, "ttl")
	_, err := x.CreateKey(ctx, vault.CreateKey{Name: n, TTL: ttl})
	code := vault.Code("")
	switch {
	case x.revoked:
		code = vault.CodeOwnerRevoked
	case x.keys[k] != nil:
		code = vault.CodeKeyExists
	}
	if x.want(err, code, "create") {
		x.keys[k] = &modelKey{ttl: ttl}
		x.addVersion(k)
	}
}

func (x *modelRun) addVersion(k string) {
	v := modelVersion{}
	if ttl := x.keys[k].ttl; ttl > 0 {
		v.expires = x.clock.Now().Add(ttl)
	}
	x.keys[k].versions = append(x.keys[k].versions, v)
}

func (x *modelRun) rotate(*rapid.T) {
	k, n := x.pick()
	_, err := x.RotateKey(ctx, vault.RotateKey{Name: n})
	key := x.keys[k]
	code := vault.Code("")
	switch {
	case key == nil:
		code = vault.CodeKeyNotFound
	case x.revoked:
		code = vault.CodeOwnerRevoked
	case key.gone():
		code = vault.CodeKeyDestroyed
	case key.revoked:
		code = vault.CodeRevoked
	}
	if x.want(err, code, "rotate") {
		x.addVersion(k)
	}
}

func (x *modelRun) encryptOne(t *rapid.T) {
	k, n := x.pick()
	plain := rapid.StringN(0, 20, -1).Draw(t, "plaintext")
	c, version, err := x.Encrypt(vault.Encrypt{Key: n, Plaintext: []byte(plain)}, nil)
	key := x.keys[k]
	if key == nil {
		x.want(err, vault.CodeKeyNotFound, "encrypt")
		return
	}
	newest := len(key.versions) - 1
	if x.want(err, x.verdict(key, newest, x.clock.Now(), true), "encrypt") {
		if int(version) != newest+1 {
			t.Fatalf("encrypted under version %d of %d", version, newest+1)
		}
		x.sealed = append(x.sealed, modelCiphertext{k, newest, c, plain})
	}
}

func (x *modelRun) decryptOne(t *rapid.T) {
	if len(x.sealed) == 0 {
		t.Skip("nothing to decrypt")
	}
	c := rapid.SampledFrom(x.sealed).Draw(t, "ciphertext")
	got, err := x.decrypt("", c.text)
	if x.want(err, x.verdict(x.keys[c.key], c.version, x.clock.Now(), false), "decrypt") && got != c.plain {
		t.Fatalf("decrypted %q, sealed %q", got, c.plain)
	}
}

func (x *modelRun) revokeKey(t *rapid.T) {
	if rapid.IntRange(0, 2).Draw(t, "really") != 0 {
		t.Skip("rarely")
	}
	k, n := x.pick()
	_, err := x.RevokeKey(ctx, vault.RevokeKey{Name: n})
	if x.keys[k] == nil {
		x.want(err, vault.CodeKeyNotFound, "revoke")
		return
	}
	x.want(err, "", "revoke")
	x.keys[k].revoked = true
}

func (x *modelRun) destroy(t *rapid.T) {
	k, n := x.pick()
	version := rapid.IntRange(0, 3).Draw(t, "version")
	_, err := x.DestroyKey(ctx, vault.DestroyKey{Name: n, Version: uint32(version)})
	key := x.keys[k]
	code := vault.Code("")
	switch {
	case key == nil:
		code = vault.CodeKeyNotFound
	case version > len(key.versions):
		code = vault.CodeVersionNotFound
	case version == 0 && key.gone(), version > 0 && key.versions[version-1].destroyed:
		code = vault.CodeKeyDestroyed
	}
	if x.want(err, code, "destroy") {
		for i := range key.versions {
			if version == 0 || version == i+1 {
				key.versions[i].destroyed = true
			}
		}
	}
}

func (x *modelRun) revokeOwner(t *rapid.T) {
	if rapid.IntRange(0, 4).Draw(t, "really") != 0 {
		t.Skip("rarely")
	}
	alive := 0
	for _, k := range x.keys {
		if !k.gone() {
			alive++
		}
		for i := range k.versions {
			k.versions[i].destroyed = true
		}
	}
	_, n, err := x.RevokeOwner(ctx, vault.RevokeOwner{Name: x.owner})
	x.want(err, "", "revoke owner")
	if n != alive {
		t.Fatalf("%d keys destroyed, the model had %d", n, alive)
	}
	x.revoked = true
}

func (x *modelRun) reinstate(*rapid.T) {
	if !x.revoked {
		x.t.Skip("not revoked")
	}
	_, err := x.ReinstateOwner(ctx, x.owner, "")
	x.want(err, "", "reinstate")
	x.revoked = false
}

// compare looks at every key of the owner.
func (x *modelRun) compare(t *rapid.T) {
	now := x.clock.Now()
	list, _, err := x.ListKeys(ctx, vault.ListKeys{Owner: x.owner, IncludeDestroyed: true})
	if err != nil || len(list) != len(x.keys) {
		t.Fatalf("%d keys listed, the model has %d: %v", len(list), len(x.keys), err)
	}
	for _, info := range list {
		key := x.keys[info.Name.Key()]
		if key == nil || len(info.Versions) != len(key.versions) || info.Revoked.IsZero() == key.revoked {
			t.Fatalf("%+v, the model has %+v", info, key)
		}
		for i, v := range key.versions {
			want := vault.StateActive
			switch {
			case v.destroyed:
				want = vault.StateDestroyed
			case key.revoked:
				want = vault.StateRevoked
			case !v.expires.IsZero() && !now.Before(v.expires):
				want = vault.StateDeactivated
			case i < len(key.versions)-1:
				want = vault.StateDeactivated // a newer one took its place
			}
			if got := info.Versions[i].State; got != want {
				t.Fatalf("version %d of %s is %s, the model says %s", i+1, info.Name, got, want)
			}
		}
	}
}
