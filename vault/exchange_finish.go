package vault

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/vaultd/vaultd/crypto/exchange"
	"github.com/vaultd/vaultd/crypto/keytype"
	"github.com/vaultd/vaultd/internal/secret"
	"github.com/vaultd/vaultd/vault/store"
)

// FinishExchange brings the peer's last message of an exchange.
type FinishExchange struct {
	Message       []byte
	PeerPublicKey []byte // compat only: the peer's signing key, PEM or DER
	Owner         string // whose exchange it is; may be empty where the message tells it, which a compat one does not
}

// FinishedExchange is the result of an exchange.
type FinishedExchange struct {
	Message         []byte // for the peer, who cannot finish without it; nil when this was the last
	Session         KeyInfo
	PeerFingerprint [32]byte
}

// FinishExchange ends an exchange: for who offered it, with the peer's answer,
// giving the confirmation to send; for who accepted it, with that
// confirmation. The agreed key is stored in the same moment in which the
// exchange is marked as finished. Errors, each with a message of its own:
// exchange_replayed, exchange_not_found, invalid_message, invalid_signature,
// invalid_peer_key, expired, revoked, key_exists.
func (v *Vault) FinishExchange(ctx context.Context, c FinishExchange) (FinishedExchange, error) {
	o, err := v.enter()
	if err != nil {
		return FinishedExchange{}, err
	}
	defer v.mu.RUnlock()
	info, err := exchange.Inspect(c.Message)
	if err != nil {
		return FinishedExchange{}, exchangeError(err)
	}
	o.exchanges.mu.Lock()
	defer o.exchanges.mu.Unlock()
	id := exchangeID{id: info.ID}
	switch info.Kind {
	case exchange.KindCompat:
		return o.finishCompat(ctx, c)
	case exchange.KindAccept:
		id.role = initiator
	case exchange.KindConfirm:
		id.role = responder
	default:
		return FinishedExchange{}, E(CodeInvalidMessage, "this message is an offer, which is accepted, not finished")
	}
	rec, version, err := o.pendingExchange(id, c.Owner)
	if err != nil {
		return FinishedExchange{}, err
	}
	defer secret.Wipe(rec.pending)
	pending, err := exchange.UnmarshalPending(rec.pending)
	if err != nil {
		return FinishedExchange{}, exchangeError(err)
	}
	defer pending.Wipe()
	k, err := o.partyStands(rec)
	if err != nil {
		return FinishedExchange{}, err
	}
	var session *exchange.Session
	var reply []byte
	// The version that signed the first message signs the last one too.
	_, err = o.signingWith(k, rec.version, func(_ exchange.Identity, sign exchange.Signer) (err error) {
		if id.role == initiator {
			reply, session, err = pending.Confirm(c.Message, o.clock.now(), sign)
		} else {
			session, err = pending.Finish(c.Message, o.clock.now())
		}
		return err
	})
	if err != nil {
		return FinishedExchange{}, err
	}
	defer session.Wipe()
	key, err := o.concludeExchange(ctx, rec, conclusion{
		key: session.Key, expires: session.Expires, finished: id, version: version, memory: rec.expires,
	})
	if err != nil {
		return FinishedExchange{}, err
	}
	return FinishedExchange{Message: reply, Session: key, PeerFingerprint: rec.peer}, nil
}

// pendingExchange reads an exchange under way, and the version of its record.
// The caller wipes its pending and holds o.exchanges.mu.
func (o *opened) pendingExchange(id exchangeID, owner string) (*exchangeRecord, uint64, error) {
	e, ok := o.exchanges.all[id]
	switch {
	case !ok || owner != "" && e.owner != owner:
		return nil, 0, E(CodeNoExchange, "no exchange that this message belongs to is under way here")
	case e.state == exchangeFinished:
		return nil, 0, ErrReplayed
	}
	stored, err := o.store.Get(id.recordID())
	if err != nil {
		return nil, 0, storeError(err)
	}
	rec, err := parseExchangeRecord(stored.Body)
	if err != nil || rec.state != exchangePending {
		return nil, 0, storeError(&store.ErrCorrupt{Where: "exchange " + id.String(), What: "its record cannot be read"})
	}
	return rec, stored.Version, nil
}

// partyStands checks again what may have changed since the first message, and
// returns the signing key.
func (o *opened) partyStands(rec *exchangeRecord) (*key, error) {
	if o.discredited(rec.peer) {
		return nil, E(CodeRevoked, "the peer's signing key is revoked")
	}
	if err := o.mayCreate(rec.session); err != nil {
		return nil, err
	}
	return o.ring.lookup(rec.signer)
}

