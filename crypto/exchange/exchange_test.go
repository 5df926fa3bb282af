package exchange

import (
	"bytes"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vaultd/vaultd/crypto/keyenc"
)

func TestBothSidesGetTheSameSession(t *testing.T) {
	parties := map[string][2]*party{
		"ed25519":   {ed25519Party(t, "alice"), ed25519Party(t, "bob")},
		"rsa":       {rsaParty(t, "alice", 0), rsaParty(t, "bob", 1)},
		"p256/p384": {ecdsaParty(t, "alice", elliptic.P256()), ecdsaParty(t, "bob", elliptic.P384())},
	}
	for kind, pair := range parties {
		for _, group := range []string{"x25519", "p256", "p384", "ffdh-2048"} {
			t.Run(kind+"/"+group, func(t *testing.T) {
				r := &run{alice: pair[0], bob: pair[1]}
				r.doOffer(t, func(o *OfferOptions) { o.Terms.Group = group })
				r.doAccept(t)
				r.store(t)
				r.doConfirm(t)
				r.doFinish(t)
				if len(r.sessionA.Key) != SessionKeySize || !bytes.Equal(r.sessionA.Key, r.sessionB.Key) {
					t.Fatal("session keys differ")
				}
				want := Session{
					Key: r.sessionA.Key, Type: "fernet", Expires: testTime.Add(time.Minute + time.Hour), Purpose: "backup",
					Group: group, Peer: pair[1].Identity, ID: r.sessionA.ID, Initiator: true,
				}
				if diff := cmp.Diff(want, *r.sessionA); diff != "" {
					t.Errorf("initiator: %s", diff)
				}
				want.Peer, want.Initiator = pair[0].Identity, false
				if diff := cmp.Diff(want, *r.sessionB); diff != "" {
					t.Errorf("responder: %s", diff)
				}
				for _, text := range [][]byte{r.offer, r.accept, r.confirm} {
					if len(text) > MaxMessage/2 {
						t.Errorf("a message of %d bytes leaves little room", len(text))
					}
				}
			})
		}
	}
}

func TestSessionKeysOfTwoExchangesDiffer(t *testing.T) {
	first := newRun(t)
	second := &run{alice: first.alice, bob: first.bob}
	for _, r := range []*run{first, second} {
		r.doOffer(t)
		r.doAccept(t)
		r.doConfirm(t)
		r.doFinish(t)
	}
	if bytes.Equal(first.sessionA.Key, second.sessionA.Key) || first.sessionA.ID == second.sessionA.ID {
		t.Error("two exchanges gave the same key or id")
	}
}

func TestLifetimeIsTheShorter(t *testing.T) {
	for _, c := range []struct{ offered, accepted, want time.Duration }{
		{time.Hour, 0, time.Hour},
		{0, time.Hour, time.Hour},
		{time.Hour, 30 * time.Minute, 30 * time.Minute},
		{30 * time.Minute, time.Hour, 30 * time.Minute},
		{0, 0, 0},
		{MaxLifetime, 0, MaxLifetime},
	} {
		r := newRun(t)
		r.doOffer(t, func(o *OfferOptions) { o.Terms.Lifetime = c.offered })
		r.doAccept(t, func(o *AcceptOptions) { o.Lifetime = c.accepted })
		r.doConfirm(t)
		r.doFinish(t)
		var want time.Time
		if c.want != 0 {
			want = testTime.Add(time.Minute + c.want)
		}
		if !r.sessionA.Expires.Equal(want) || !r.sessionB.Expires.Equal(want) {
			t.Errorf("%+v: %v and %v", c, r.sessionA.Expires, r.sessionB.Expires)
		}
	}
}

