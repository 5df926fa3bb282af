package vault

import (
	"strconv"
	"strings"
	"time"

	"github.com/vaultd/vaultd/vault/store"
)

// The record of a registered ciphertext is at its key's id and the number of its
// place. A place that is free again is overwritten, never deleted.

func tokenRecordID(id KeyID, n uint32) store.ID {
	return store.ID{Kind: kindToken, Path: versionPath(id, n)}
}

func appendToken(b []byte, s place) []byte {
	b = append(b, recordFormat)
	b = appendU32(b, s.version)
	b = append(b, s.token[:]...)
	var since time.Time
	if s.version != 0 {
		since = time.UnixMicro(s.since)
	}
	return appendTime(b, since)
}

// parseToken reads the body; a place is wholly free or wholly taken.
func parseToken(b []byte) (place, error) {
	r := &reader{b: b}
	r.check(r.u8() == recordFormat)
	s := place{version: r.u32(), token: r.array32()}
	since := r.time()
	r.check(s.version <= MaxVersions && (s.version == 0) == since.IsZero() && (s.version == 0) == (s.token == token{}))
	if err := r.done(); err != nil {
		return place{}, err
	}
	if s.version != 0 {
		s.since = since.UnixMicro()
	}
	return s, nil
}

// parseTokenPath reads what tokenRecordID writes, and nothing else.
func parseTokenPath(path string) (string, uint32, error) {
	id, digits, _ := strings.Cut(path, "/")
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil || n >= maxPlaces || strconv.FormatUint(n, 10) != digits {
		return "", 0, errMalformed
	}
	return id, uint32(n), nil
}
