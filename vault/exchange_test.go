package vault_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/vaultd/vaultd/crypto/keytype"
	"github.com/vaultd/vaultd/vault"
)

// pair is two vaults whose owners know each other's signing keys.
type pair struct {
	alice, bob *rig
	terms      func(who string) vault.ExchangeTerms
}

func newPair(t *testing.T, signing string, compat bool) *pair {
	t.Helper()
	p := &pair{alice: newRig(t), bob: newRig(t)}
	p.bob.clock = p.alice.clock
	a, b := p.alice.create("alice/id", signing), p.bob.create("bob/id", signing)
	pubA, err := p.alice.PublicKey(ctx, a.Name, 0)
	if err != nil {
		t.Fatal(err)
	}
	pubB, err := p.bob.PublicKey(ctx, b.Name, 0)
	if err != nil {
		t.Fatal(err)
	}
	p.terms = func(who string) vault.ExchangeTerms {
		t := vault.ExchangeTerms{
			SigningKey: p.alice.name(who + "/id"), SessionKey: p.alice.name(who + "/session"), Purpose: "test", Compat: compat,
		}
		switch {
		case who == "alice":
			t.PeerPublicKey = pubB.SPKI
		case compat:
			t.PeerPublicKey = pubA.SPKI
		default:
			t.PeerFingerprint = keytype.FormatFingerprint(pubA.Fingerprint)
		}
		return t
	}
	return p
}

func (p *pair) offer() []byte {
	p.alice.Helper()
	m, err := p.alice.OfferExchange(ctx, vault.OfferExchange{ExchangeTerms: p.terms("alice")})
	if err != nil {
		p.alice.Fatal(err)
	}
	return m.Message
}

func (p *pair) accept(offer []byte) []byte {
	p.bob.Helper()
	m, err := p.bob.AcceptExchange(ctx, vault.AcceptExchange{ExchangeTerms: p.terms("bob"), Message: offer})
	if err != nil {
		p.bob.Fatal(err)
	}
	return m.Message
}

func (p *pair) mustShareKey() {
	p.alice.Helper()
	token := p.alice.encrypt("alice/session", "between us")
	p.bob.mustDecrypt("bob/session", token, "between us")
	p.alice.mustDecrypt("alice/session", p.bob.encrypt("bob/session", "and back"), "and back")
}

func TestExchange(t *testing.T) {
	for _, signing := range []string{"rsa-2048", "ecdsa-p256", "ed25519"} {
		for _, group := range []string{"", "p256", "p384", "ffdh-2048"} {
			p := newPair(t, signing, false)
			m, err := p.alice.OfferExchange(ctx, vault.OfferExchange{ExchangeTerms: p.terms("alice"), Group: group})
			if err != nil {
				t.Fatal(err)
			}
			if owner, ok := p.alice.ExchangeOwner(m.Message); ok && owner != "alice" {
				t.Errorf("owner of the offer: %q", owner)
			}
			answer := p.accept(m.Message)
			// A restart in the middle loses nothing.
			p.alice.reopen()
			p.bob.reopen()
			if owner, ok := p.alice.ExchangeOwner(answer); !ok || owner != "alice" {
				t.Errorf("owner of the answer: %q, %v", owner, ok)
			}
			first, err := p.alice.FinishExchange(ctx, vault.FinishExchange{Message: answer})
			if err != nil {
				t.Fatal(err)
			}
			if owner, ok := p.bob.ExchangeOwner(first.Message); !ok || owner != "bob" {
				t.Errorf("owner of the confirmation: %q, %v", owner, ok)
			}
			second, err := p.bob.FinishExchange(ctx, vault.FinishExchange{Message: first.Message})
			if err != nil {
				t.Fatal(err)
			}
			if first.Session.Origin != vault.OriginExchange || first.Session.Type != "fernet" ||
				!first.Session.Versions[0].Expires.Equal(second.Session.Versions[0].Expires) || len(second.Message) != 0 {
				t.Errorf("sessions: %+v, %+v", first, second)
			}
			p.mustShareKey()

			for _, r := range []*rig{p.alice, p.bob} {
				r.reopen()
			}
			_, err = p.alice.FinishExchange(ctx, vault.FinishExchange{Message: answer})
			p.alice.wantCode(err, vault.CodeReplayed)
			_, err = p.bob.FinishExchange(ctx, vault.FinishExchange{Message: first.Message})
			p.bob.wantCode(err, vault.CodeReplayed)
			terms := p.terms("bob")
			terms.SessionKey = p.bob.name("bob/again")
			_, err = p.bob.AcceptExchange(ctx, vault.AcceptExchange{ExchangeTerms: terms, Message: m.Message})
			p.bob.wantCode(err, vault.CodeReplayed)
			p.alice.clock.Advance(2 * time.Hour)
			_, _, err = p.alice.Encrypt(vault.Encrypt{Key: p.alice.name("alice/session")}, nil)
			p.alice.wantCode(err, vault.CodeExpired)
		}
		if testing.Short() {
			break
		}
	}
}