// conclusion is how an exchange ended.
type conclusion struct {
	key      []byte     // agreed on
	expires  time.Time  // of the key; zero leaves it to the ttl of the record
	finished exchangeID // to remember, so that a replay is told
	version  uint64     // of the record that the memory overwrites; 0 for a new one
	memory   time.Time  // until when
	replaces []exchangeID
}

// concludeExchange stores the agreed key and the memory of the exchange in one
// batch. The caller holds o.exchanges.mu.
func (o *opened) concludeExchange(ctx context.Context, rec *exchangeRecord, c conclusion) (KeyInfo, error) {
	typ, ok := keytype.ByID(rec.typ)
	if !ok {
		return KeyInfo{}, fmt.Errorf("session key of unknown type %d: %w", rec.typ, errMalformed)
	}
	now := o.clock.stamp()
	if !c.expires.IsZero() && !now.Before(c.expires) {
		return KeyInfo{}, E(CodeExpired, "the session key has expired before the exchange was finished")
	}
	done := &exchangeRecord{state: exchangeFinished, compat: rec.compat, owner: rec.owner, created: rec.created, expires: c.memory}
	gone := append(o.exchanges.stale(now), c.replaces...)
	n := newborn{
		name: rec.session, typ: typ, origin: OriginExchange, ttl: rec.ttl, noExpiry: rec.ttl == 0,
		material: c.key, expires: c.expires,
		alongside: []store.Put{{ID: c.finished.recordID(), Body: done.append(nil), Expect: c.version}},
		forgotten: recordIDs(gone),
	}
	if err := n.check(); err != nil {
		return KeyInfo{}, err
	}
	info, err := o.bear(ctx, &n)
	if err != nil {
		return KeyInfo{}, err
	}
	o.exchanges.drop(gone)
	o.exchanges.all[c.finished] = done.entry()
	return info, nil
}

// ExchangeOwner tells whose exchange a message belongs to, so that a caller
// can authorize before anything is done with it. A compat message does not say.
func (v *Vault) ExchangeOwner(message []byte) (string, bool) {
	info, err := exchange.Inspect(message)
	if err != nil {
		return "", false
	}
	o, err := v.enter()
	if err != nil {
		return "", false
	}
	defer v.mu.RUnlock()
	role := initiator
	if info.Kind == exchange.KindConfirm {
		role = responder
	}
	o.exchanges.mu.Lock()
	defer o.exchanges.mu.Unlock()
	e, ok := o.exchanges.all[exchangeID{info.ID, role}]
	return e.owner, ok
}

// exchangeError turns an error of package exchange into the one that a user
// sees. Each attack keeps its own words.
func exchangeError(err error) error {
	var domain *Error
	switch {
	case err == nil, errors.As(err, &domain):
		return err
	case errors.Is(err, exchange.ErrReplayed), errors.Is(err, exchange.ErrFinished):
		return ErrReplayed.Because(err)
	case errors.Is(err, exchange.ErrSignature):
		return E(CodeInvalidSignature, "%v", err).Because(err)
	case errors.Is(err, exchange.ErrPeerKey):
		return E(CodeInvalidPeerKey, "%v", err).Because(err)
	case errors.Is(err, exchange.ErrExpired):
		return E(CodeExpired, "%v", err).Because(err)
	case errors.Is(err, exchange.ErrNotYetValid):
		return E(CodeNotYetValid, "%v", err).Because(err)
	case errors.Is(err, exchange.ErrOptions), errors.Is(err, exchange.ErrSigningKey):
		return E(CodeBadArgument, "%v", err).Because(err)
	case errors.Is(err, exchange.ErrState):
		return ErrStoreCorrupt.Because(err)
	}
	for _, known := range []error{
		exchange.ErrFormat, exchange.ErrVersion, exchange.ErrUnknownField, exchange.ErrKind, exchange.ErrWrongExchange,
		exchange.ErrWrongPeer, exchange.ErrWrongRecipient, exchange.ErrReflected, exchange.ErrTampered,
		exchange.ErrPurpose, exchange.ErrSessionType, exchange.ErrGroup,
	} {
		if errors.Is(err, known) {
			return E(CodeInvalidMessage, "%v", err).Because(err)
		}
	}
	return fmt.Errorf("exchange: %w", err)
}

// spkiFingerprint is the fingerprint of a public key.
func spkiFingerprint(spki []byte) [32]byte { return sha256.Sum256(spki) }
