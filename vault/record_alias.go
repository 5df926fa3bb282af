package vault

import (
	"strings"
	"time"

	"github.com/vaultd/vaultd/vault/store"
)

// aliasRecord says where an alias points. It is at the alias's own name, so that
// moving it is one put: what is on disk is the old key or the new one.
type aliasRecord struct {
	key     Name
	created time.Time
	moved   time.Time // zero while it points to its first key
}

func aliasRecordID(n Name) store.ID { return store.ID{Kind: kindAlias, Path: n.String()} }

func (a *aliasRecord) append(b []byte) []byte {
	b = append(b, recordFormat)
	b = appendStr8(b, a.key.key) // of the alias's own owner
	b = appendTime(b, a.created)
	return appendTime(b, a.moved)
}

// parseAliasRecord reads the body of the record at path.
func parseAliasRecord(path string, b []byte) (Name, *aliasRecord, error) {
	owner, name, _ := strings.Cut(path, "/")
	n, err := MakeName(owner, name)
	if err != nil {
		return Name{}, nil, errMalformed
	}
	r := &reader{b: b}
	r.check(r.u8() == recordFormat)
	key := r.str8()
	a := &aliasRecord{created: r.time(), moved: r.time()}
	r.check(!a.created.IsZero() && validKeyName(key) && key != n.key)
	if err := r.done(); err != nil {
		return Name{}, nil, err
	}
	a.key = Name{owner: n.owner, key: key}
	return n, a, nil
}
