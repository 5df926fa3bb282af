package vault

import (
	"encoding/hex"
	"sync"
	"time"

	"github.com/vaultd/vaultd/vault/store"
)

// exchangeID names an exchange. Default exchanges bring theirs; that of a
// compat message is a hash over it.
type exchangeID [exchangeIDLen]byte

// String is 32 hexadecimal digits.
func (id exchangeID) String() string { return hex.EncodeToString(id[:]) }

// parseExchangeID reads the one spelling that String gives.
func parseExchangeID(s string) (exchangeID, bool) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != exchangeIDLen {
		return exchangeID{}, false
	}
	id := exchangeID(b)
	return id, id.String() == s
}

func (id exchangeID) recordID() store.ID { return store.ID{Kind: kindExchange, Path: id.String()} }

// exchanges is the index of exchanges under way and of those remembered. What
// they hold stays in the store.
type exchanges struct {
	mu  sync.Mutex // guards all
	all map[exchangeID]exchangeEntry
}

// exchangeEntry is what the index knows of one exchange.
type exchangeEntry struct {
	owner   string
	state   exchangeState
	expires time.Time
	version uint64 // of its record
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
	x.all[id] = exchangeEntry{e.owner, e.state, e.expires, rec.Version}
	return nil
}
