package exchange

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/vaultd/vaultd/crypto/keyenc"
	"github.com/vaultd/vaultd/crypto/keytype"
)

// resignOffer changes an offer and signs it as by.
func resignOffer(t testing.TB, offer []byte, by *party, change func(*fields)) []byte {
	t.Helper()
	f := *must(parseText(offer, KindOffer))(t).fields
	change(&f)
	m := newMessage(KindOffer, &f)
	return m.seal(must(by.sign(toSign(labelOffer, offerTranscript(m))))(t), nil)
}

// resignAccept changes an accept and signs it as by, over the offer given. The
// MAC is whatever the key makes of it.
func resignAccept(t testing.TB, offer, accept []byte, by *party, macKey []byte, change func(*fields)) []byte {
	t.Helper()
	f := *must(parseText(accept, KindAccept))(t).fields
	change(&f)
	m := newMessage(KindAccept, &f)
	transcript := acceptTranscript(must(parseText(offer, KindOffer))(t), m)
	signature := must(by.sign(toSign(labelAccept, transcript)))(t)
	return m.seal(signature, confirmation(macKey, transcript, signature))
}

func unchanged(*fields) {}

// Whoever changes one byte of a message, wherever, gets nothing but an error
// from the list. All three messages, every byte, several changes.
func TestEveryChangedByteIsNoticed(t *testing.T) {
	r := newRun(t)
	r.doOffer(t)
	r.doAccept(t)
	confirming := must(UnmarshalPending(must(r.pendingA.Marshal())(t)))(t)
	r.doConfirm(t)
	for _, step := range []struct {
		text []byte
		kind Kind
		take func([]byte) error
	}{
		{r.offer, KindOffer, func(text []byte) error {
			_, _, err := Accept(text, acceptOptions(r.bob, r.alice))
			return err
		}},
		{r.accept, KindAccept, func(text []byte) error {
			_, _, err := confirming.Confirm(text, testTime.Add(time.Minute), r.alice.sign)
			return err
		}},
		{r.confirm, KindConfirm, func(text []byte) error {
			_, err := r.pendingB.Finish(text, testTime.Add(time.Minute))
			return err
		}},
	} {
		whole := must(parseText(step.text, step.kind))(t).whole
		noticed := make(map[error]int)
		for i := range whole {
			for _, flip := range []byte{0x01, 0x80, 0xff} {
				changed := bytes.Clone(whole)
				changed[i] ^= flip
				err := step.take(keyenc.EncodePEM(labels[step.kind], changed))
				if err == nil {
					t.Fatalf("%v: byte %d changed by %#x goes unnoticed", step.kind, i, flip)
				}
				noticed[sentinel(t, err)]++
			}
			if err := step.take(keyenc.EncodePEM(labels[step.kind], whole[:max(i, 1)])); !errors.Is(err, ErrFormat) {
				t.Fatalf("%v: cut to %d bytes: %v", step.kind, i, err)
			}
		}
		for i := range step.text {
			changed := bytes.Clone(step.text)
			changed[i] ^= 0x02
			if err := step.take(changed); err == nil {
				t.Fatalf("%v: character %d changed goes unnoticed", step.kind, i)
			}
		}
		if noticed[ErrSignature] == 0 || noticed[ErrFormat] == 0 {
			t.Errorf("%v: %v", step.kind, noticed)
		}
		// After all that, the honest message is still taken.
		if err := step.take(step.text); err != nil {
			t.Errorf("%v: the honest message after the attacks: %v", step.kind, err)
		}
	}
}

// sentinel is the one error of the package that err is.
func sentinel(t testing.TB, err error) error {
	t.Helper()
	for _, s := range []error{
		ErrSignature, ErrTampered, ErrWrongPeer, ErrWrongRecipient, ErrReflected, ErrWrongExchange, ErrUnknownField,
		ErrVersion, ErrKind, ErrExpired, ErrNotYetValid, ErrPurpose, ErrSessionType, ErrGroup, ErrPeerKey, ErrFormat,
	} {
		if errors.Is(err, s) {
			return s
		}
	}
	t.Fatalf("%v is none of the package's errors", err)
	return nil
}

