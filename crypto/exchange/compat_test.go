package exchange

import (
	"bytes"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/vaultd/vaultd/crypto/fernet"
	"github.com/vaultd/vaultd/crypto/ffdh"
	"github.com/vaultd/vaultd/crypto/keyenc"
)

func compatOptions(self, peer *party) CompatOptions {
	return CompatOptions{SPKI: self.SPKI, Sign: self.sign, PeerSPKI: peer.SPKI, Random: rand.Reader}
}

func TestCompatBothSidesGetTheSameKey(t *testing.T) {
	alice, bob := rsaParty(t, "alice", 0), rsaParty(t, "bob", 1)
	for _, group := range []*ffdh.Group{nil, ffdh.FFDHE2048(), ffdh.MODP2048()} {
		for _, form := range []ffdh.Form{ffdh.PKCS3, ffdh.X942} {
			for _, info := range []string{"", "another info"} {
				offering, accepting := compatOptions(alice, bob), compatOptions(bob, alice)
				offering.Group, offering.Form = group, form
				if info != "" {
					accepting.Info = []byte(info)
				}
				text, p, err := CompatOffer(offering)
				if err != nil {
					t.Fatal(err)
				}
				p = must(UnmarshalCompatPending(must(p.Marshal())(t)))(t)
				reply, keyB, err := CompatAccept(text, accepting)
				if err != nil {
					t.Fatal(err)
				}
				if m := must(parseCompat(reply))(t); m.form != form {
					t.Error("the answer is in another form than the offer")
				}
				keyA, err := p.Finish(reply, bob.SPKI, accepting.Info)
				if err != nil || !bytes.Equal(keyA, keyB) || len(keyA) != fernet.KeySize {
					t.Errorf("keys differ: %v", err)
				}
				if other, err := p.Finish(reply, bob.SPKI, []byte("x")); err != nil || bytes.Equal(other, keyA) {
					t.Errorf("info makes no difference: %v", err)
				}
			}
		}
	}
}

func TestCompatMessagesOfPyca(t *testing.T) {
	data, err := os.ReadFile("testdata/pyca.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []map[string]string
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) != 2 {
		t.Fatalf("%d cases", len(cases))
	}
	for _, c := range cases {
		want, err := fernet.DecodeKey([]byte(c["session_key"]))
		if err != nil {
			t.Fatal(err)
		}
		for self, peer := range map[string]string{"alice": "bob", "bob": "alice"} {
			p := must(UnmarshalCompatPending(must(hex.DecodeString(c[self+"_state"]))(t)))(t)
			spki := must(keyenc.ParsePublic([]byte(c[peer+"_public"])))(t)
			text := []byte(c[peer+"_message"])
			for _, text := range [][]byte{text, bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")), append([]byte("\n"), text...)} {
				if key, err := p.Finish(text, spki, nil); err != nil || !bytes.Equal(key, want) {
					t.Errorf("pyca %s, %s: %v", c["version"], self, err)
				}
			}
			if info, err := Inspect(text); err != nil || info.Kind != KindCompat {
				t.Errorf("inspect: %v, %v", info, err)
			}
		}
	}
}

func TestCompatAttacks(t *testing.T) {
	alice, bob := rsaParty(t, "alice", 0), rsaParty(t, "bob", 1)
	text, p, err := CompatOffer(compatOptions(alice, bob))
	if err != nil {
		t.Fatal(err)
	}
	reply, want, err := CompatAccept(text, compatOptions(bob, alice))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Finish(text, alice.SPKI, nil); !errors.Is(err, ErrReflected) {
		t.Errorf("own message: %v", err)
	}
	if _, err := p.Finish(reply, alice.SPKI, nil); !errors.Is(err, ErrSignature) {
		t.Errorf("signed by another key than the peer's: %v", err)
	}
	if _, err := p.Finish(reply, ecdsaParty(t, "x", elliptic.P256()).SPKI, nil); !errors.Is(err, ErrSigningKey) {
		t.Errorf("peer's key is not RSA: %v", err)
	}
	if _, err := p.Finish(reply, nil, nil); !errors.Is(err, ErrSigningKey) {
		t.Errorf("no peer's key: %v", err)
	}
	if _, err := p.Finish(reply, bob.SPKI, make([]byte, maxCompatInfo+1)); !errors.Is(err, ErrOptions) {
		t.Errorf("long info: %v", err)
	}
	for i := range reply {
		changed := bytes.Clone(reply)
		changed[i] ^= 0x02
		if _, err := p.Finish(changed, bob.SPKI, nil); err == nil {
			t.Fatalf("character %d changed goes unnoticed", i)
		}
	}
	other, _, err := CompatOffer(func() CompatOptions { o := compatOptions(bob, alice); o.Group = ffdh.MODP2048(); return o }())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Finish(other, bob.SPKI, nil); !errors.Is(err, ErrGroup) {
		t.Errorf("another group: %v", err)
	}
	signed, signature, _ := strings.Cut(string(reply), "-----BEGIN EXCHANGE SIGNATURE-----\n")
	for name, text := range map[string]string{
		"no signature":            signed,
		"no public key":           "-----BEGIN EXCHANGE SIGNATURE-----\n" + signature,
		"two signatures":          string(reply) + string(reply[len(signed):]),
		"text in between":         signed + "\n" + string(reply[len(signed):]),
		"other public key labels": strings.Replace(string(reply), "BEGIN PUBLIC KEY", "BEGIN DH PUBLIC KEY", 1),
		"lines broken otherwise":  strings.Replace(signed, "\n", "\n\n", 1) + string(reply[len(signed):]),
		"too long":                string(reply) + strings.Repeat("\n", MaxMessage),
		"empty":                   "",
	} {
		if _, err := p.Finish([]byte(text), bob.SPKI, nil); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
	rsaPEM := keyenc.EncodePEM(keyenc.LabelPublic, bob.SPKI)
	noDH := append(bytes.Clone(rsaPEM), keyenc.EncodePEM(compatSignatureLabel, must(bob.sign(rsaPEM))(t))...)
	if _, err := p.Finish(noDH, bob.SPKI, nil); !errors.Is(err, ErrPeerKey) {
		t.Errorf("signed key of another kind: %v", err)
	}
	if key, err := p.Finish(reply, bob.SPKI, nil); err != nil || !bytes.Equal(key, want) {
		t.Errorf("the honest message after the attacks: %v", err)
	}
	p.Wipe()
	p.Wipe()
	if _, err := p.Finish(reply, bob.SPKI, nil); !errors.Is(err, ErrFinished) {
		t.Errorf("wiped: %v", err)
	}
	if _, err := p.Marshal(); !errors.Is(err, ErrFinished) {
		t.Errorf("wiped: %v", err)
	}
	if _, err := UnmarshalCompatPending([]byte("state")); !errors.Is(err, ErrState) {
		t.Errorf("damaged state: %v", err)
	}
	if _, _, err := CompatOffer(compatOptions(ed25519Party(t, "x"), bob)); !errors.Is(err, ErrSigningKey) {
		t.Errorf("own key is not RSA: %v", err)
	}
}
