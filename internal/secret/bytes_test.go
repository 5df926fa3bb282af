package secret

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

const canary = "correct horse battery staple"

func TestFromWipesItsSource(t *testing.T) {
	src := []byte(canary)
	s := From(src)
	defer s.Wipe()
	if string(s.Bytes()) != canary || s.Len() != len(canary) || cap(s.Bytes()) != len(canary) {
		t.Fatalf("content %q", s.Bytes())
	}
	if !bytes.Equal(src, make([]byte, len(canary))) {
		t.Fatal("the source still holds the secret")
	}
}

func TestWipeIsIdempotentAndFinal(t *testing.T) {
	for _, n := range []int{0, 1, 32, 33, 4096, 4097, 1 << 20} {
		s := New(n)
		if n > 0 {
			s.Bytes()[0], s.Bytes()[n-1] = 1, 1
		}
		s.Wipe()
		s.Wipe()
		if s.Bytes() != nil || s.Len() != 0 || s.Equal([]byte{1}) {
			t.Fatalf("a wiped secret of %d bytes still has content", n)
		}
		// A second Wipe that gave the slot back again would hand it out twice.
		a, b := New(n), New(n)
		if n > 0 && &a.Bytes()[0] == &b.Bytes()[0] {
			t.Fatal("two live secrets share memory")
		}
		for _, x := range a.Bytes() {
			if x != 0 {
				t.Fatal("reused memory was not wiped")
			}
		}
		a.Wipe()
		b.Wipe()
	}
}

func TestNilIsEmpty(t *testing.T) {
	var s *Bytes
	s.Wipe()
	if s.Bytes() != nil || s.Len() != 0 || !s.Equal(nil) || fmt.Sprint(s) != Placeholder {
		t.Fatal("a nil secret is not empty")
	}
}

func TestNeverPrinted(t *testing.T) {
	s := From([]byte(canary))
	defer s.Wipe()
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%t"} {
		fmt.Fprintf(&out, verb+"\n", s)
		fmt.Fprintf(&out, verb+"\n", struct{ in *Bytes }{s})
		fmt.Fprintf(&out, verb+"\n", []any{s, map[string]*Bytes{"k": s}})
		fmt.Fprintf(&out, verb+"\n", struct{ S *Bytes }{s})
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("m", "k", s, "any", slog.AnyValue(s))
	slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "k", s, "in", struct{ S *Bytes }{s})
	fmt.Fprintln(&out, s.String(), errors.New(fmt.Sprint(s)))
	hexed := fmt.Sprintf("%x", canary[:8])
	decimal := strings.Trim(fmt.Sprint([]byte(canary[:8])), "[]")
	for _, leak := range []string{canary[:8], hexed, strings.ToUpper(hexed), decimal} {
		if strings.Contains(out.String(), leak) {
			t.Fatalf("%q leaked:\n%s", leak, out.String())
		}
	}
	if strings.Count(out.String(), Placeholder) < 20 {
		t.Fatalf("no placeholder in:\n%s", out.String())
	}
}

func TestNeverMarshalled(t *testing.T) {
	s := From([]byte(canary))
	defer s.Wipe()
	holder := struct{ S *Bytes }{s}
	if b, err := json.Marshal(holder); !errors.Is(err, ErrMarshal) {
		t.Errorf("JSON: %q, %v", b, err)
	}
	if b, err := json.Marshal(map[string]any{"k": s}); !errors.Is(err, ErrMarshal) {
		t.Errorf("JSON: %q, %v", b, err)
	}
	if b, err := xml.Marshal(holder); err == nil {
		t.Errorf("XML: %q", b)
	}
	var out bytes.Buffer
	if err := gob.NewEncoder(&out).Encode(holder); err == nil || bytes.Contains(out.Bytes(), []byte(canary)) {
		t.Errorf("gob: %q, %v", out.Bytes(), err)
	}
	if _, err := s.MarshalText(); !errors.Is(err, ErrMarshal) {
		t.Errorf("text: %v", err)
	}
	if _, err := s.MarshalBinary(); !errors.Is(err, ErrMarshal) {
		t.Errorf("binary: %v", err)
	}
}

func TestReadFillsOrFails(t *testing.T) {
	s, err := Read(strings.NewReader(canary), 7)
	if err != nil || string(s.Bytes()) != canary[:7] {
		t.Fatalf("%v, %v", s, err)
	}
	s.Wipe()
	if s, err := Read(strings.NewReader(canary), 100); !errors.Is(err, io.ErrUnexpectedEOF) || s != nil {
		t.Fatalf("short source: %v, %v", s, err)
	}
}

func TestCloneLivesOn(t *testing.T) {
	s := From([]byte(canary))
	c := s.Clone()
	s.Wipe()
	if !c.Equal([]byte(canary)) || c.Equal([]byte(canary[1:])) {
		t.Fatal("the clone went with its original")
	}
	c.Wipe()
}

// A secret goes through pipes and files by plain system calls, wherever its memory lies.
func TestSystemCallsReachSecrets(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s := From([]byte(canary))
	defer s.Wipe()
	if _, err := w.Write(s.Bytes()); err != nil {
		t.Fatal(err)
	}
	w.Close()
	got, err := Read(r, len(canary))
	if err != nil || !got.Equal([]byte(canary)) {
		t.Fatalf("read back: %v", err)
	}
	got.Wipe()
}

// The model: whatever the order of calls, every live secret holds what was
// written to it, and new secrets are zero.
func TestArenaModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type entry struct {
			s    *Bytes
			want []byte
		}
		var live []entry
		check := func() {
			for _, e := range live {
				if !e.s.Equal(e.want) {
					t.Fatalf("secret of %d bytes changed under its owner", len(e.want))
				}
			}
		}
		sizes := rapid.OneOf(rapid.IntRange(0, 300), rapid.IntRange(4000, 9000))
		t.Repeat(map[string]func(*rapid.T){
			"new": func(t *rapid.T) {
				n := sizes.Draw(t, "n")
				s := New(n)
				if !s.Equal(make([]byte, n)) {
					t.Fatal("a new secret is not zero")
				}
				want := bytes.Repeat([]byte{rapid.Byte().Draw(t, "fill") | 1}, n)
				copy(s.Bytes(), want)
				live = append(live, entry{s, want})
			},
			"wipe": func(t *rapid.T) {
				if len(live) == 0 {
					t.Skip("nothing lives")
				}
				i := rapid.IntRange(0, len(live)-1).Draw(t, "i")
				live[i].s.Wipe()
				live[i].s.Wipe()
				live = append(live[:i], live[i+1:]...)
			},
			"": func(*rapid.T) { check() },
		})
		for _, e := range live {
			e.s.Wipe()
		}
	})
}

func TestConcurrentUse(t *testing.T) {
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 2000 {
				s := New(1 + (i*37+g)%5000)
				for j := range s.Bytes() {
					s.Bytes()[j] = byte(g)
				}
				if !s.Equal(bytes.Repeat([]byte{byte(g)}, s.Len())) {
					t.Error("another goroutine wrote here")
				}
				var both sync.WaitGroup
				both.Go(s.Wipe)
				s.Wipe()
				both.Wait()
			}
		})
	}
	wg.Wait()
}

func BenchmarkNewWipe(b *testing.B) {
	for _, n := range []int{32, 256, 2048} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				New(n).Wipe()
			}
		})
	}
}

func BenchmarkBytes(b *testing.B) {
	s := New(32)
	defer s.Wipe()
	var sum int
	for b.Loop() {
		sum += int(s.Bytes()[3])
	}
	_ = sum
}