func TestOptionsThatCannotBeUsed(t *testing.T) {
	alice, bob := ed25519Party(t, "alice"), ed25519Party(t, "bob")
	weak := must(x509.MarshalPKIXPublicKey(&rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 1023, 1), E: 65537}))(t)
	for name, c := range map[string]struct {
		change func(*OfferOptions)
		want   error
	}{
		"no name":           {func(o *OfferOptions) { o.Self.Name = "" }, ErrOptions},
		"name with newline": {func(o *OfferOptions) { o.Self.Name = "a\nb" }, ErrOptions},
		"long name":         {func(o *OfferOptions) { o.Self.Name = strings.Repeat("a", 256) }, ErrOptions},
		"no signing key":    {func(o *OfferOptions) { o.Self.SPKI = nil }, ErrSigningKey},
		"RSA of 1024 bits":  {func(o *OfferOptions) { o.Self.SPKI = weak }, ErrSigningKey},
		"no signer":         {func(o *OfferOptions) { o.Sign = nil }, ErrOptions},
		"another's signer":  {func(o *OfferOptions) { o.Sign = bob.sign }, ErrOptions},
		"no peer":           {func(o *OfferOptions) { o.Peer = Peer{} }, ErrOptions},
		"peer is oneself":   {func(o *OfferOptions) { o.Peer = alice.peer() }, ErrReflected},
		"unknown group":     {func(o *OfferOptions) { o.Terms.Group = "x448" }, ErrGroup},
		"group is no group": {func(o *OfferOptions) { o.Terms.Group = "fernet" }, ErrGroup},
		"purpose no UTF-8":  {func(o *OfferOptions) { o.Terms.Purpose = "\xff" }, ErrOptions},
		"no session type":   {func(o *OfferOptions) { o.Terms.SessionType = "" }, ErrOptions},
		"negative lifetime": {func(o *OfferOptions) { o.Terms.Lifetime = -time.Second }, ErrOptions},
		"half a second":     {func(o *OfferOptions) { o.Terms.Lifetime = time.Second / 2 }, ErrOptions},
		"endless lifetime":  {func(o *OfferOptions) { o.Terms.Lifetime = MaxLifetime + time.Second }, ErrOptions},
		"validity too long": {func(o *OfferOptions) { o.Validity = MaxValidity + time.Second }, ErrOptions},
		"negative validity": {func(o *OfferOptions) { o.Validity = -time.Second }, ErrOptions},
		"no time":           {func(o *OfferOptions) { o.Now = time.Time{} }, ErrOptions},
	} {
		if _, _, err := Offer(offerOptions(alice, bob, c.change)); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	for _, n := range []int{0, 47, 50} {
		if _, _, err := Offer(offerOptions(alice, bob, func(o *OfferOptions) { o.Random = bytes.NewReader(make([]byte, n)) })); err == nil {
			t.Errorf("%d bytes of randomness were enough", n)
		}
	}
	refused := errors.New("the key is revoked")
	_, _, err := Offer(offerOptions(alice, bob, func(o *OfferOptions) {
		o.Sign = func([]byte) ([]byte, error) { return nil, refused }
	}))
	if !errors.Is(err, refused) {
		t.Errorf("the signer's error is lost: %v", err)
	}
}

func TestInspectTellsWhatAMessageSays(t *testing.T) {
	r := newRun(t)
	r.doOffer(t)
	r.doAccept(t)
	r.doConfirm(t)
	id := r.pendingB.ID()
	for _, c := range []struct {
		text []byte
		want Info
	}{
		{r.offer, Info{
			Kind: KindOffer, ID: id, From: r.alice.Identity, Recipient: r.bob.Fingerprint(),
			Terms: testTerms, Expires: testTime.Add(DefaultValidity), Created: testTime,
		}},
		{r.accept, Info{Kind: KindAccept, ID: id, From: r.bob.Identity, Created: testTime.Add(time.Minute)}},
		{r.confirm, Info{Kind: KindConfirm, ID: id, Created: testTime.Add(2 * time.Minute)}},
	} {
		got, err := Inspect(c.text)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, *got); diff != "" {
			t.Error(diff)
		}
	}
	if r.pendingB.Role() != RoleResponder || r.pendingB.Peer() != r.alice.peer() || r.pendingB.Terms() != testTerms ||
		!r.pendingB.Expires().Equal(testTime.Add(DefaultValidity)) || r.pendingB.Self().Name != "bob" {
		t.Error("the state says something else than the messages")
	}
}

