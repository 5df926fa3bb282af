package fernet_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/vaultd/vaultd/crypto/fernet"
)

// vector is one case of the specification's JSON files.
type vector struct {
	Desc   string
	Token  string
	Now    time.Time
	TTL    int `json:"ttl_sec"`
	IV     []int
	Src    string
	Secret string
}

func vectors(t testing.TB, file string) []vector {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	var v []vector
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	if len(v) == 0 {
		t.Fatalf("%s holds no vectors", file)
	}
	return v
}

func decodeKey(t testing.TB, secret string) []byte {
	t.Helper()
	key, err := fernet.DecodeKey([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestSpecificationGenerate(t *testing.T) {
	for _, v := range vectors(t, "generate.json") {
		iv := make([]byte, len(v.IV))
		for i, b := range v.IV {
			iv[i] = byte(b)
		}
		got, err := fernet.Seal(decodeKey(t, v.Secret), v.Now, bytes.NewReader(iv), []byte(v.Src))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != v.Token {
			t.Errorf("Seal = %s, want %s", got, v.Token)
		}
	}
}

func TestSpecificationVerify(t *testing.T) {
	for _, v := range vectors(t, "verify.json") {
		got, err := fernet.Open(decodeKey(t, v.Secret), v.Now, time.Duration(v.TTL)*time.Second, []byte(v.Token))
		if err != nil || string(got) != v.Src {
			t.Errorf("Open = %q, %v, want %q", got, err, v.Src)
		}
		if made, err := fernet.Time([]byte(v.Token)); err != nil || made.Unix() != v.Now.Unix()-1 {
			t.Errorf("Time = %v, %v", made, err)
		}
	}
}

func TestSpecificationInvalid(t *testing.T) {
	want := map[string]error{
		"far-future TS (unacceptable clock skew)": fernet.ErrFuture,
		"expired TTL": fernet.ErrExpired,
	}
	for _, v := range vectors(t, "invalid.json") {
		t.Run(v.Desc, func(t *testing.T) {
			expected := want[v.Desc]
			if expected == nil {
				expected = fernet.ErrToken
			}
			_, err := fernet.Open(decodeKey(t, v.Secret), v.Now, time.Duration(v.TTL)*time.Second, []byte(v.Token))
			if !errors.Is(err, expected) {
				t.Errorf("Open = %v, want %v", err, expected)
			}
		})
	}
}

var (
	testKey = bytes.Repeat([]byte{7}, fernet.KeySize)
	testNow = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
)

func seal(t testing.TB, made time.Time, plaintext []byte) []byte {
	t.Helper()
	token, err := fernet.Seal(testKey, made, bytes.NewReader(make([]byte, 16)), plaintext)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestAgeLimits(t *testing.T) {
	const ttl = time.Minute
	for _, c := range []struct {
		name string
		made time.Duration // relative to now
		ttl  time.Duration
		want error
	}{
		{"fresh", 0, ttl, nil},
		{"as old as allowed", -ttl, ttl, nil},
		{"a second too old", -ttl - time.Second, ttl, fernet.ErrExpired},
		{"as far ahead as allowed", fernet.MaxClockSkew, ttl, nil},
		{"a second too far ahead", fernet.MaxClockSkew + time.Second, ttl, fernet.ErrFuture},
		{"fractions are dropped", -2 * time.Second, 1900 * time.Millisecond, fernet.ErrExpired},
		{"old, without a limit", -1000 * time.Hour, 0, nil},
		{"ahead, without a limit", 1000 * time.Hour, 0, nil},
		{"longest limit", -1000 * time.Hour, math.MaxInt64, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			token := seal(t, testNow.Add(c.made), []byte("x"))
			if _, err := fernet.Open(testKey, testNow, c.ttl, token); !errors.Is(err, c.want) {
				t.Errorf("Open = %v, want %v", err, c.want)
			}
		})
	}
}

// Time stamps are 64 bits wide: authentic ones near either end must not wrap
// around into something fresh.
func TestAgeDoesNotOverflow(t *testing.T) {
	for _, stamp := range []uint64{1 << 62, math.MaxInt64, math.MaxInt64 + 1, math.MaxUint64 - 30, math.MaxUint64} {
		token := forge(t, stamp)
		for _, ttl := range []time.Duration{time.Second, math.MaxInt64} {
			if _, err := fernet.Open(testKey, testNow, ttl, token); !errors.Is(err, fernet.ErrFuture) {
				t.Errorf("stamp %d, ttl %v: Open = %v, want %v", stamp, ttl, err, fernet.ErrFuture)
			}
		}
		if _, err := fernet.Open(testKey, testNow, 0, token); err != nil {
			t.Errorf("stamp %d without a limit: %v", stamp, err)
		}
		if at, err := fernet.Time(token); err == nil {
			t.Errorf("Time of stamp %d = %v", stamp, at)
		}
	}
	for _, now := range []time.Time{time.Unix(math.MinInt64, 0), time.Unix(math.MaxInt64, 0), {}} {
		if _, err := fernet.Open(testKey, now, time.Second, seal(t, testNow, nil)); err == nil {
			t.Errorf("opened at %v", now)
		}
	}
}

func TestSealRefusesTimesBefore1970(t *testing.T) {
	if _, err := fernet.Seal(testKey, time.Unix(-1, 0), bytes.NewReader(make([]byte, 16)), nil); !errors.Is(err, fernet.ErrClock) {
		t.Errorf("Seal = %v, want %v", err, fernet.ErrClock)
	}
}

func TestSealPassesOnWhatTheRandomSourceSays(t *testing.T) {
	if _, err := fernet.Seal(testKey, testNow, bytes.NewReader(make([]byte, 15)), nil); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Seal = %v, want %v", err, io.ErrUnexpectedEOF)
	}
}

// A wrong version under a right HMAC is refused as well.
func TestOpenRefusesAnotherVersion(t *testing.T) {
	raw := decodeToken(t, seal(t, testNow, []byte("x")))
	raw[0] = 0x81
	if _, err := fernet.Open(testKey, testNow, 0, resign(raw)); !errors.Is(err, fernet.ErrToken) {
		t.Errorf("Open = %v, want %v", err, fernet.ErrToken)
	}
}

func TestOpenRefusesEveryOtherSpelling(t *testing.T) {
	token := seal(t, testNow, []byte("one block")) // 73 bytes, hence "==" at the end
	if token[len(token)-1] != '=' || token[len(token)-2] != '=' {
		t.Fatalf("token %s does not end in two padding characters", token)
	}
	last := token[len(token)-3]
	spellings := map[string][]byte{
		"no padding":             token[:len(token)-2],
		"half the padding":       token[:len(token)-1],
		"more padding":           append(bytes.Clone(token), '='),
		"trailing newline":       append(bytes.Clone(token), '\n'),
		"carriage return inside": append(append(bytes.Clone(token[:40]), '\r'), token[40:]...),
		"newline in front":       append([]byte("\n"), token...),
		"trailing space":         append(bytes.Clone(token), ' '),
		"unused bits set":        append(append(bytes.Clone(token[:len(token)-3]), last+1), '=', '='),
		"followed by another":    append(bytes.Clone(token), token...),
		"empty":                  nil,
	}
	for name, spelling := range spellings {
		if _, err := fernet.Open(testKey, testNow, 0, spelling); !errors.Is(err, fernet.ErrToken) {
			t.Errorf("%s: Open = %v, want %v", name, err, fernet.ErrToken)
		}
	}
	if _, err := fernet.Open(testKey, testNow, 0, token); err != nil {
		t.Errorf("the one spelling: %v", err)
	}
}

func TestOpenRefusesEveryChangedBit(t *testing.T) {
	raw := decodeToken(t, seal(t, testNow, []byte("attack at dawn")))
	for i := range len(raw) * 8 {
		changed := bytes.Clone(raw)
		changed[i/8] ^= 1 << (i % 8)
		if _, err := fernet.Open(testKey, testNow, 0, encodeToken(changed)); !errors.Is(err, fernet.ErrToken) {
			t.Errorf("bit %d changed: Open = %v, want %v", i, err, fernet.ErrToken)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(rapid.Byte(), fernet.KeySize, fernet.KeySize).Draw(t, "key")
		iv := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "iv")
		plaintext := rapid.SliceOf(rapid.Byte()).Draw(t, "plaintext")
		made := time.Unix(rapid.Int64Range(0, 253402300799).Draw(t, "made"), 0)
		key, err := fernet.NewKey(raw)
		if err != nil {
			t.Fatal(err)
		}
		token, err := key.Seal([]byte("kept:"), made, bytes.NewReader(iv), plaintext)
		if err != nil {
			t.Fatal(err)
		}
		token, ok := bytes.CutPrefix(token, []byte("kept:"))
		if !ok {
			t.Fatal("Seal does not append")
		}
		opened, err := key.Open([]byte("kept:"), made, time.Second, token)
		if err != nil || !bytes.Equal(opened, append([]byte("kept:"), plaintext...)) {
			t.Fatalf("Open = %x, %v", opened, err)
		}
		if at, err := fernet.Time(token); err != nil || !at.Equal(made) {
			t.Fatalf("Time = %v, %v, want %v", at, err, made)
		}
		other := bytes.Clone(raw)
		other[rapid.IntRange(0, 15).Draw(t, "byte")] ^= 1
		if _, err := fernet.Open(other, made, 0, token); !errors.Is(err, fernet.ErrToken) {
			t.Fatalf("opened with another key: %v", err)
		}
	})
}

func TestKeyCoding(t *testing.T) {
	encoded, err := fernet.EncodeKey(testKey)
	if err != nil || len(encoded) != fernet.EncodedKeySize {
		t.Fatalf("EncodeKey = %s, %v", encoded, err)
	}
	if back, err := fernet.DecodeKey(encoded); err != nil || !bytes.Equal(back, testKey) {
		t.Errorf("DecodeKey = %x, %v", back, err)
	}
	for name, bad := range map[string]string{
		"empty":             "",
		"no padding":        "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4",
		"unused bits set":   "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e5=",
		"standard alphabet": "cw/0x689RpI+jtRR7oE8h/eQsKImvJapLeSbXpwF4e4=",
		"trailing newline":  "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=\n",
		"newline inside":    "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e\n=",
		"31 bytes":          "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
		"33 bytes":          "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	} {
		if _, err := fernet.DecodeKey([]byte(bad)); !errors.Is(err, fernet.ErrKey) {
			t.Errorf("%s: DecodeKey = %v, want %v", name, err, fernet.ErrKey)
		}
	}
	for _, n := range []int{0, 16, 31, 33} {
		if _, err := fernet.NewKey(make([]byte, n)); !errors.Is(err, fernet.ErrKey) {
			t.Errorf("NewKey of %d bytes = %v", n, err)
		}
		if _, err := fernet.EncodeKey(make([]byte, n)); !errors.Is(err, fernet.ErrKey) {
			t.Errorf("EncodeKey of %d bytes = %v", n, err)
		}
	}
}

func forge(t testing.TB, stamp uint64) []byte {
	raw := decodeToken(t, seal(t, testNow, nil))
	binary.BigEndian.PutUint64(raw[1:], stamp)
	return resign(raw)
}
