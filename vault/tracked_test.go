package vault_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vaultd/vaultd/vault"
)

func (r *rig) tracked(name string) vault.KeyInfo {
	r.Helper()
	return r.createWith(vault.CreateKey{Name: r.name(name), Tracked: true})
}

// needs is how many registered ciphertexts need each version.
func (r *rig) needs(name string) (n []int) {
	r.Helper()
	census, err := r.KeyCensus(r.name(name))
	if err != nil {
		r.Fatal(err)
	}
	for _, v := range census {
		n = append(n, v.N)
	}
	return n
}

func (r *rig) wantNeeds(name string, want ...int) {
	r.Helper()
	if diff := cmp.Diff(want, r.needs(name)); diff != "" {
		r.Errorf("%s: %s", name, diff)
	}
}

func (r *rig) rewrap(c vault.Rewrap) []byte {
	r.Helper()
	out, _, err := r.Rewrap(c, nil)
	if err != nil {
		r.Fatal(err)
	}
	return out
}

func TestVersionThatACiphertextNeedsIsNotDestroyed(t *testing.T) {
	r := newRig(t)
	if info := r.tracked("alice/k"); !info.Tracked {
		t.Error("the key does not say that it is tracked")
	}
	var old [4][]byte
	for i := range old {
		old[i] = r.encrypt("alice/k", fmt.Sprint(i))
	}
	if _, err := r.GenerateDataKey(vault.DataKey{Key: r.name("alice/k"), Binary: true}, nil); err != nil {
		t.Fatal(err)
	}
	r.wantNeeds("alice/k", 5)
	if _, err := r.RotateKey(ctx, vault.RotateKey{Name: r.name("alice/k")}); err != nil {
		t.Fatal(err)
	}
	moved := r.rewrap(vault.Rewrap{From: vault.Decrypt{Ciphertext: old[0]}})
	r.wantNeeds("alice/k", 4, 1)
	r.rewrap(vault.Rewrap{From: vault.Decrypt{Ciphertext: old[1]}, Keep: true})
	r.wantNeeds("alice/k", 4, 2)

	_, err := r.DestroyKey(ctx, vault.DestroyKey{Name: r.name("alice/k"), Version: 1})
	r.wantCode(err, vault.CodeStillNeeded)
	if err != nil && !strings.Contains(err.Error(), "4 registered ciphertexts need version 1") {
		t.Errorf("the refusal says %q", err)
	}
	_, err = r.DestroyKey(ctx, vault.DestroyKey{Name: r.name("alice/k")})
	r.wantCode(err, vault.CodeStillNeeded)

	r.reopen()
	r.wantNeeds("alice/k", 4, 2)
	named := vault.Forget{Key: r.name("alice/k"), Ciphertexts: []vault.Ciphertext{{Bytes: old[1]}, {Bytes: old[1]}, {Bytes: old[0]}}}
	if f, err := r.Forget(ctx, named); err != nil || f.Forgotten != 1 || f.Unknown != 1 {
		t.Errorf("forgotten %+v, %v", f, err)
	}
	r.wantNeeds("alice/k", 3, 2)
	if f, err := r.Forget(ctx, vault.Forget{Key: r.name("alice/k"), Version: 1}); err != nil || f.Forgotten != 3 {
		t.Errorf("forgotten %+v, %v", f, err)
	}
	if got, err := r.decrypt("alice/k", old[2]); err != nil || got != "2" {
		t.Errorf("a forgotten ciphertext opens as %q, %v", got, err)
	}
	if _, err := r.DestroyKey(ctx, vault.DestroyKey{Name: r.name("alice/k"), Version: 1}); err != nil {
		t.Fatal(err)
	}
	if got, err := r.decrypt("alice/k", moved); err != nil || got != "0" {
		t.Errorf("what moved opens as %q, %v", got, err)
	}
	r.reopen()
	r.wantNeeds("alice/k", 0, 2)
}

// Places of ciphertexts that went are used again.
func TestRegistrationsLeaveNothingBehind(t *testing.T) {
	r := newRig(t)
	r.tracked("alice/k")
	text := r.encrypt("alice/k", "x")
	r.rewrap(vault.Rewrap{From: vault.Decrypt{Ciphertext: text}, Keep: true})
	before := r.Status().Records
	for range 20 {
		text = r.rewrap(vault.Rewrap{From: vault.Decrypt{Ciphertext: text}})
	}
	r.wantNeeds("alice/k", 2)
	if after := r.Status().Records; after > before+1 { // both have a place for a moment
		t.Errorf("%d records became %d", before, after)
	}
	r.reopen()
	if _, err := r.Forget(ctx, vault.Forget{Key: r.name("alice/k"), Version: 1}); err != nil {
		t.Fatal(err)
	}
	r.reopen()
	before = r.Status().Records
	r.encrypt("alice/k", "y")
	if after := r.Status().Records; after != before {
		t.Errorf("%d records became %d", before, after)
	}
}