func TestMessagesSurviveMail(t *testing.T) {
	r := newRun(t)
	r.doOffer(t)
	mailed := "\r\n" + strings.ReplaceAll(string(r.offer), "\n", "\r\n") + "\r\n\r\n"
	if _, _, err := Accept([]byte(mailed), acceptOptions(r.bob, r.alice)); err != nil {
		t.Error(err)
	}
}

func TestStateHoldsNothingAfterTheEnd(t *testing.T) {
	r := newRun(t)
	r.doOffer(t)
	r.doAccept(t)
	secretA, secretB := r.pendingA.secret, r.pendingB.secret
	r.doConfirm(t)
	r.doFinish(t)
	for _, secret := range [][]byte{secretA, secretB} {
		if !bytes.Equal(secret, make([]byte, len(secret))) {
			t.Error("a secret is left in memory")
		}
	}
	for _, p := range []*Pending{r.pendingA, r.pendingB} {
		if _, err := p.Marshal(); !errors.Is(err, ErrFinished) {
			t.Errorf("a finished exchange can be stored: %v", err)
		}
	}
	if _, _, err := r.pendingA.Confirm(r.accept, testTime, r.alice.sign); !errors.Is(err, ErrFinished) {
		t.Errorf("second accept: %v", err)
	}
	if _, err := r.pendingB.Finish(r.confirm, testTime); !errors.Is(err, ErrFinished) {
		t.Errorf("second confirm: %v", err)
	}
	r.sessionA.Wipe()
	if !bytes.Equal(r.sessionA.Key, make([]byte, SessionKeySize)) {
		t.Error("session key is left in memory")
	}
}

