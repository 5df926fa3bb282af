package vault_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/vaultd/vaultd/vault"
)

func TestKeysPerOwnerAreBounded(t *testing.T) {
	r := newRig(t)
	r.SetKeysPerOwner(3)
	create := func(name string, want vault.Code) {
		t.Helper()
		_, err := r.CreateKey(ctx, vault.CreateKey{Name: r.name(name)})
		r.wantCode(err, want)
	}
	create("alice/a", "")
	create("alice/b", "")
	create("alice/c", "")
	create("alice/d", vault.CodeQuotaExceeded)
	create("alice/a", vault.CodeQuotaExceeded)
	create("bob/a", "")
	if _, err := r.ImportKey(ctx, vault.ImportKey{Name: r.name("alice/d"), Type: "xaes-256-gcm", Material: []byte("an unencrypted key of 32 bytes .")}); err == nil {
		t.Error("an import goes beyond the bound")
	} else {
		r.wantCode(err, vault.CodeQuotaExceeded)
	}
	if _, err := r.RotateKey(ctx, vault.RotateKey{Name: r.name("alice/a")}); err != nil {
		t.Error("a rotation makes no key:", err)
	}
	// A destroyed key counts, also after a restart.
	if _, err := r.DestroyKey(ctx, vault.DestroyKey{Name: r.name("alice/b")}); err != nil {
		t.Fatal(err)
	}
	create("alice/d", vault.CodeQuotaExceeded)
	r.opts.KeysPerOwner = 3
	r.reopen()
	create("alice/d", vault.CodeQuotaExceeded)
	// The bound changes live; who has more keeps it.
	r.SetKeysPerOwner(4)
	create("alice/d", "")
	r.SetKeysPerOwner(1)
	create("alice/e", vault.CodeQuotaExceeded)
	r.mustDecrypt("", r.encrypt("alice/d", "x"), "x")
	r.SetKeysPerOwner(0)
	create("alice/e", "")
}

func TestKeysMadeAtOnceStayWithinTheBound(t *testing.T) {
	r := newRig(t)
	r.SetKeysPerOwner(10)
	var made atomic.Int32
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			if _, err := r.CreateKey(ctx, vault.CreateKey{Name: r.name(fmt.Sprint("alice/k", i))}); err == nil {
				made.Add(1)
			} else {
				r.wantCode(err, vault.CodeQuotaExceeded)
			}
		})
	}
	all.Wait()
	if n := made.Load(); n != 10 {
		t.Errorf("%d keys made", n)
	}
}
