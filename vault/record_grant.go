package vault

import (
	"bytes"
	"encoding/hex"

	"github.com/vaultd/vaultd/vault/store"
)

// maxGrantLen bounds what is kept of one grant, in bytes.
const maxGrantLen = 64 << 10

// grantIDLen is the size of a grant's id, in bytes.
const grantIDLen = 16

// grantRecord is what the vault keeps of a grant, or of the uses that were made
// of one. What the body says is the policy's affair.
type grantRecord struct {
	body    []byte
	version uint64 // of the record in the store
}

func grantRecordID(id string) store.ID { return store.ID{Kind: kindGrant, Path: id} }

func grantUseRecordID(id string) store.ID { return store.ID{Kind: kindGrantUse, Path: id} }

func appendGrant(body []byte) []byte { return append([]byte{recordFormat}, body...) }

// parseGrant reads a record of a grant or of its uses, which lies at the grant's id.
func parseGrant(rec store.Record) (grantRecord, error) {
	if !validGrantID(rec.Path) || len(rec.Body) < 2 || len(rec.Body) > 1+maxGrantLen || rec.Body[0] != recordFormat {
		return grantRecord{}, errMalformed
	}
	return grantRecord{bytes.Clone(rec.Body[1:]), rec.Version}, nil
}

func validGrantID(id string) bool {
	b, err := hex.DecodeString(id)
	return err == nil && len(b) == grantIDLen && hex.EncodeToString(b) == id
}
