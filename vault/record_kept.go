package vault

import (
	"bytes"
	"encoding/hex"
	"strconv"

	"github.com/vaultd/vaultd/vault/store"
)

// maxKeptLen bounds the body of one kept record, in bytes.
const maxKeptLen = 64 << 10

// grantIDLen is the size of a grant's id, in bytes.
const grantIDLen = 16

// keptRecord is a kept record in memory.
type keptRecord struct {
	body    []byte
	version uint64 // of the record in the store
}

func appendKept(body []byte) []byte { return append([]byte{recordFormat}, body...) }

// parseKept reads a record that the vault keeps for the policy, which lies at
// its id.
func parseKept(rec store.Record) (keptRecord, error) {
	if !validKeptID(rec.Kind, rec.Path) || len(rec.Body) < 2 || len(rec.Body) > 1+maxKeptLen || rec.Body[0] != recordFormat {
		return keptRecord{}, errMalformed
	}
	return keptRecord{bytes.Clone(rec.Body[1:]), rec.Version}, nil
}

// validKeptID reports whether a record of that kind can have that id: grants
// and their uses have a grant's, principals their uid. Each has one spelling.
func validKeptID(kind store.Kind, id string) bool {
	if kind == kindPrincipal {
		uid, err := strconv.ParseUint(id, 10, 32)
		return err == nil && strconv.FormatUint(uid, 10) == id
	}
	b, err := hex.DecodeString(id)
	return err == nil && len(b) == grantIDLen && hex.EncodeToString(b) == id
}