func TestCompatExchange(t *testing.T) {
	p := newPair(t, "rsa-2048", true)
	offer := p.offer()
	if !strings.HasPrefix(string(offer), "-----BEGIN PUBLIC KEY-----") {
		t.Fatalf("the offer begins with %.40q", offer)
	}
	m, err := p.bob.AcceptExchange(ctx, vault.AcceptExchange{ExchangeTerms: p.terms("bob"), Message: offer})
	if err != nil {
		t.Fatal(err)
	}
	if m.Session == nil || m.Session.Type != "fernet" {
		t.Fatalf("answer: %+v", m)
	}
	finish := vault.FinishExchange{Message: m.Message, PeerPublicKey: p.terms("alice").PeerPublicKey}
	_, err = p.alice.FinishExchange(ctx, finish)
	p.alice.wantCode(err, vault.CodeBadArgument)
	finish.Owner = "alice"
	changed := finish
	changed.Message = bytes.Replace(finish.Message, []byte("-----BEGIN EXCHANGE SIGNATURE-----\n"), []byte("-----BEGIN EXCHANGE SIGNATURE-----\nAAAA"), 1)
	_, err = p.alice.FinishExchange(ctx, changed)
	if err == nil {
		t.Fatal("a changed signature was taken")
	}
	if _, err := p.alice.FinishExchange(ctx, finish); err != nil {
		t.Fatal(err)
	}
	p.mustShareKey()
	p.alice.reopen()
	p.bob.reopen()
	_, err = p.alice.FinishExchange(ctx, finish)
	p.alice.wantCode(err, vault.CodeReplayed)
	terms := p.terms("bob")
	terms.SessionKey = p.bob.name("bob/again")
	_, err = p.bob.AcceptExchange(ctx, vault.AcceptExchange{ExchangeTerms: terms, Message: offer})
	p.bob.wantCode(err, vault.CodeReplayed)
}

// Two owners of one vault can exchange a key, as quickstart does.
func TestExchangeWithinOneVault(t *testing.T) {
	r := newRig(t)
	fp := map[string]string{}
	for _, who := range []string{"alice", "bob"} {
		fp[who] = keytype.FormatFingerprint(r.create(who+"/id", "ed25519").Versions[0].Fingerprint)
	}
	terms := func(who, peer string) vault.ExchangeTerms {
		return vault.ExchangeTerms{SigningKey: r.name(who + "/id"), SessionKey: r.name(who + "/session"), PeerFingerprint: fp[peer]}
	}
	offer, err := r.OfferExchange(ctx, vault.OfferExchange{ExchangeTerms: terms("alice", "bob")})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := r.AcceptExchange(ctx, vault.AcceptExchange{ExchangeTerms: terms("bob", "alice"), Message: offer.Message})
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.FinishExchange(ctx, vault.FinishExchange{Message: answer.Message, Owner: "bob"})
	r.wantCode(err, vault.CodeNoExchange)
	first, err := r.FinishExchange(ctx, vault.FinishExchange{Message: answer.Message, Owner: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.FinishExchange(ctx, vault.FinishExchange{Message: first.Message}); err != nil {
		t.Fatal(err)
	}
	r.mustDecrypt("bob/session", r.encrypt("alice/session", "hi"), "hi")
}

func TestExchangeIsRefused(t *testing.T) {
	p := newPair(t, "ed25519", false)
	a, b := p.alice, p.bob
	offer := p.offer()

	accept := func(change func(*vault.AcceptExchange)) error {
		c := vault.AcceptExchange{ExchangeTerms: p.terms("bob"), Message: offer}
		change(&c)
		_, err := b.AcceptExchange(ctx, c)
		return err
	}
	b.create("bob/other", "ed25519")
	otherPub, err := b.PublicKey(ctx, b.name("bob/other"), 0)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*vault.AcceptExchange)
		code   vault.Code
	}{
		"wrong peer":        {func(c *vault.AcceptExchange) { c.PeerFingerprint = keytype.FormatFingerprint([32]byte{1}) }, vault.CodeInvalidMessage},
		"no peer":           {func(c *vault.AcceptExchange) { c.PeerFingerprint = "" }, vault.CodeBadArgument},
		"other recipient":   {func(c *vault.AcceptExchange) { c.SigningKey = b.name("bob/other") }, vault.CodeInvalidMessage},
		"other purpose":     {func(c *vault.AcceptExchange) { c.Purpose = "mail" }, vault.CodeInvalidMessage},
		"other type":        {func(c *vault.AcceptExchange) { c.SessionType = "xaes-256-gcm" }, vault.CodeInvalidMessage},
		"taken name":        {func(c *vault.AcceptExchange) { c.SessionKey = b.name("bob/other") }, vault.CodeKeyExists},
		"foreign namespace": {func(c *vault.AcceptExchange) { c.SessionKey = b.name("carol/session") }, vault.CodeBadArgument},
		"no message":        {func(c *vault.AcceptExchange) { c.Message = nil }, vault.CodeInvalidMessage},
		"contradiction":     {func(c *vault.AcceptExchange) { c.PeerPublicKey = otherPub.SPKI }, vault.CodeBadArgument},
		"asymmetric result": {func(c *vault.AcceptExchange) { c.SessionType = "ed25519" }, vault.CodeBadArgument},
	} {
		if err := accept(c.change); err == nil {
			t.Errorf("%s: accepted", name)
		} else {
			b.wantCode(err, c.code)
		}
	}

	// Reflection: the offer comes back to who made it.
	_, err = a.AcceptExchange(ctx, vault.AcceptExchange{ExchangeTerms: func() vault.ExchangeTerms {
		x := p.terms("alice")
		x.SessionKey = a.name("alice/mirror")
		return x
	}(), Message: offer})
	a.wantCode(err, vault.CodeInvalidMessage)
	_, err = a.FinishExchange(ctx, vault.FinishExchange{Message: offer})
	a.wantCode(err, vault.CodeInvalidMessage)

	// Any changed byte ends in one of the codes for it, and never in a key.
	body := bytes.Index(offer, []byte("\n")) + 1
	for i := body; i < len(offer)-40; i += 7 {
		changed := bytes.Clone(offer)
		changed[i] ^= 1
		if err := accept(func(c *vault.AcceptExchange) { c.Message = changed }); err == nil {
			t.Fatalf("with byte %d changed it was accepted", i)
		}
	}

	answer := p.accept(offer)
	if _, err := a.RevokeKey(ctx, vault.RevokeKey{Name: a.name("alice/id")}); err != nil {
		t.Fatal(err)
	}
	_, err = a.FinishExchange(ctx, vault.FinishExchange{Message: answer})
	a.wantCode(err, vault.CodeRevoked)
	_, err = a.OfferExchange(ctx, vault.OfferExchange{ExchangeTerms: p.terms("alice")})
	a.wantCode(err, vault.CodeRevoked)
}

