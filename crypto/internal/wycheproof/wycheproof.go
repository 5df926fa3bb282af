// Package wycheproof reads the Wycheproof test vectors that lie in its
// testdata directory. Only tests import it.
package wycheproof

import (
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"testing"
)

//go:embed testdata/*.json
var files embed.FS

// Bytes are written in hexadecimal.
type Bytes []byte

// UnmarshalText reads hexadecimal digits.
func (b *Bytes) UnmarshalText(text []byte) (err error) {
	*b, err = hex.AppendDecode(nil, text)
	return err
}

// Case is what the cases of all algorithms have in common.
type Case struct {
	ID      int      `json:"tcId"`
	Comment string   `json:"comment"`
	Flags   []string `json:"flags"`
	Result  string   `json:"result"` // "valid", "invalid" or "acceptable"
}

// String names the case in a failure.
func (c Case) String() string {
	return fmt.Sprintf("case %d (%s, %s, %v)", c.ID, c.Result, c.Comment, c.Flags)
}

// Valid reports whether the case must be accepted. "Acceptable" ones, for
// which the vectors leave the choice, must be refused: no caller needs them.
func (c Case) Valid() bool { return c.Result == "valid" }

// Load returns the groups of testdata/name_test.json, and fails the test when
// there are none.
func Load[Group any](t testing.TB, name string) []Group {
	t.Helper()
	data, err := files.ReadFile("testdata/" + name + "_test.json")
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		Groups []Group `json:"testGroups"`
	}
	if err := json.Unmarshal(data, &f); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if len(f.Groups) == 0 {
		t.Fatalf("%s holds no groups", name)
	}
	return f.Groups
}
