package exchange

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/vaultd/vaultd/crypto/keyenc"
)

// seeds are the three messages and the two states of an exchange, and a
// compatibility message.
func seeds(t testing.TB) (messages, states [][]byte) {
	r := newRun(t)
	r.doOffer(t)
	r.doAccept(t)
	states = [][]byte{must(r.pendingA.Marshal())(t), must(r.pendingB.Marshal())(t)}
	r.doConfirm(t)
	compat, _, err := CompatOffer(compatOptions(rsaParty(t, "alice", 0), rsaParty(t, "bob", 1)))
	if err != nil {
		t.Fatal(err)
	}
	return [][]byte{r.offer, r.accept, r.confirm, compat}, states
}

func FuzzInspect(f *testing.F) {
	messages, _ := seeds(f)
	for _, m := range messages {
		f.Add(m)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		info, err := Inspect(text)
		if err != nil {
			return
		}
		if _, known := schemas[info.Kind]; !known && info.Kind != KindCompat {
			t.Fatalf("kind %v", info.Kind)
		}
	})
}

// What parses is written back byte for byte, but for ignorable fields.
func FuzzParseMessage(f *testing.F) {
	messages, _ := seeds(f)
	for _, text := range messages[:3] {
		_, whole, err := keyenc.DecodePEM(text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(whole)
	}
	f.Fuzz(func(t *testing.T, whole []byte) {
		m, err := parseMessage(whole)
		if err != nil {
			return
		}
		again := newMessage(m.kind, m.fields)
		again.seal(m.signature, m.mac)
		if !bytes.Equal(again.whole, whole) && len(again.whole) >= len(whole) {
			t.Fatalf("%x is written back as %x", whole, again.whole)
		}
	})
}

func FuzzUnmarshalPending(f *testing.F) {
	_, states := seeds(f)
	for _, s := range states {
		f.Add(s)
	}
	alice := ed25519Party(f, "alice")
	messages, _ := seeds(f)
	f.Fuzz(func(t *testing.T, state []byte) {
		p, err := UnmarshalPending(state)
		if err != nil {
			if !errors.Is(err, ErrState) {
				t.Fatalf("%v is not ErrState", err)
			}
			return
		}
		// Whatever the state says, the messages of others don't fit it.
		if _, _, err := p.Confirm(messages[1], testTime, alice.sign); err == nil {
			t.Fatal("took an accept of another exchange")
		}
		if _, err := p.Finish(messages[2], testTime); err == nil {
			t.Fatal("took a confirm of another exchange")
		}
	})
}

func FuzzParseCompat(f *testing.F) {
	messages, _ := seeds(f)
	f.Add(messages[3])
	spki := rsaParty(f, "alice", 0).SPKI
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := parseCompat(text)
		if err != nil {
			return
		}
		if !bytes.Equal(m.signed, keyenc.EncodePEM(keyenc.LabelPublic, m.public.SPKI(m.form))) && m.verify(spki) == nil {
			t.Fatal("a signature over bytes that are not the key's encoding was accepted")
		}
	})
}

// Any fields within the bounds survive the encoding, whatever is in them.
func TestFieldsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]Kind{KindOffer, KindAccept, KindConfirm}).Draw(t, "kind")
		f := new(fields)
		for _, r := range schemas[kind] {
			f[r.tag] = rapid.SliceOfN(rapid.Byte(), r.min, min(r.max, r.min+64)).Draw(t, "value")
		}
		encoded := f.append(nil, schemas[kind])
		back, err := parseFields(encoded, schemas[kind])
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(back.append(nil, schemas[kind]), encoded) {
			t.Fatal("fields changed")
		}
		cut := rapid.IntRange(0, len(encoded)-1).Draw(t, "cut")
		if _, err := parseFields(encoded[:cut], schemas[kind]); err == nil {
			t.Fatal("cut fields parse")
		}
	})
}