func TestExchangeExpires(t *testing.T) {
	p := newPair(t, "ed25519", false)
	offer := p.offer()
	answer := p.accept(offer)
	p.alice.clock.Advance(25 * time.Hour)
	_, err := p.alice.FinishExchange(ctx, vault.FinishExchange{Message: answer})
	p.alice.wantCode(err, vault.CodeExpired)
	p.alice.reopen()
	_, err = p.alice.FinishExchange(ctx, vault.FinishExchange{Message: answer})
	p.alice.wantCode(err, vault.CodeNoExchange)
}

func TestExpiredKeyMakesNoExchange(t *testing.T) {
	p := newPair(t, "ed25519", false)
	a := p.alice
	a.createWith(vault.CreateKey{Name: a.name("alice/brief"), Type: "ed25519", TTL: time.Minute})
	a.clock.Advance(time.Hour)
	terms := p.terms("alice")
	terms.SigningKey = a.name("alice/brief")
	_, err := a.OfferExchange(ctx, vault.OfferExchange{ExchangeTerms: terms})
	a.wantCode(err, vault.CodeExpired)
	if _, err := a.DestroyKey(ctx, vault.DestroyKey{Name: a.name("alice/brief")}); err != nil {
		t.Fatal(err)
	}
	_, err = a.OfferExchange(ctx, vault.OfferExchange{ExchangeTerms: terms})
	a.wantCode(err, vault.CodeKeyDestroyed)
}

// A peer whose key this vault knows as revoked gets no exchange.
func TestRevokedPeerGetsNoExchange(t *testing.T) {
	r := newRig(t)
	a, b := r.create("alice/id", "ed25519"), r.create("bob/id", "ed25519")
	terms := vault.ExchangeTerms{
		SigningKey: a.Name, SessionKey: r.name("alice/s"),
		PeerFingerprint: keytype.FormatFingerprint(b.Versions[0].Fingerprint),
	}
	if _, err := r.OfferExchange(ctx, vault.OfferExchange{ExchangeTerms: terms}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.RevokeOwner(ctx, vault.RevokeOwner{Name: "bob"}); err != nil {
		t.Fatal(err)
	}
	_, err := r.OfferExchange(ctx, vault.OfferExchange{ExchangeTerms: terms})
	r.wantCode(err, vault.CodeRevoked)
	if _, err := r.ReinstateOwner(ctx, "bob", "root"); err != nil {
		t.Fatal(err)
	}
	_, err = r.OfferExchange(ctx, vault.OfferExchange{ExchangeTerms: terms})
	r.wantCode(err, vault.CodeRevoked)
}
