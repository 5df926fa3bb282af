package bip39_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/vaultd/vaultd/crypto/bip39"
)

func TestListIsTheOfficialOne(t *testing.T) {
	b, err := os.ReadFile("english.txt")
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda" {
		t.Errorf("SHA-256 %x", sum)
	}
}

func TestOfficialVectors(t *testing.T) {
	text, err := os.ReadFile("testdata/vectors.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		n++
		entropy, words, _ := strings.Cut(strings.TrimSpace(line), " ")
		want, err := hex.DecodeString(entropy)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := bip39.Encode(want); err != nil || string(got) != words {
			t.Errorf("%s: %q, %v", entropy, got, err)
		}
		if got, err := bip39.Decode([]byte(words)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%q: %x, %v", words, got, err)
		}
	}
	if n < 20 {
		t.Errorf("%d vectors", n)
	}
}

func TestSlipsOfThePenAreTold(t *testing.T) {
	words, err := bip39.Encode(bytes.Repeat([]byte{0x5a}, 32))
	if err != nil {
		t.Fatal(err)
	}
	each := strings.Fields(string(words))
	with := func(i int, w string) string {
		c := append([]string(nil), each...)
		c[i] = w
		return strings.Join(c, " ")
	}
	for name, c := range map[string]struct {
		words string
		want  error
	}{
		"as printed":        {string(words), nil},
		"in capitals":       {strings.ToUpper(string(words)), nil},
		"over lines":        {"\n\t " + strings.ReplaceAll(string(words), " ", " \r\n  ") + "\n", nil},
		"a word missing":    {strings.Join(each[:23], " "), bip39.ErrCount},
		"a word more":       {string(words) + " abandon", bip39.ErrCount},
		"nothing":           {"", bip39.ErrCount},
		"far too long":      {strings.Repeat("abandon ", 1000), bip39.ErrCount},
		"the wrong word":    {with(23, map[bool]string{true: "zoo", false: "abandon"}[each[23] == "abandon"]), bip39.ErrChecksum},
		"no word":           {with(6, "wrod"), &bip39.WordError{Position: 7}},
		"bytes of no text":  {with(0, "\xff\x00"), &bip39.WordError{Position: 1}},
		"a letter too many": {with(2, each[2]+"s"), &bip39.WordError{Position: 3}},
	} {
		_, err := bip39.Decode([]byte(c.words))
		var got, want *bip39.WordError
		if errors.As(c.want, &want) {
			if !errors.As(err, &got) || got.Position != want.Position {
				t.Errorf("%s: %v", name, err)
			}
		} else if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, n := range []int{0, 15, 17, 33, 36} {
		if _, err := bip39.Encode(make([]byte, n)); !errors.Is(err, bip39.ErrSize) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about"))
	f.Fuzz(func(t *testing.T, words []byte) {
		b, err := bip39.Decode(words)
		if err != nil {
			return
		}
		again, err := bip39.Encode(b)
		if err != nil || !bytes.Equal(again, bytes.Join(bytes.Fields(bytes.ToLower(words)), []byte(" "))) {
			t.Fatalf("%q became %q, %v", words, again, err)
		}
	})
}
