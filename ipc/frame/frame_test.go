package frame

import (
	"bytes"
	"errors"
	"io"
	"math"
	"testing"
	"testing/iotest"
	"time"
)

func TestRequestHeaderRoundTrip(t *testing.T) {
	for _, want := range []Request{
		{},
		{Size: 1, Method: 1},
		{Size: 1 << 20, Method: 65535, Timeout: 30 * time.Second},
		{Method: 32, Timeout: time.Millisecond},
		{Method: 32, Timeout: (1<<32 - 1) * time.Millisecond},
	} {
		b := AppendRequest(nil, want)
		if len(b) != RequestHeader {
			t.Fatalf("header of %d bytes", len(b))
		}
		for n := range b {
			if _, complete, err := ParseRequest(b[:n], 1<<20); complete || err != nil {
				t.Errorf("%d bytes of %+v: complete %t, %v", n, want, complete, err)
			}
		}
		got, complete, err := ParseRequest(b, 1<<20)
		if err != nil || !complete || got != want {
			t.Errorf("got %+v %t %v, want %+v", got, complete, err, want)
		}
	}
}

func TestRequestTimeoutIsRoundedUpAndClamped(t *testing.T) {
	for give, want := range map[time.Duration]time.Duration{
		time.Nanosecond:                time.Millisecond,
		-time.Second:                   time.Millisecond,
		time.Millisecond + 1:           2 * time.Millisecond,
		time.Duration(math.MaxInt64):   (1<<32 - 1) * time.Millisecond,
		1500 * time.Microsecond:        2 * time.Millisecond,
		time.Duration(math.MinInt64):   time.Millisecond,
		time.Hour + time.Microsecond/2: time.Hour + time.Millisecond,
	} {
		r, _, err := ParseRequest(AppendRequest(nil, Request{Timeout: give}), 0)
		if err != nil || r.Timeout != want {
			t.Errorf("%v travels as %v (%v), want %v", give, r.Timeout, err, want)
		}
	}
}

func TestParseRequestRefuses(t *testing.T) {
	for _, test := range []struct {
		name string
		b    []byte
		want error
	}{
		{"length below the header", []byte{0, 0, 0, 7}, ErrMalformed},
		{"zero length", []byte{0, 0, 0, 0}, ErrMalformed},
		{"one byte too many", []byte{0, 0, 0, 8 + 101}, ErrTooLarge},
		{"huge", []byte{0xff, 0xff, 0xff, 0xff}, ErrTooLarge},
		{"flags", []byte{0, 0, 0, 8, 0, 1, 0, 1, 0, 0, 0, 0}, ErrMalformed},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, _, err := ParseRequest(test.b, 100); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestParseResponse(t *testing.T) {
	b := make([]byte, ResponseHeader)
	PutResponse(b, Response{Size: 77, Status: 4})
	got, complete, err := ParseResponse(b, 77)
	if want := (Response{Size: 77, Status: 4}); err != nil || !complete || got != want {
		t.Errorf("got %+v %t %v", got, complete, err)
	}
	if _, _, err := ParseResponse(b, 76); !errors.Is(err, ErrTooLarge) {
		t.Errorf("over the limit: %v", err)
	}
	if _, _, err := ParseResponse([]byte{0, 0, 0, 0}, 76); !errors.Is(err, ErrMalformed) {
		t.Errorf("without status: %v", err)
	}
}

func TestBufferHandsOverWhatArrives(t *testing.T) {
	want := bytes.Repeat([]byte("vaultd "), 30_000)
	for name, r := range map[string]io.Reader{
		"whole": bytes.NewReader(want), "bytewise": iotest.OneByteReader(bytes.NewReader(want)),
		"halves": iotest.HalfReader(bytes.NewReader(want)),
	} {
		t.Run(name, func(t *testing.T) {
			var b Buffer
			var got []byte
			for {
				err := b.Fill(r)
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				n := min(len(b.Bytes()), 777)
				got = append(got, b.Bytes()[:n]...)
				b.Consume(n)
			}
			got = append(got, b.Bytes()...)
			if !bytes.Equal(got, want) {
				t.Errorf("%d bytes arrived changed", len(got))
			}
		})
	}
}

func TestBufferOverwritesWhatWasConsumed(t *testing.T) {
	secret := bytes.Repeat([]byte("secret"), 3000)
	var b Buffer
	r := bytes.NewReader(secret)
	var seen [][]byte // every array that the buffer used
	for b.Fill(r) == nil {
		seen = append(seen, b.b)
	}
	b.Consume(len(b.Bytes()))
	for _, array := range seen {
		if bytes.Contains(array, []byte("secret")) {
			t.Fatalf("a buffer of %d bytes still holds the secret", len(array))
		}
	}
}

func TestBufferAsksForMemoryAndGivesItBack(t *testing.T) {
	held := 0
	b := Buffer{Max: 100_000, Grow: func(delta int) bool {
		if held+delta > 90_000 {
			return false
		}
		held += delta
		return true
	}}
	err := error(nil)
	for r := bytes.NewReader(make([]byte, 200_000)); err == nil; {
		err = b.Fill(r)
	}
	if !errors.Is(err, ErrNoMemory) || held != len(b.b) || held > 90_000 {
		t.Errorf("held %d of %d: %v", held, len(b.b), err)
	}
	b.Release()
	if held != 0 {
		t.Errorf("%d bytes are never given back", held)
	}
}

func TestBufferStopsAtMax(t *testing.T) {
	b := Buffer{Max: 10_000}
	err := error(nil)
	for r := bytes.NewReader(make([]byte, 20_000)); err == nil; {
		err = b.Fill(r)
	}
	if !errors.Is(err, ErrTooLarge) || len(b.Bytes()) != 10_000 {
		t.Errorf("%d bytes, %v", len(b.Bytes()), err)
	}
}

func FuzzParseRequest(f *testing.F) {
	f.Add(AppendRequest(nil, Request{Size: 3, Method: 32, Timeout: time.Second}), 10)
	f.Add([]byte{0xff, 0xff, 0xff, 0xff}, 1<<20)
	f.Fuzz(func(t *testing.T, b []byte, limit int) {
		if limit < 0 {
			return
		}
		r, complete, err := ParseRequest(b, limit)
		if err != nil || !complete {
			return
		}
		if r.Size < 0 || r.Size > limit {
			t.Fatalf("size %d with limit %d", r.Size, limit)
		}
		if again := AppendRequest(nil, r); !bytes.Equal(again, b[:RequestHeader]) {
			t.Fatalf("%x parses and encodes as %x", b[:RequestHeader], again)
		}
	})
}

func FuzzParseResponse(f *testing.F) {
	f.Add([]byte{0, 0, 0, 2, 0, 9}, 10)
	f.Fuzz(func(t *testing.T, b []byte, limit int) {
		if limit < 0 {
			return
		}
		r, complete, err := ParseResponse(b, limit)
		if err != nil || !complete {
			return
		}
		if r.Size < 0 || r.Size > limit {
			t.Fatalf("size %d with limit %d", r.Size, limit)
		}
	})
}