func TestUnknownFields(t *testing.T) {
	r := newRun(t)
	r.doOffer(t)
	original := must(parseText(r.offer, KindOffer))(t)
	// resign adds a field to the body and signs it, as a later version would.
	resign := func(extra []byte, v byte) []byte {
		m := newMessage(KindOffer, original.fields)
		body := append(bytes.Clone(m.signed[headSize+lengthSize:]), extra...)
		m.signed = appendBlock(append([]byte(magic), v, byte(KindOffer)), body)
		return m.seal(must(r.alice.sign(toSign(labelOffer, offerTranscript(m))))(t), nil)
	}
	for name, c := range map[string]struct {
		text []byte
		want error
	}{
		"none":                   {resign(nil, version), nil},
		"ignorable":              {resign([]byte{0x80, 0, 1, 7}, version), nil},
		"two ignorable":          {resign([]byte{0x80, 0, 0, 0x81, 0, 0}, version), nil},
		"critical":               {resign([]byte{0x7f, 0, 1, 7}, version), ErrUnknownField},
		"of another kind":        {resign(append([]byte{byte(tagOfferHash), 0, 32}, make([]byte, 32)...), version), ErrUnknownField},
		"twice":                  {resign([]byte{0x80, 0, 0, 0x80, 0, 0}, version), ErrFormat},
		"descending":             {resign([]byte{0x81, 0, 0, 0x80, 0, 0}, version), ErrFormat},
		"critical after another": {resign([]byte{0x80, 0, 0, 0x7f, 0, 0}, version), ErrFormat},
		"cut":                    {resign([]byte{0x80, 0, 9}, version), ErrFormat},
		"later version":          {resign(nil, 2), ErrVersion},
		"version zero":           {resign(nil, 0), ErrVersion},
	} {
		if _, _, err := Accept(c.text, acceptOptions(r.bob, r.alice)); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

func TestWrongStepsAndTexts(t *testing.T) {
	r := newRun(t)
	r.doOffer(t)
	r.doAccept(t)
	if _, _, err := r.pendingA.Confirm(r.offer, testTime, r.alice.sign); !errors.Is(err, ErrKind) {
		t.Errorf("offer as an accept: %v", err)
	}
	if _, err := r.pendingB.Finish(r.accept, testTime); !errors.Is(err, ErrKind) {
		t.Errorf("accept as a confirm: %v", err)
	}
	if _, _, err := Accept(r.accept, acceptOptions(r.bob, r.alice)); !errors.Is(err, ErrKind) {
		t.Errorf("accept as an offer: %v", err)
	}
	if _, err := r.pendingA.Finish(r.accept, testTime); !errors.Is(err, ErrKind) {
		t.Errorf("initiator finishes: %v", err)
	}
	if _, _, err := r.pendingB.Confirm(r.accept, testTime, r.bob.sign); !errors.Is(err, ErrKind) {
		t.Errorf("responder confirms: %v", err)
	}
	relabelled := bytes.ReplaceAll(r.offer, []byte("OFFER"), []byte("ACCEPT"))
	for name, text := range map[string][]byte{
		"empty":       nil,
		"other PEM":   keyenc.EncodePEM("CERTIFICATE", []byte("x")),
		"no message":  keyenc.EncodePEM(labels[KindOffer], []byte("VXC")),
		"other kind":  keyenc.EncodePEM(labels[KindOffer], []byte("VXC\x01\x09")),
		"relabelled":  relabelled,
		"cut":         r.offer[:len(r.offer)/2],
		"twice":       append(bytes.Clone(r.offer), r.offer...),
		"too long":    append(bytes.Clone(r.offer), bytes.Repeat([]byte("\n"), MaxMessage)...),
		"binary form": must(parseText(r.offer, KindOffer))(t).whole,
	} {
		if _, _, err := Accept(text, acceptOptions(r.bob, r.alice)); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := Inspect(text); !errors.Is(err, ErrFormat) {
			t.Errorf("inspect, %s: %v", name, err)
		}
	}
}

func BenchmarkExchange(b *testing.B) {
	for _, group := range []string{"x25519", "p256", "p384", "ffdh-2048"} {
		b.Run("ed25519/"+group, func(b *testing.B) { benchmarkExchange(b, newRun(b), group) })
	}
	b.Run("rsa-2048/x25519", func(b *testing.B) {
		benchmarkExchange(b, &run{alice: rsaParty(b, "alice", 0), bob: rsaParty(b, "bob", 1)}, "x25519")
	})
}

func benchmarkExchange(b *testing.B, r *run, group string) {
	b.ReportAllocs()
	for b.Loop() {
		r.doOffer(b, func(o *OfferOptions) { o.Terms.Group = group })
		r.doAccept(b)
		r.doConfirm(b)
		r.doFinish(b)
	}
}

func BenchmarkPendingMarshal(b *testing.B) {
	r := newRun(b)
	r.doOffer(b)
	b.ReportAllocs()
	for b.Loop() {
		must(UnmarshalPending(must(r.pendingA.Marshal())(b)))(b)
	}
}

func BenchmarkCompat(b *testing.B) {
	alice, bob := rsaParty(b, "alice", 0), rsaParty(b, "bob", 1)
	b.ReportAllocs()
	for b.Loop() {
		text, p, err := CompatOffer(CompatOptions{SPKI: alice.SPKI, Sign: alice.sign, Random: rand.Reader})
		if err != nil {
			b.Fatal(err)
		}
		reply, _, err := CompatAccept(text, CompatOptions{SPKI: bob.SPKI, Sign: bob.sign, PeerSPKI: alice.SPKI, Random: rand.Reader})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := p.Finish(reply, bob.SPKI, nil); err != nil {
			b.Fatal(err)
		}
	}
}