func TestRewrapMovesBetweenKeys(t *testing.T) {
	r := newRig(t)
	r.tracked("alice/a")
	r.tracked("alice/b")
	r.create("alice/plain", "")
	text := r.rewrap(vault.Rewrap{From: vault.Decrypt{Ciphertext: r.encrypt("alice/plain", "x")}, To: r.name("alice/a")})
	r.wantNeeds("alice/a", 1)
	text = r.rewrap(vault.Rewrap{From: vault.Decrypt{Ciphertext: text}, To: r.name("alice/b")})
	r.wantNeeds("alice/a", 0)
	r.wantNeeds("alice/b", 1)
	r.rewrap(vault.Rewrap{From: vault.Decrypt{Ciphertext: text}, To: r.name("alice/plain")})
	r.wantNeeds("alice/b", 0)
	refused := errors.New("too large")
	text = r.encrypt("alice/a", "x")
	_, _, err := r.Rewrap(vault.Rewrap{
		From: vault.Decrypt{Ciphertext: text}, To: r.name("alice/b"), Fits: func([]byte) error { return refused },
	}, nil)
	if !errors.Is(err, refused) {
		t.Errorf("rewrap of what does not fit: %v", err)
	}
	r.wantNeeds("alice/a", 1)
	r.wantNeeds("alice/b", 0)
}

