package quickstart

import (
	"context"
	"errors"
	"fmt"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/render"
	"github.com/vaultd/vaultd/internal/secret"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault/fault"
)

// exchange runs the three messages between the owners of two signing keys and
// returns the session key as each side stores it.
func (t *Tour) exchange(ctx context.Context, ours, theirs *vaultdv1.Key) (own, other *vaultdv1.Key, err error) {
	c := t.Client
	ownName, err := t.free(ctx, ownerOf(ours)+"/"+sessionName)
	if err != nil {
		return nil, nil, err
	}
	otherName, err := t.free(ctx, ownerOf(theirs)+"/"+sessionName)
	if err != nil {
		return nil, nil, err
	}
	ourKey, err := c.PublicKey(ctx, &vaultdv1.PublicKeyRequest{Name: ours.GetName()})
	if err != nil {
		return nil, nil, err
	}
	theirKey, err := c.PublicKey(ctx, &vaultdv1.PublicKeyRequest{Name: theirs.GetName()})
	if err != nil {
		return nil, nil, err
	}
	offer, err := c.OfferExchange(ctx, &vaultdv1.OfferExchangeRequest{
		SigningKey: ours.GetName(), SessionKey: ownName, Purpose: purpose, PeerPublicKey: theirKey.GetPublicKey(),
	})
	if err != nil {
		return nil, nil, err
	}
	t.say("offer     from %s", ours.GetName())
	answer, err := c.AcceptExchange(ctx, &vaultdv1.AcceptExchangeRequest{
		Message: offer.GetMessage(), SigningKey: theirs.GetName(), SessionKey: otherName, Purpose: purpose,
		PeerPublicKey: ourKey.GetPublicKey(),
	})
	if err != nil {
		return nil, nil, err
	}
	t.say("answer    from %s", theirs.GetName())
	first, err := c.FinishExchange(ctx, &vaultdv1.FinishExchangeRequest{Message: answer.GetMessage(), Owner: ownerOf(ours)})
	if err != nil {
		return nil, nil, err
	}
	second, err := c.FinishExchange(ctx, &vaultdv1.FinishExchangeRequest{Message: first.GetMessage(), Owner: ownerOf(theirs)})
	if err != nil {
		return nil, nil, err
	}
	own, other = first.GetSession(), second.GetSession()
	if a, b := render.Newest(own).GetFingerprint(), render.Newest(other).GetFingerprint(); a != b || a == "" {
		return nil, nil, fault.E(fault.CodeInternal, "the two sides have different keys: %s and %s", a, b)
	}
	t.say("finished  %s and %s are the same key, %s", own.GetName(), other.GetName(), t.expiry(own))
	t.say("          %s", render.Newest(own).GetFingerprint())
	return own, other, nil
}

// converse encrypts with each side's copy of the session key, decrypts with the
// other's, and has a changed message refused.
func (t *Tour) converse(ctx context.Context, s *Summary, own, other string) error {
	s.Plaintext = "The keys are in the vault."
	var err error
	if s.Ciphertext, err = t.carry(ctx, own, other, s.Plaintext); err != nil {
		return err
	}
	s.DecryptedByPeer = true
	t.say("encrypted %q with %s", s.Plaintext, own)
	t.say("          %.60s…", s.Ciphertext)
	t.say("decrypted by %s, to the same words", other)
	if _, err = t.carry(ctx, other, own, "And there they stay."); err != nil {
		return err
	}
	s.DecryptedByUs = true
	t.say("decrypted the answer of %s, too", other)

	_, err = t.Client.Decrypt(ctx, &vaultdv1.DecryptRequest{Key: other, Ciphertext: changed(s.Ciphertext)})
	var known *fault.Error
	switch {
	case err == nil:
		return fault.E(fault.CodeInternal, "a changed message was accepted")
	case !errors.As(err, &known) || known.Code != fault.CodeInvalidCiphertext:
		return err
	}
	s.TamperedRefused = known.Code
	t.say("refused   the same message with one letter changed: %s", known.Code)
	return nil
}

// carry takes a text from one side to the other and returns its ciphertext.
func (t *Tour) carry(ctx context.Context, from, to, text string) (string, error) {
	sealed, err := t.Client.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: from, Plaintext: []byte(text)})
	if err != nil {
		return "", err
	}
	opened, err := t.Client.Decrypt(ctx, &vaultdv1.DecryptRequest{Key: to, Ciphertext: sealed.GetCiphertext()})
	if err != nil {
		return "", err
	}
	defer secret.Wipe(opened.GetPlaintext())
	if string(opened.GetPlaintext()) != text {
		return "", fault.E(fault.CodeInternal, "%s decrypted something else than %s encrypted", to, from)
	}
	return sealed.GetCiphertext(), nil
}

// changed is the text with one letter in its middle replaced.
func changed(text string) string {
	b := []byte(text)
	i := len(b) / 2
	if b[i] == 'A' {
		b[i] = 'B'
	} else {
		b[i] = 'A'
	}
	return string(b)
}

func (t *Tour) next(symmetric, peer string) {
	t.step("Next")
	t.say("vaultctl key list")
	t.say("echo hello | vaultctl encrypt %s > hello.token", symmetric)
	t.say("vaultctl decrypt %s < hello.token", symmetric)
	t.say("vaultctl owner revoke %s     # destroys its keys; it gets no new ones", peer)
	t.say("vaultctl seal                      # forget every key until the next unseal")
	t.say("vaultctl exchange --help           # the same between two machines")
}

func (t *Tour) step(title string) {
	if !t.Print.JSON {
		fmt.Fprintf(t.Print.Out, "\n%s\n", title)
	}
}

func (t *Tour) say(format string, args ...any) {
	if !t.Print.JSON {
		fmt.Fprintf(t.Print.Out, "   "+format+"\n", args...)
	}
}
