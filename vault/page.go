package vault

import (
	"encoding/base64"
	"strings"
)

// Sizes of a page of a listing.
const (
	defaultPage = 100
	maxPage     = 1000
)

func pageSize(asked int) (int, error) {
	switch {
	case asked == 0:
		return defaultPage, nil
	case asked < 0 || asked > maxPage:
		return 0, E(CodeBadArgument, "a page has 1 to %d entries", maxPage)
	}
	return asked, nil
}

// A page token holds the last entry that was given, so that a listing goes on
// behind it whatever came or went meanwhile. The list that made it is part of
// it: it fits no other.
func pageToken(list, last string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(list + "\x00" + last))
}

// pageCursor reads a page token; an empty one starts at the beginning.
func pageCursor(list, token string) (string, error) {
	if token == "" {
		return "", nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	of, last, ok := strings.Cut(string(b), "\x00")
	if err != nil || !ok || of != list || last == "" {
		return "", E(CodeBadArgument, "the page token is not of this listing")
	}
	return last, nil
}
