package exchange

import (
	"bytes"
	"time"

	"github.com/vaultd/vaultd/crypto/keyenc"
)

// Info is what a message says about itself. Nothing in it is verified: use it
// to find the exchange that the message belongs to, and to show a person what
// has arrived.
type Info struct {
	Kind Kind
	// ID of the exchange; zero for KindCompat.
	ID [16]byte
	// From is the sender, in offer and accept.
	From Identity
	// Recipient is the fingerprint of the signing key that an offer is for.
	Recipient [32]byte
	// Terms and Expires are those of an offer.
	Terms   Terms
	Expires time.Time
	// Created is when the message says that it was made.
	Created time.Time
}

// Inspect reads a message of either protocol without believing it. It returns
// ErrFormat, ErrVersion or ErrUnknownField for what is not one.
func Inspect(text []byte) (*Info, error) {
	if isCompat(text) {
		if _, err := parseCompat(text); err != nil {
			return nil, err
		}
		return &Info{Kind: KindCompat}, nil
	}
	m, err := parseAnyText(text)
	if err != nil {
		return nil, err
	}
	info := &Info{Kind: m.kind, ID: m.id(), Created: m.time(tagCreated)}
	if m.kind != KindConfirm {
		info.From = Identity{Name: string(m.fields[tagName]), SPKI: bytes.Clone(m.fields[tagSPKI])}
	}
	if m.kind == KindOffer {
		info.Recipient = [32]byte(m.fields[tagRecipient])
		info.Terms = m.terms()
		info.Expires = m.time(tagExpires)
	}
	return info, nil
}

func isCompat(text []byte) bool {
	return bytes.HasPrefix(bytes.TrimSpace(text), []byte("-----BEGIN "+keyenc.LabelPublic+"-----"))
}
