package fernet_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"testing"

	"github.com/vaultd/vaultd/crypto/fernet"
)

// decodeToken, encodeToken and resign take a token apart and put it together
// again, so that a test can hold a key and still make what no Seal makes.
func decodeToken(t testing.TB, token []byte) []byte {
	t.Helper()
	raw, err := base64.URLEncoding.DecodeString(string(token))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func encodeToken(raw []byte) []byte { return base64.URLEncoding.AppendEncode(nil, raw) }

func resign(raw []byte) []byte {
	body := raw[:len(raw)-sha256.Size]
	h := hmac.New(sha256.New, testKey[:16])
	h.Write(body)
	return encodeToken(h.Sum(body))
}

// FuzzOpen re-signs whatever it is given as well, so that the code behind the
// HMAC is reached: nothing authentic may make it panic or read beyond a block.
func FuzzOpen(f *testing.F) {
	f.Add(seal(f, testNow, []byte("hello")))
	for _, file := range []string{"verify.json", "invalid.json"} {
		for _, v := range vectors(f, file) {
			f.Add([]byte(v.Token))
		}
	}
	f.Fuzz(func(t *testing.T, token []byte) {
		if plaintext, err := fernet.Open(testKey, testNow, 0, token); err == nil {
			if got := encodeToken(decodeToken(t, token)); string(got) != string(token) {
				t.Errorf("accepted %q for %q, which holds %q", token, got, plaintext)
			}
		}
		if made, err := fernet.Time(token); err == nil && (made.Year() < 1970 || made.Year() > 9999) {
			t.Errorf("%q was made in %v", token, made)
		}
		raw, err := base64.URLEncoding.DecodeString(string(token))
		if err != nil || len(raw) < sha256.Size {
			return
		}
		plaintext, err := fernet.Open(testKey, testNow, 0, resign(raw))
		if err == nil && len(plaintext) >= len(raw)-57 {
			t.Errorf("%d bytes of plaintext from a token of %d", len(plaintext), len(raw))
		}
	})
}

func FuzzDecodeKey(f *testing.F) {
	f.Add([]byte("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="))
	f.Add([]byte("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e5="))
	f.Fuzz(func(t *testing.T, encoded []byte) {
		key, err := fernet.DecodeKey(encoded)
		if err != nil {
			return
		}
		back, err := fernet.EncodeKey(key)
		if err != nil || string(back) != string(encoded) {
			t.Errorf("%q is another spelling of %q (%v)", encoded, back, err)
		}
	})
}
