//go:build linux

package secrets

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vaultd/vaultd/test/rig"
)

// needle is something that must not be found, in one of its forms.
type needle struct {
	what  string
	bytes []byte
}

// windowSize is how many bytes of a secret count as finding it.
const windowSize = 12

// material makes needles of key bytes: parts from the start, the middle and
// the end, each raw, hexadecimal, and base64 at every alignment.
func material(what string, secret []byte) []needle {
	var all []needle
	for _, at := range []int{0, (len(secret) - windowSize) / 2, len(secret) - windowSize} {
		part := secret[at : at+windowSize]
		all = append(all, needle{what + ", raw", part},
			needle{what + ", hex", []byte(hex.EncodeToString(part))},
			needle{what + ", HEX", []byte(strings.ToUpper(hex.EncodeToString(part)))})
		for shift := range 3 {
			padded := append(make([]byte, shift), part...)
			for name, encoding := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
				text := encoding.EncodeToString(padded)
				all = append(all, needle{what + ", " + name, []byte(text[4 : len(text)-2])})
			}
		}
	}
	return all
}

// text makes needles of a name or password, as it is and in UTF-16.
func text(what, s string) []needle {
	var wide []byte
	for _, r := range []byte(s) {
		wide = append(wide, r, 0)
	}
	return append(material(what, []byte(s)), needle{what, []byte(s)}, needle{what + ", UTF-16", wide})
}

// search reports every needle in a haystack.
func search(t *testing.T, where string, haystack []byte, needles []needle) {
	t.Helper()
	for what := range find(haystack, needles) {
		t.Errorf("%s holds the %s", where, what)
	}
}

// find is what of the needles is in a haystack. Spaces and line ends don't
// hide one, as in PEM.
func find(haystack []byte, needles []needle) map[string]bool {
	joined := haystack
	if bytes.ContainsAny(haystack, "\n\r ") {
		joined = bytes.Join(bytes.Fields(haystack), nil)
	}
	found := map[string]bool{}
	for _, n := range needles {
		if bytes.Contains(haystack, n.bytes) || bytes.Contains(joined, n.bytes) {
			found[n.what] = true
		}
	}
	return found
}

// withoutNames leaves out the names of owners and keys, which the audit log tells.
func withoutNames(needles []needle) []needle {
	return slices.DeleteFunc(slices.Clone(needles), func(n needle) bool {
		return strings.Contains(rig.GalleryOwner, string(n.bytes)) || strings.Contains(rig.GalleryKey, string(n.bytes))
	})
}

// searchTree searches every file below the directories, and their names.
func searchTree(t *testing.T, when string, dirs []string, needles []needle) {
	t.Helper()
	files := 0
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if path != dir {
				search(t, when+": the name of "+path, []byte(entry.Name()), needles)
			}
			if !entry.Type().IsRegular() {
				return nil
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			files++
			wanted := needles
			if strings.HasPrefix(entry.Name(), "audit-") {
				wanted = withoutNames(needles)
			}
			search(t, when+": "+path, data, wanted)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 5 {
		t.Errorf("%s: only %d files to search", when, files)
	}
}

// The search itself must be able to find.
func TestSearchFinds(t *testing.T) {
	secret := []byte("0123456789abcdefghijklmnopqrstuv")
	needles := material("secret", secret)
	for what, haystack := range map[string][]byte{
		"raw":    slices.Concat([]byte("xyz"), secret, []byte("xyz")),
		"hex":    []byte(hex.EncodeToString(slices.Concat([]byte("xyz"), secret))),
		"HEX":    []byte(strings.ToUpper(hex.EncodeToString(secret))),
		"base64": []byte(base64.StdEncoding.EncodeToString(slices.Concat([]byte("a"), secret, []byte("b")))),
		"url":    []byte(base64.URLEncoding.EncodeToString(slices.Concat([]byte("ab"), secret))),
		"PEM":    []byte(strings.Join(strings.SplitAfter(base64.StdEncoding.EncodeToString(secret), "Mz"), "\n")),
		"part":   secret[10:23],
	} {
		if len(find(haystack, needles)) == 0 {
			t.Errorf("the search does not find a secret as %s", what)
		}
	}
}