func TestReflection(t *testing.T) {
	r := newRun(t)
	r.doOffer(t)
	r.doAccept(t)
	if _, _, err := Accept(r.offer, acceptOptions(r.alice, r.bob)); !errors.Is(err, ErrReflected) {
		t.Errorf("own offer: %v", err)
	}
	// An accept that says to come from ourselves; nobody else can sign it, but
	// it is refused before that matters.
	self := resignAccept(t, r.offer, r.accept, r.alice, nil, func(f *fields) { f[tagSPKI] = r.alice.SPKI })
	if _, _, err := r.pendingA.Confirm(self, testTime, r.alice.sign); !errors.Is(err, ErrReflected) {
		t.Errorf("own identity in an accept: %v", err)
	}
	offered := must(parseText(r.offer, KindOffer))(t).fields
	for _, tag := range []tag{tagEphemeral, tagNonce} {
		echo := resignAccept(t, r.offer, r.accept, r.bob, nil, func(f *fields) { f[tag] = offered[tag] })
		if _, _, err := r.pendingA.Confirm(echo, testTime, r.alice.sign); !errors.Is(err, ErrReflected) {
			t.Errorf("own field %#x in an accept: %v", tag, err)
		}
	}
}

func TestReplay(t *testing.T) {
	r := newRun(t)
	r.doOffer(t)
	seen := make(map[[16]byte]bool)
	remember := func(o *AcceptOptions) { o.Seen = func(id [16]byte) bool { return seen[id] } }
	r.doAccept(t, remember)
	seen[r.pendingB.ID()] = true
	if _, _, err := Accept(r.offer, acceptOptions(r.bob, r.alice, remember)); !errors.Is(err, ErrReplayed) {
		t.Errorf("offer twice: %v", err)
	}

	// Without a memory, the offer is answered twice, with new keys; what
	// confirms one answer doesn't confirm the other.
	again := &run{alice: r.alice, bob: r.bob, offer: r.offer, pendingA: r.pendingA}
	again.doAccept(t)
	r.doConfirm(t)
	if _, err := again.pendingB.Finish(r.confirm, testTime); !errors.Is(err, ErrTampered) {
		t.Errorf("confirmation of another answer: %v", err)
	}
	r.doFinish(t)

	later := &run{alice: r.alice, bob: r.bob}
	later.doOffer(t)
	if _, _, err := later.pendingA.Confirm(r.accept, testTime, r.alice.sign); !errors.Is(err, ErrWrongExchange) {
		t.Errorf("accept of an earlier exchange: %v", err)
	}
	later.doAccept(t)
	if _, err := later.pendingB.Finish(r.confirm, testTime); !errors.Is(err, ErrWrongExchange) {
		t.Errorf("confirm of an earlier exchange: %v", err)
	}
	// The same with the id changed to fit.
	early := resignAccept(t, r.offer, r.accept, r.bob, nil, func(f *fields) {
		id := later.pendingA.ID()
		f[tagID] = id[:]
	})
	if _, _, err := later.pendingA.Confirm(early, testTime, r.alice.sign); !errors.Is(err, ErrTampered) {
		t.Errorf("accept of an earlier exchange under the new id: %v", err)
	}
}

