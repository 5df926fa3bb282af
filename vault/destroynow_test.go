package vault_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vaultd/vaultd/vault"
)

// within reports whether a function is being called.
func within(name string) bool {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	for {
		f, more := frames.Next()
		if strings.HasSuffix(f.Function, name) {
			return true
		}
		if !more {
			return false
		}
	}
}

// Who seals the vault does not wait for a store that is being rewritten, nor does
// anybody who asks how the vault is.
func TestSealDuringARewrite(t *testing.T) {
	r := newRig(t)
	if err := r.Vault.Close(); err != nil {
		t.Fatal(err)
	}
	rewriting, goOn := make(chan struct{}), make(chan struct{})
	r.opts.Now = func() time.Time {
		if within("(*rewriter).copy") {
			close(rewriting)
			<-goOn
		}
		return r.clock.Now()
	}
	r.open()
	r.unseal()
	r.create("billing/k", "")
	destroyed, sealed := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := r.DestroyKey(ctx, vault.DestroyKey{Name: r.name("billing/k"), Now: true})
		destroyed <- err
	}()
	<-rewriting
	go func() { sealed <- r.Seal() }()
	told := make(chan struct{})
	go func() {
		for !r.Status().Sealed {
			time.Sleep(time.Millisecond)
		}
		close(told)
	}()
	select {
	case <-told:
	case <-time.After(20 * time.Second):
		t.Error("the vault is not sealed while the store is rewritten")
	}
	close(goOn)
	<-told
	if err := <-sealed; err != nil {
		t.Error(err)
	}
	r.wantCode(<-destroyed, vault.CodeSealed)
	r.unseal()
	k, err := r.ShowKey(ctx, r.name("billing/k"))
	if err != nil || k.State != vault.StateDestroyed {
		t.Errorf("after the unseal the key is %v, %v", k.State, err)
	}
}
