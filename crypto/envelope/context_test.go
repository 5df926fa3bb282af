package envelope_test

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/vaultd/vaultd/crypto/envelope"
)

// drawSet draws a set of pairs. Names and values are short and from a small
// alphabet, so that sets that differ only in where a pair ends are common.
func drawSet(t *rapid.T, label string) map[string]string {
	text := rapid.StringOfN(rapid.RuneFrom([]rune("ab\u00e9,:")), 0, 3, -1)
	name := text.Filter(func(s string) bool { return s != "" })
	return rapid.MapOfN(name, text, 0, 4).Draw(t, label)
}

func fromSet(t interface{ Fatal(...any) }, set map[string]string) envelope.Context {
	var pairs []envelope.Pair
	for name, value := range set {
		pairs = append(pairs, envelope.Pair{Name: name, Value: value})
	}
	c, err := envelope.NewContext(pairs...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Two contexts have one canonical form if and only if they are one set.
func TestCanonicalFormIsInjective(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawSet(t, "a"), drawSet(t, "b")
		equal := bytes.Equal(fromSet(t, a).Canonical(), fromSet(t, b).Canonical())
		if equal != maps.Equal(a, b) {
			t.Fatalf("canonical forms of %q and %q are equal: %v", a, b, equal)
		}
	})
}

// The near misses that a form without lengths would mix up.
func TestCanonicalFormKeepsPairsApart(t *testing.T) {
	seen := make(map[string]string)
	for _, arguments := range [][]string{
		{},
		{"a="},
		{"a=b"},
		{"ab="},
		{"a=b", "c=d"},
		{"a=bc", "d="},
		{"a=b=c"},
		{"a=bc=d"},
		{"a=\x00\x00\x00\x01c\x00\x00\x00\x01d"},
		{"A=b"},
		{"a=B"},
		{"a=b "},
		{" a=b"},
		{"a=e\u0301"},
		{"a=\u00e9"},
		{"a=b", "c="},
		{"a=", "b="},
		{"b=", "a=c"},
	} {
		c, err := envelope.ParseContext(arguments...)
		if err != nil {
			t.Fatalf("%q: %v", arguments, err)
		}
		text := strings.Join(arguments, " ")
		if other, ok := seen[string(c.Canonical())]; ok {
			t.Errorf("%q and %q have one canonical form", text, other)
		}
		seen[string(c.Canonical())] = text
	}
}

func TestCanonicalFormDoesNotDependOnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := fromSet(t, drawSet(t, "set"))
		shuffled := rapid.Permutation(c).Draw(t, "shuffled")
		if got := envelope.Context(shuffled).Canonical(); !bytes.Equal(got, c.Canonical()) {
			t.Fatalf("a literal %q gives %x, want %x", shuffled, got, c.Canonical())
		}
		again, err := envelope.NewContext(shuffled...)
		if err != nil || !slices.Equal(again, c) {
			t.Fatalf("NewContext(%q) = %q, %v, want %q", shuffled, again, err, c)
		}
	})
}

func TestCanonicalFormIsWhatTheDocumentSays(t *testing.T) {
	c, err := envelope.ParseContext("tenant=42", "a=")
	if err != nil {
		t.Fatal(err)
	}
	const want = "\x00\x00\x00\x01a\x00\x00\x00\x00\x00\x00\x00\x06tenant\x00\x00\x00\x0242"
	if got := string(c.AppendCanonical([]byte("x"))); got != "x"+want {
		t.Errorf("AppendCanonical = %q, want %q", got, "x"+want)
	}
}