// A token stands for a ciphertext whatever form it is in.
func TestBothFormsAreOneCiphertext(t *testing.T) {
	r := newRig(t)
	r.tracked("alice/k")
	text := r.encrypt("alice/k", "x")
	binary, _, err := r.Encrypt(vault.Encrypt{Key: r.name("alice/k"), Plaintext: []byte("y"), Binary: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	named := vault.Forget{Key: r.name("alice/k"), Ciphertexts: []vault.Ciphertext{
		{Bytes: vault.DecodedText(t, text), Binary: true}, {Bytes: vault.EncodedText(binary)},
	}}
	if f, err := r.Forget(ctx, named); err != nil || f.Forgotten != 2 {
		t.Errorf("forgotten %+v, %v", f, err)
	}
	_, err = r.Forget(ctx, vault.Forget{Key: r.name("alice/k"), Ciphertexts: []vault.Ciphertext{{Bytes: []byte("garbage")}}})
	r.wantCode(err, vault.CodeInvalidCiphertext)
}

func TestWhatCannotBeTracked(t *testing.T) {
	r := newRig(t)
	for _, c := range []vault.CreateKey{
		{Type: "fernet"},
		{Type: "rsa-2048"},
		{Type: "ed25519"},
		{Type: "aes-256-siv"}, // two equal ciphertexts would be one, and a store that does not open
		{Exportable: true},
	} {
		c.Name, c.Tracked = r.name("alice/k"), true
		_, err := r.CreateKey(ctx, c)
		r.wantCode(err, vault.CodeBadArgument)
	}
	r.create("alice/k", "")
	_, err := r.KeyCensus(r.name("alice/k"))
	r.wantCode(err, vault.CodeWrongKeyUsage)
	_, err = r.Forget(ctx, vault.Forget{Key: r.name("alice/k"), Version: 1})
	r.wantCode(err, vault.CodeWrongKeyUsage)
	r.tracked("alice/t")
	_, err = r.Forget(ctx, vault.Forget{Key: r.name("alice/t"), Version: 2})
	r.wantCode(err, vault.CodeVersionNotFound)
	_, err = r.Forget(ctx, vault.Forget{Key: r.name("alice/t")})
	r.wantCode(err, vault.CodeBadArgument)
}

// In an emergency nobody asks for registered ciphertexts.
func TestRevokingAsksForNoCiphertexts(t *testing.T) {
	r := newRig(t)
	r.tracked("alice/k")
	r.encrypt("alice/k", "x")
	if _, err := r.RevokeKey(ctx, vault.RevokeKey{Name: r.name("alice/k")}); err != nil {
		t.Error(err)
	}
	if _, _, err := r.RevokeOwner(ctx, vault.RevokeOwner{Name: "alice", By: "root"}); err != nil {
		t.Error(err)
	}
	r.reopen()
	r.wantNeeds("alice/k", 1)
}

// A destruction that is set ends what nothing needs, and nothing can need it from then on.
func TestNoDestructionIsSetWhileACiphertextNeedsIt(t *testing.T) {
	r := newRig(t)
	r.tracked("alice/k")
	c := r.encrypt("alice/k", "x")
	set := vault.DestroyKey{Name: r.name("alice/k"), After: time.Hour}
	_, err := r.DestroyKey(ctx, set)
	r.wantCode(err, vault.CodeStillNeeded)
	if got, err := r.decrypt("alice/k", c); err != nil || got != "x" {
		t.Fatalf("after the refusal it opens as %q, %v", got, err)
	}
	if _, err := r.Forget(ctx, vault.Forget{Key: r.name("alice/k"), Version: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.DestroyKey(ctx, set); err != nil {
		t.Fatal(err)
	}
	if _, err := r.CancelDestruction(ctx, vault.CancelDestruction{Name: r.name("alice/k")}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.ResumeKey(ctx, vault.ResumeKey{Name: r.name("alice/k")}); err != nil {
		t.Fatal(err)
	}
	r.encrypt("alice/k", "y")
	r.wantNeeds("alice/k", 1)
}

// Whoever got a ciphertext can open it: destruction either came before it, or
// is refused.
func TestCiphertextsAndDestructionDoNotMiss(t *testing.T) {
	r := newRig(t)
	rounds := 30
	if testing.Short() {
		rounds = 5
	}
	for i := range rounds {
		name := fmt.Sprintf("alice/k%d", i)
		r.tracked(name)
		var group sync.WaitGroup
		var made, refused [4]error
		for w := range made {
			group.Go(func() {
				_, _, made[w] = r.Encrypt(vault.Encrypt{Key: r.name(name), Plaintext: []byte("x")}, nil)
			})
		}
		for w := range refused {
			group.Go(func() { _, refused[w] = r.DestroyKey(ctx, vault.DestroyKey{Name: r.name(name)}) })
		}
		group.Wait()
		destroyed, encrypted := false, 0
		for w := range made {
			destroyed = destroyed || refused[w] == nil
			if made[w] == nil {
				encrypted++
			}
		}
		if destroyed && encrypted > 0 {
			t.Fatalf("%d ciphertexts were given out under a key that was destroyed", encrypted)
		}
		r.wantNeeds(name, encrypted)
	}
}

func TestCheckFindsWrongRegistrations(t *testing.T) {
	token := func(version byte, text string) []byte {
		sum := sha256.Sum256([]byte(text))
		return append(append([]byte{1, 0, 0, 0, version}, sum[:]...), 0, 0, 0, 0, 0, 0, 0, 9)
	}
	for what, c := range map[string]struct {
		path, want string
		body       []byte
	}{
		"of no key":              {strings.Repeat("0", 32) + "/0", "a key that is not there", token(1, "x")},
		"of a key that has none": {"plain/0", "is not one that tracks", token(1, "x")},
		"of a version to come":   {"tracked/7", "version 2 of a key with 1", token(2, "x")},
		"twice":                  {"tracked/7", "registered twice", token(1, "twice")},
		"at no place":            {"tracked/x", "malformed", token(1, "x")},
		"at a place too far":     {"tracked/200000", "malformed", token(1, "x")},
		"half free":              {"tracked/7", "malformed", token(0, "x")},
	} {
		t.Run(what, func(t *testing.T) {
			r := newRig(t)
			path := strings.NewReplacer(
				"tracked", r.tracked("alice/t").ID.String(), "plain", r.create("alice/p", "").ID.String()).Replace(c.path)
			if what == "twice" {
				r.Tamper(r, vault.KindToken, strings.TrimSuffix(path, "7")+"3", func([]byte) []byte { return bytes.Clone(c.body) })
			}
			r.Tamper(r, vault.KindToken, path, func([]byte) []byte { return c.body })
			r.close()
			r.open()
			_, err := r.Unseal(ctx, []byte(password), false)
			r.wantCode(err, vault.CodeStoreCorrupt)
			if err != nil && !strings.Contains(fmt.Sprint(errors.Unwrap(err)), c.want) {
				t.Errorf("the cause is %v, want %q", errors.Unwrap(err), c.want)
			}
		})
	}
}

// Whoever encrypts anew, drops and changes at the same time must not bring the vault to a stop.
func TestForgettingAKeyThatChangesEnds(t *testing.T) {
	r := newRig(t)
	r.tracked("alice/k")
	rounds := 100
	if testing.Short() {
		rounds = 30
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		var workers, others sync.WaitGroup
		stop := make(chan struct{})
		until := func(do func() error) {
			others.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					if err := do(); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		for range 8 {
			workers.Go(func() {
				for range rounds {
					c, _, err := r.Encrypt(vault.Encrypt{Key: r.name("alice/k"), Plaintext: []byte("x")}, nil)
					if err == nil {
						_, _, err = r.Rewrap(vault.Rewrap{From: vault.Decrypt{Ciphertext: c}}, nil)
					}
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		until(func() error {
			_, err := r.Forget(ctx, vault.Forget{Key: r.name("alice/k"), Version: 1})
			return err
		})
		round := 0
		until(func() error {
			round++
			_, err := r.UpdateKey(ctx, vault.UpdateKey{Name: r.name("alice/k"), SetLabels: map[string]string{"round": fmt.Sprint(round)}})
			return err
		})
		workers.Wait()
		close(stop)
		others.Wait()
	}()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		panic("it stands still") // with all stacks; the vault would not close
	}
}