func TestIdentitySwapAndUnknownKeyShare(t *testing.T) {
	r := newRun(t)
	mallory := ed25519Party(t, "mallory")
	r.doOffer(t)

	// Mallory puts her name on alice's offer.
	asMallory := resignOffer(t, r.offer, mallory, func(f *fields) {
		f[tagSPKI], f[tagName] = mallory.SPKI, []byte(mallory.Name)
	})
	if _, _, err := Accept(asMallory, acceptOptions(r.bob, r.alice)); !errors.Is(err, ErrWrongPeer) {
		t.Errorf("bob expects alice and gets mallory's offer: %v", err)
	}
	// Bob does talk to mallory. She hands his answer on to alice, so that alice
	// and bob share a key that bob thinks to share with mallory.
	accept, _, err := Accept(asMallory, acceptOptions(r.bob, mallory))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.pendingA.Confirm(accept, testTime, r.alice.sign); !errors.Is(err, ErrTampered) {
		t.Errorf("alice gets bob's answer to mallory: %v", err)
	}

	// The other way round: mallory puts her name on bob's answer.
	r.doAccept(t)
	swapped := resignAccept(t, r.offer, r.accept, mallory, nil, func(f *fields) {
		f[tagSPKI], f[tagName] = mallory.SPKI, []byte(mallory.Name)
	})
	if _, _, err := r.pendingA.Confirm(swapped, testTime, r.alice.sign); !errors.Is(err, ErrWrongPeer) {
		t.Errorf("alice expects bob and gets mallory's answer: %v", err)
	}
	// Alice does talk to mallory, who hands the offer on to bob.
	toMallory, pending, err := Offer(offerOptions(r.alice, mallory))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Accept(toMallory, acceptOptions(r.bob, r.alice)); !errors.Is(err, ErrWrongRecipient) {
		t.Errorf("bob gets an offer for mallory: %v", err)
	}
	redirected := resignOffer(t, toMallory, mallory, func(f *fields) {
		fp := r.bob.Fingerprint()
		f[tagRecipient] = fp[:]
	})
	if _, _, err := Accept(redirected, acceptOptions(r.bob, r.alice)); !errors.Is(err, ErrSignature) {
		t.Errorf("bob gets a redirected offer: %v", err)
	}
	// Mallory passes bob's ephemeral key off as her own. She can sign, but not
	// confirm a key that she doesn't know.
	bobs := must(parseText(r.accept, KindAccept))(t).fields
	stolen := &run{alice: r.alice, bob: mallory, offer: toMallory, pendingA: pending}
	stolen.doAccept(t)
	passed := resignAccept(t, toMallory, stolen.accept, mallory, make([]byte, 32), func(f *fields) {
		f[tagEphemeral] = bobs[tagEphemeral]
	})
	if _, _, err := pending.Confirm(passed, testTime, r.alice.sign); !errors.Is(err, ErrTampered) {
		t.Errorf("mallory confirms with bob's ephemeral key: %v", err)
	}
	// A name alone proves nothing, and a pinned name must be given.
	if _, _, err := Accept(r.offer, acceptOptions(r.bob, r.alice, func(o *AcceptOptions) { o.Peer.Name = "alice2" })); !errors.Is(err, ErrWrongPeer) {
		t.Errorf("another name than expected: %v", err)
	}
	if _, _, err := Accept(r.offer, acceptOptions(r.bob, r.alice, func(o *AcceptOptions) { o.Peer.Name = "alice" })); err != nil {
		t.Errorf("the name expected: %v", err)
	}
}

func TestDowngradeAndBadEphemeralKeys(t *testing.T) {
	r := newRun(t)
	r.doOffer(t)
	weaker := resignOffer(t, r.offer, ed25519Party(t, "mallory"), func(f *fields) {
		f[tagGroup] = []byte("ffdh-2048")
		f[tagEphemeral] = publicOf(t, "ffdh-2048")
		f[tagSPKI] = r.alice.SPKI
	})
	if _, _, err := Accept(weaker, acceptOptions(r.bob, r.alice)); !errors.Is(err, ErrSignature) {
		t.Errorf("group exchanged on the way: %v", err)
	}
	only := func(o *AcceptOptions) { o.Groups = []string{"p256", "ffdh-2048"} }
	if _, _, err := Accept(r.offer, acceptOptions(r.bob, r.alice, only)); !errors.Is(err, ErrGroup) {
		t.Errorf("group that bob doesn't accept: %v", err)
	}
	for _, name := range []string{"x448", "xaes-256-gcm"} {
		unknown := resignOffer(t, r.offer, r.alice, func(f *fields) { f[tagGroup] = []byte(name) })
		if _, _, err := Accept(unknown, acceptOptions(r.bob, r.alice)); !errors.Is(err, ErrGroup) {
			t.Errorf("group %s: %v", name, err)
		}
	}
	lowOrder := publicOf(t, "x25519")
	copy(lowOrder[len(lowOrder)-32:], make([]byte, 32))
	r.doAccept(t)
	for name, public := range map[string][]byte{
		"of another group": publicOf(t, "p256"), "of low order": lowOrder, "no key": []byte("key"),
	} {
		offer := resignOffer(t, r.offer, r.alice, func(f *fields) { f[tagEphemeral] = public })
		if _, _, err := Accept(offer, acceptOptions(r.bob, r.alice)); !errors.Is(err, ErrPeerKey) {
			t.Errorf("offered key %s: %v", name, err)
		}
		accept := resignAccept(t, r.offer, r.accept, r.bob, nil, func(f *fields) { f[tagEphemeral] = public })
		if _, _, err := r.pendingA.Confirm(accept, testTime, r.alice.sign); !errors.Is(err, ErrPeerKey) {
			t.Errorf("accepted key %s: %v", name, err)
		}
	}
}

func publicOf(t testing.TB, group string) []byte {
	t.Helper()
	_, public, err := newEphemeral(group, acceptOptions(ed25519Party(t, "x"), ed25519Party(t, "y")).Random)
	return must(public, err)(t)
}

