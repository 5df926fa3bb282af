package keytype_test

import (
	"bytes"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/vaultd/vaultd/crypto/keytype"
)

func TestGuessable(t *testing.T) {
	counting := make([]byte, 64)
	for i := range counting {
		counting[i] = byte(3 * i)
	}
	for name, material := range map[string][]byte{
		"zeros":            make([]byte, 32),
		"one byte":         bytes.Repeat([]byte{7}, 64),
		"two bytes":        bytes.Repeat([]byte{7, 8}, 16),
		"half, twice":      bytes.Repeat([]byte("0123456789abcdef"), 2),
		"a word, not even": []byte(strings.Repeat("secret", 6)[:32]),
		"counting":         counting[:32],
		"few values":       []byte("aabbabababbaabbababbabababaaabab"),
	} {
		if keytype.Guessable(material) == "" {
			t.Errorf("%s: not noticed", name)
		}
	}
	random := make([]byte, 32)
	for range 1000 {
		if _, err := rand.Read(random); err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{14, 16, 32} {
			if why := keytype.Guessable(random[:n]); why != "" {
				t.Fatalf("%x: %s", random[:n], why)
			}
		}
	}
}
