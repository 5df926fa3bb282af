package shares

import (
	"bytes"
	"errors"
	"math/bits"
	"strings"
	"testing"
)

// subset picks the shares whose bits are set.
func subset(all []Share, mask uint) []Share {
	var some []Share
	for i := range all {
		if mask>>i&1 == 1 {
			some = append(some, all[i])
		}
	}
	return some
}

func TestEveryEnoughShareOpensAndFewerDoNot(t *testing.T) {
	for n := 2; n <= 6; n++ {
		for k := 2; k <= n; k++ {
			secret, all, err := Split(n, k)
			if err != nil {
				t.Fatal(err)
			}
			if len(all) != n || len(secret) != SecretLen {
				t.Fatalf("%d of %d: %d shares, a secret of %d bytes", k, n, len(all), len(secret))
			}
			for mask := uint(1); mask < 1<<n; mask++ {
				got, err := Combine(subset(all, mask))
				switch {
				case bits.OnesCount(mask) < k:
					if !errors.Is(err, ErrTooFew) {
						t.Fatalf("%d of %d, subset %b: %v", k, n, mask, err)
					}
				case err != nil || !bytes.Equal(got, secret):
					t.Fatalf("%d of %d, subset %b: a wrong secret, %v", k, n, mask, err)
				}
			}
		}
	}
}

// A threshold that was forged to be lower combines to something else.
func TestFewerWithAForgedThresholdOpenNothing(t *testing.T) {
	secret, all, err := Split(5, 3)
	if err != nil {
		t.Fatal(err)
	}
	two := all[1:3]
	for i := range two {
		two[i].Threshold = 2
	}
	if got, err := Combine(two); err != nil || bytes.Equal(got, secret) {
		t.Fatalf("two of three: the secret, or %v", err)
	}
}

func TestSharesAreInAnyOrder(t *testing.T) {
	secret, all, err := Split(5, 3)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Combine([]Share{all[4], all[0], all[2]})
	if err != nil || !bytes.Equal(got, secret) {
		t.Fatal("not the secret", err)
	}
}

func TestMixedSharesAreTold(t *testing.T) {
	_, a, _ := Split(3, 2)
	_, b, _ := Split(3, 2)
	_, c, _ := Split(4, 3)
	for name, some := range map[string][]Share{
		"two sets": {a[0], b[1]}, "one twice": {a[0], a[0]}, "two thresholds": {a[0], c[1]}, "index 0": {a[0], {Set: a[0].Set, Threshold: 2}},
	} {
		if _, err := Combine(some); !errors.Is(err, ErrMixed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	set := SetOf(a)
	if err := set.Check(&b[0]); !errors.Is(err, ErrOtherSet) {
		t.Error(err)
	}
	for i := range a {
		if err := set.Check(&a[i]); err != nil {
			t.Errorf("share %d: %v", i+1, err)
		}
	}
}

func TestAlteredShareIsTold(t *testing.T) {
	_, all, _ := Split(3, 2)
	set := SetOf(all)
	for name, alter := range map[string]func(*Share){
		"value": func(s *Share) { s.value[0] ^= 1 }, "index": func(s *Share) { s.Index = 3 },
		"no such index": func(s *Share) { s.Index = 4 }, "threshold": func(s *Share) { s.Threshold = 3 },
	} {
		s := all[0]
		alter(&s)
		if err := set.Check(&s); !errors.Is(err, ErrAltered) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBounds(t *testing.T) {
	for _, c := range [][2]int{{1, 1}, {3, 1}, {2, 3}, {17, 3}, {0, 0}, {-1, -1}} {
		if _, _, err := Split(c[0], c[1]); !errors.Is(err, ErrBounds) {
			t.Errorf("%d shares, %d open: %v", c[0], c[1], err)
		}
	}
	if _, _, err := Split(MaxShares, MaxShares); err != nil {
		t.Error(err)
	}
}

func TestTextRoundTripToleratesHands(t *testing.T) {
	_, all, _ := Split(3, 2)
	text := string(all[1].AppendText(nil))
	if len(text) != letters+letters/groupLen-1 {
		t.Fatalf("%d characters", len(text))
	}
	for _, hand := range []string{text, strings.ToLower(text), strings.ReplaceAll(text, "-", " "), strings.ReplaceAll(text, "-", ""), "  " + strings.ReplaceAll(text, "-", "\n") + "\r\n"} {
		got, err := Parse([]byte(hand))
		if err != nil || got != all[1] {
			t.Errorf("%q: %v", hand, err)
		}
	}
}

func TestEveryMistypedLetterIsTold(t *testing.T) {
	_, all, _ := Split(3, 2)
	text := all[0].AppendText(nil)
	for i, c := range text {
		if c == '-' {
			continue
		}
		for _, other := range []byte("AQ27") {
			if other == c {
				continue
			}
			wrong := bytes.Clone(text)
			wrong[i] = other
			if _, err := Parse(wrong); !errors.Is(err, ErrTypo) {
				t.Fatalf("letter %d: %v", i, err)
			}
		}
	}
	for i := range text[:len(text)-1] { // neighbours swapped
		if text[i] == text[i+1] || text[i] == '-' || text[i+1] == '-' {
			continue
		}
		wrong := bytes.Clone(text)
		wrong[i], wrong[i+1] = wrong[i+1], wrong[i]
		if _, err := Parse(wrong); !errors.Is(err, ErrTypo) {
			t.Fatalf("letters %d and %d: %v", i, i+1, err)
		}
	}
}

func TestOtherTextIsNoShare(t *testing.T) {
	_, all, _ := Split(3, 2)
	text := string(all[0].AppendText(nil))
	for name, c := range map[string]string{
		"empty": "", "short": text[:80], "long": text + "A", "a 0": "0" + text[1:], "endless": strings.Repeat("A", 1<<16), "bytes": string(make([]byte, 72)),
	} {
		if _, err := Parse([]byte(c)); !errors.Is(err, ErrNotShare) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSetRoundTrip(t *testing.T) {
	_, all, _ := Split(16, 9)
	b := SetOf(all).Append(nil)
	set, err := ParseSet(b)
	if err != nil || set.Threshold != 9 || set.Shares() != 16 || set.Check(&all[15]) != nil {
		t.Fatal(set, err)
	}
	for _, bad := range [][]byte{nil, b[:5], b[:len(b)-1], append(bytes.Clone(b), 0)} {
		if _, err := ParseSet(bad); !errors.Is(err, ErrSet) {
			t.Errorf("%d bytes: %v", len(bad), err)
		}
	}
}

func FuzzParse(f *testing.F) {
	_, all, _ := Split(3, 2)
	f.Add(all[0].AppendText(nil))
	f.Add([]byte("AAAAAA-"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(s.AppendText(nil))
		if err != nil || again != s {
			t.Fatalf("%x: %v", text, err)
		}
	})
}

func FuzzParseSet(f *testing.F) {
	_, all, _ := Split(3, 2)
	f.Add(SetOf(all).Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := ParseSet(b); err == nil && !bytes.Equal(s.Append(nil), b) {
			t.Fatalf("%x has two meanings", b)
		}
	})
}