func TestKeyConfirmationIsChecked(t *testing.T) {
	r := newRun(t)
	r.doOffer(t)
	r.doAccept(t)
	forged := resignAccept(t, r.offer, r.accept, r.bob, make([]byte, 32), unchanged)
	if _, _, err := r.pendingA.Confirm(forged, testTime, r.alice.sign); !errors.Is(err, ErrTampered) {
		t.Errorf("accept: %v", err)
	}
	// A MAC of one direction is none of the other.
	crossed := resignAccept(t, r.offer, r.accept, r.bob, r.pendingB.confirmKey, unchanged)
	if _, _, err := r.pendingA.Confirm(crossed, testTime, r.alice.sign); !errors.Is(err, ErrTampered) {
		t.Errorf("accept under the initiator's key: %v", err)
	}
	r.doConfirm(t)
	m := must(parseText(r.confirm, KindConfirm))(t)
	if _, err := r.pendingB.Finish(m.seal(m.signature, make([]byte, macSize)), testTime); !errors.Is(err, ErrTampered) {
		t.Errorf("confirm: %v", err)
	}
	if _, err := r.pendingB.Finish(m.seal(must(r.bob.sign([]byte("x")))(t), m.mac), testTime); !errors.Is(err, ErrSignature) {
		t.Errorf("confirm signed by another: %v", err)
	}
	r.doFinish(t)
}

func TestPurposeAndType(t *testing.T) {
	r := newRun(t)
	r.doOffer(t)
	if _, _, err := Accept(r.offer, acceptOptions(r.bob, r.alice, func(o *AcceptOptions) { o.Purpose = "mail" })); !errors.Is(err, ErrPurpose) {
		t.Errorf("purpose: %v", err)
	}
	if _, _, err := Accept(r.offer, acceptOptions(r.bob, r.alice, func(o *AcceptOptions) { o.SessionType = "hmac-sha256" })); !errors.Is(err, ErrSessionType) {
		t.Errorf("session type: %v", err)
	}
}

// What signs one kind of message is no signature of another, and none of a
// message that a user has the vault sign.
func TestSignaturesAreSeparated(t *testing.T) {
	transcript := [32]byte{1}
	inputs := [][]byte{toSign(labelOffer, transcript), toSign(labelAccept, transcript), toSign(labelConfirm, transcript)}
	for i, a := range inputs {
		for _, b := range inputs[i+1:] {
			if bytes.Equal(a, b) || bytes.HasPrefix(a, b) || bytes.HasPrefix(b, a) {
				t.Errorf("%q and %q", a, b)
			}
		}
	}
	if hash("ab", []byte("c")) == hash("a", []byte("bc")) || hash("a", []byte("b"), nil) == hash("a", []byte("b")) {
		t.Error("the hash confuses its parts")
	}
}

func TestDamagedStateIsRefused(t *testing.T) {
	r := newRun(t)
	r.doOffer(t)
	r.doAccept(t)
	for _, p := range []*Pending{r.pendingA, r.pendingB} {
		state := must(p.Marshal())(t)
		for n := range state {
			if _, err := UnmarshalPending(state[:n]); !errors.Is(err, ErrState) {
				t.Fatalf("%v: cut to %d bytes: %v", p.Role(), n, err)
			}
		}
		for name, b := range map[string][]byte{
			"trailing byte":  append(bytes.Clone(state), 0),
			"other magic":    append([]byte("VXC"), state[3:]...),
			"other version":  slices.Concat(state[:3], []byte{2}, state[4:]),
			"other role":     slices.Concat(state[:4], []byte{3 - byte(p.Role())}, state[5:]),
			"no role at all": slices.Concat(state[:4], []byte{9}, state[5:]),
			"too long":       make([]byte, 1<<20),
		} {
			if _, err := UnmarshalPending(b); !errors.Is(err, ErrState) {
				t.Errorf("%v, %s: %v", p.Role(), name, err)
			}
		}
	}
}

// The groups that the tests run over are all that there are.
func TestEveryAgreementTypeIsAGroup(t *testing.T) {
	var groups []string
	for _, typ := range keytype.All() {
		if typ.Uses&keytype.UseAgree != 0 {
			groups = append(groups, typ.Name)
		}
	}
	if !slices.Equal(groups, []string{"x25519", "p256", "ffdh-2048", "p384"}) {
		t.Errorf("%v: run the exchange over the new one as well", groups)
	}
}
