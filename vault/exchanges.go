package vault

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/vaultd/vaultd/vault/store"
)

const (
	// maxExchanges bounds what one owner may have under way.
	maxExchanges = 256
	// exchangeMargin is how much longer than its messages are valid a
	// finished exchange is remembered: twice what clocks may differ by.
	exchangeMargin = 10 * time.Minute
	// compatMemory is how long a finished compat exchange is remembered. Its
	// messages never expire, so that there is no right time.
	compatMemory = 30 * 24 * time.Hour
)

// exchangeID names one side of an exchange: both sides can be in one vault.
// Default exchanges bring their id; that of a compat message is a hash over it.
type exchangeID struct {
	id   [exchangeIDLen]byte
	role byte
}

// The roles.
const (
	initiator byte = 'i'
	responder byte = 'r'
)

// compatExchangeID names a compat exchange by a message of it.
func compatExchangeID(message []byte, role byte) exchangeID {
	h := sha256.New()
	h.Write([]byte("vaultd/1/exchange/compat\x00"))
	// Mail may have changed the ends of lines, which the protocol forgives.
	h.Write([]byte(strings.TrimSpace(strings.ReplaceAll(string(message), "\r\n", "\n"))))
	return exchangeID{[exchangeIDLen]byte(h.Sum(nil)), role}
}

// String is 32 hexadecimal digits, as users see it.
func (x exchangeID) String() string { return hex.EncodeToString(x.id[:]) }

func (x exchangeID) path() string { return x.String() + "/" + string(rune(x.role)) }

func (x exchangeID) recordID() store.ID { return store.ID{Kind: kindExchange, Path: x.path()} }

// parseExchangeID reads the one spelling that path gives.
func parseExchangeID(path string) (exchangeID, bool) {
	digits, role, ok := strings.Cut(path, "/")
	b, err := hex.DecodeString(digits)
	if !ok || err != nil || len(b) != exchangeIDLen || role != string(rune(initiator)) && role != string(rune(responder)) {
		return exchangeID{}, false
	}
	x := exchangeID{[exchangeIDLen]byte(b), role[0]}
	return x, x.path() == path
}

// exchanges is the index of exchanges under way and of those remembered. What
// they hold stays in the store.
type exchanges struct {
	mu  sync.Mutex // guards all, and serialises the steps of exchanges
	all map[exchangeID]exchangeEntry
}

// exchangeEntry is what the index knows of one exchange.
type exchangeEntry struct {
	owner   string
	state   exchangeState
	compat  bool
	peer    [32]byte
	expires time.Time
}

func newExchanges() *exchanges { return &exchanges{all: make(map[exchangeID]exchangeEntry)} }

// load takes one record at unseal.
func (x *exchanges) load(rec store.Record) error {
	e, err := parseExchangeRecord(rec.Body)
	if err != nil {
		return err
	}
	id, ok := parseExchangeID(rec.Path)
	if !ok {
		return errMalformed
	}
	x.all[id] = e.entry()
	return nil
}

func (x *exchangeRecord) entry() exchangeEntry {
	return exchangeEntry{x.owner, x.state, x.compat, x.peer, x.expires}
}

// stale lists what is past its time. The caller holds x.mu, and drops it from
// the index when it is gone from the store.
func (x *exchanges) stale(now time.Time) (ids []exchangeID) {
	for id, e := range x.all {
		if now.After(e.expires.Add(exchangeMargin)) {
			ids = append(ids, id)
		}
	}
	return ids
}

// forgetStale drops, at unseal, what is past its time, ephemeral keys among it.
func (o *opened) forgetStale(log *slog.Logger) {
	o.exchanges.mu.Lock()
	defer o.exchanges.mu.Unlock()
	gone := o.exchanges.stale(o.clock.now())
	if len(gone) == 0 {
		return
	}
	if err := o.commit(context.Background(), store.Batch{Deletes: recordIDs(gone)}); err != nil {
		log.Warn("expired exchanges could not be forgotten yet", "error", err)
		return
	}
	o.exchanges.drop(gone)
}

func recordIDs(ids []exchangeID) []store.ID {
	out := make([]store.ID, len(ids))
	for i, id := range ids {
		out[i] = id.recordID()
	}
	return out
}

// pendingOf counts what an owner has under way. The caller holds x.mu.
func (x *exchanges) pendingOf(owner string) (n int) {
	for _, e := range x.all {
		if e.state == exchangePending && e.owner == owner {
			n++
		}
	}
	return n
}

// compatOffer finds an owner's compat offer to a peer. The caller holds x.mu.
func (x *exchanges) compatOffer(owner string, peer [32]byte) (exchangeID, bool) {
	for id, e := range x.all {
		if e.compat && e.state == exchangePending && e.owner == owner && e.peer == peer {
			return id, true
		}
	}
	return exchangeID{}, false
}