func TestNewContextRefuses(t *testing.T) {
	long := strings.Repeat("n", envelope.MaxContextName)
	for name, pairs := range map[string][]envelope.Pair{
		"empty name":               {{Name: "", Value: "v"}},
		"long name":                {{Name: long + "n", Value: "v"}},
		"name twice":               {{Name: "a", Value: "1"}, {Name: "b"}, {Name: "a", Value: "2"}},
		"pair twice":               {{Name: "a", Value: "1"}, {Name: "a", Value: "1"}},
		"name not UTF-8":           {{Name: "a\xff", Value: "v"}},
		"value not UTF-8":          {{Name: "a", Value: "\xc3\x28"}},
		"value with surrogate":     {{Name: "a", Value: "\xed\xa0\x80"}},
		"equals sign in name":      {{Name: "a=b", Value: "v"}},
		"line break in name":       {{Name: "a\nb", Value: "v"}},
		"zero byte in name":        {{Name: "a\x00", Value: "v"}},
		"delete character in name": {{Name: "a\x7f", Value: "v"}},
		"a byte too much":          {{Name: "a", Value: strings.Repeat("v", envelope.MaxContext-8)}},
		"many pairs too much":      manyPairs(envelope.MaxContext/(8+4) + 1),
	} {
		if c, err := envelope.NewContext(pairs...); !errors.Is(err, envelope.ErrContext) {
			t.Errorf("%s: NewContext = %.100q, %v, want %v", name, c, err, envelope.ErrContext)
		}
	}
	for name, pairs := range map[string][]envelope.Pair{
		"none":            nil,
		"longest name":    {{Name: long, Value: "v"}},
		"longest value":   {{Name: "a", Value: strings.Repeat("v", envelope.MaxContext-9)}},
		"any value":       {{Name: "a", Value: "=\n\x00\u00e9"}},
		"name in letters": {{Name: "Mandant \u00dcber 9", Value: "v"}},
	} {
		c, err := envelope.NewContext(pairs...)
		if err != nil || len(c.Canonical()) > envelope.MaxContext || len(c) != len(pairs) {
			t.Errorf("%s: NewContext = %.100q, %v", name, c, err)
		}
	}
}

func manyPairs(n int) []envelope.Pair {
	pairs := make([]envelope.Pair, n)
	for i := range pairs {
		pairs[i].Name = string([]byte{byte('a' + i%26), byte('a' + i/26%26), byte('a' + i/676%26), 'x'})
	}
	return pairs
}

func TestNewContextLeavesItsArgumentAlone(t *testing.T) {
	pairs := []envelope.Pair{{Name: "b"}, {Name: "a"}}
	if _, err := envelope.NewContext(pairs...); err != nil {
		t.Fatal(err)
	}
	if pairs[0].Name != "b" {
		t.Error("NewContext sorted the caller's slice")
	}
}

func TestParseContext(t *testing.T) {
	c, err := envelope.ParseContext("b=1=2", "a=")
	want := envelope.Context{{Name: "a"}, {Name: "b", Value: "1=2"}}
	if err != nil || !slices.Equal(c, want) {
		t.Errorf("ParseContext = %q, %v, want %q", c, err, want)
	}
	for _, bad := range []string{"", "a", "=v"} {
		if _, err := envelope.ParseContext(bad); !errors.Is(err, envelope.ErrContext) {
			t.Errorf("ParseContext(%q) = %v, want %v", bad, err, envelope.ErrContext)
		}
	}
}

// A value given as context may be a secret by mistake.
func TestContextErrorsDoNotShowValues(t *testing.T) {
	_, err := envelope.NewContext(envelope.Pair{Name: "a", Value: "hunter2\xff"})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("NewContext = %v", err)
	}
}

func TestAppendCanonicalDoesNotAllocate(t *testing.T) {
	c, err := envelope.ParseContext("tenant=42", "purpose=session", "a=b")
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]byte, 0, 256)
	if n := testing.AllocsPerRun(100, func() { dst = c.AppendCanonical(dst[:0]) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzNewContext splits its input into pairs and checks the bounds.
func FuzzNewContext(f *testing.F) {
	f.Add("tenant=42\npurpose=session")
	f.Add("a=\na=")
	f.Add("\xff=\n=\n")
	f.Fuzz(func(t *testing.T, text string) {
		arguments := strings.Split(text, "\n")
		c, err := envelope.ParseContext(arguments...)
		if err != nil {
			if !errors.Is(err, envelope.ErrContext) {
				t.Fatalf("ParseContext = %v, which is no ErrContext", err)
			}
			return
		}
		if n := len(c.Canonical()); n > envelope.MaxContext || len(c) != len(arguments) {
			t.Fatalf("%d pairs of %d, %d bytes", len(c), len(arguments), n)
		}
		for _, p := range c {
			if !slices.Contains(arguments, p.Name+"="+p.Value) {
				t.Fatalf("pair %q was not given", p)
			}
		}
		slices.Reverse(arguments)
		again, err := envelope.ParseContext(arguments...)
		if err != nil || !bytes.Equal(again.Canonical(), c.Canonical()) {
			t.Fatalf("depends on the order: %v", err)
		}
	})
}
