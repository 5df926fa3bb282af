package vault

import (
	"context"

	"github.com/vaultd/vaultd/crypto/exchange"
	"github.com/vaultd/vaultd/internal/secret"
)

// The compat exchange has the messages of the original system, which bind
// neither identities nor purpose nor time. docs/PROTOCOL.md says what that
// leaves open.

// offerCompat makes the first message. The caller holds o.exchanges.mu.
func (o *opened) offerCompat(ctx context.Context, p *party, group string) (ExchangeMessage, error) {
	if group != "" && group != "ffdh-2048" {
		return ExchangeMessage{}, E(CodeBadArgument, "a compat exchange is over ffdh-2048, not %q", clip(group))
	}
	var text []byte
	var pending *exchange.CompatPending
	version, err := o.signing(p, func(self exchange.Identity, sign exchange.Signer) (err error) {
		text, pending, err = exchange.CompatOffer(exchange.CompatOptions{SPKI: self.SPKI, Sign: sign, Random: o.random})
		return err
	})
	if err != nil {
		return ExchangeMessage{}, err
	}
	defer pending.Wipe()
	var replaces []exchangeID
	if old, ok := o.exchanges.compatOffer(p.SessionKey.owner, p.peer); ok {
		replaces = []exchangeID{old}
	}
	return o.keepPending(ctx, p, version, compatExchangeID(text, initiator), pending, text, replaces...)
}

// acceptCompat answers an offer and stores the key at once. The caller holds
// o.exchanges.mu.
func (o *opened) acceptCompat(ctx context.Context, p *party, message []byte) (ExchangeMessage, error) {
	if p.spki == nil {
		return ExchangeMessage{}, E(CodeBadArgument, "a compat exchange needs the peer's signing key itself")
	}
	id := compatExchangeID(message, responder)
	if _, seen := o.exchanges.all[id]; seen {
		return ExchangeMessage{}, ErrReplayed
	}
	var text, agreed []byte
	version, err := o.signing(p, func(self exchange.Identity, sign exchange.Signer) (err error) {
		text, agreed, err = exchange.CompatAccept(message, exchange.CompatOptions{
			SPKI: self.SPKI, Sign: sign, PeerSPKI: p.spki, Info: compatInfo(p.Purpose), Random: o.random,
		})
		return err
	})
	if err != nil {
		return ExchangeMessage{}, err
	}
	defer secret.Wipe(agreed)
	now := o.clock.stamp()
	rec := &exchangeRecord{
		state: exchangePending, compat: true, owner: p.SessionKey.owner, created: now,
		session: p.SessionKey, typ: p.typ.ID, ttl: p.SessionTTL, peer: p.peer,
	}
	key, err := o.concludeExchange(ctx, rec, conclusion{key: agreed, finished: id, memory: now.Add(compatMemory)})
	if err != nil {
		return ExchangeMessage{}, err
	}
	return ExchangeMessage{Message: text, ID: id.String(), Session: &key, Signer: version}, nil
}

// finishCompat takes the answer to an offer. The caller holds o.exchanges.mu.
func (o *opened) finishCompat(ctx context.Context, c FinishExchange) (FinishedExchange, error) {
	if c.Owner == "" {
		return FinishedExchange{}, E(CodeBadArgument, "a compat message does not say whose exchange it belongs to: name the owner")
	}
	if len(c.PeerPublicKey) == 0 {
		return FinishedExchange{}, E(CodeBadArgument, "a compat exchange needs the peer's signing key itself")
	}
	spki, err := publicKeyDER(c.PeerPublicKey)
	if err != nil {
		return FinishedExchange{}, err
	}
	answer := compatExchangeID(c.Message, initiator)
	if _, seen := o.exchanges.all[answer]; seen {
		return FinishedExchange{}, ErrReplayed
	}
	offer, ok := o.exchanges.compatOffer(c.Owner, spkiFingerprint(spki))
	if !ok {
		return FinishedExchange{}, E(CodeNoExchange, "owner %s has no compat exchange with this peer under way", clip(c.Owner))
	}
	rec, _, err := o.pendingExchange(offer, c.Owner)
	if err != nil {
		return FinishedExchange{}, err
	}
	defer secret.Wipe(rec.pending)
	now := o.clock.stamp()
	if !now.Before(rec.expires) {
		return FinishedExchange{}, E(CodeExpired, "the exchange has expired").WithHint("offer it again")
	}
	k, err := o.partyStands(rec)
	if err != nil {
		return FinishedExchange{}, err
	}
	// Nothing is signed any more, but the key that did must still stand.
	if _, err := o.signingWith(k, rec.version, func(exchange.Identity, exchange.Signer) error { return nil }); err != nil {
		return FinishedExchange{}, err
	}
	pending, err := exchange.UnmarshalCompatPending(rec.pending)
	if err != nil {
		return FinishedExchange{}, exchangeError(err)
	}
	defer pending.Wipe()
	agreed, err := pending.Finish(c.Message, spki, compatInfo(rec.info))
	if err != nil {
		return FinishedExchange{}, exchangeError(err)
	}
	defer secret.Wipe(agreed)
	key, err := o.concludeExchange(ctx, rec, conclusion{
		key: agreed, finished: answer, memory: now.Add(compatMemory), replaces: []exchangeID{offer},
	})
	if err != nil {
		return FinishedExchange{}, err
	}
	return FinishedExchange{Session: key, PeerFingerprint: rec.peer}, nil
}

// compatInfo is the info of HKDF: nil, which is the original's, unless a
// purpose is named.
func compatInfo(purpose string) []byte {
	if purpose == "" {
		return nil
	}
	return []byte(purpose)
}
