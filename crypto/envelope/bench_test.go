package envelope_test

import (
	"fmt"
	"testing"

	"github.com/vaultd/vaultd/crypto/envelope"
)

var sizes = []int{64, 16 << 10}

func BenchmarkSeal(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			key := newKey(b, "xaes-256-gcm")
			context, err := envelope.ParseContext("tenant=42", "purpose=session")
			if err != nil {
				b.Fatal(err)
			}
			plaintext, canonical := make([]byte, size), context.Canonical()
			dst := make([]byte, 0, size+envelope.HeaderSize+key.Overhead())
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for b.Loop() {
				if _, err := envelope.Seal(dst, key, header(key), canonical, plaintext); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			key := newKey(b, "xaes-256-gcm")
			ciphertext, err := envelope.Seal(nil, key, header(key), nil, make([]byte, size))
			if err != nil {
				b.Fatal(err)
			}
			dst := make([]byte, 0, size)
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for b.Loop() {
				if _, err := envelope.Open(dst, key, ciphertext, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkText(b *testing.B) {
	key := newKey(b, "xaes-256-gcm")
	binary, err := envelope.Seal(nil, key, header(key), nil, make([]byte, 64))
	if err != nil {
		b.Fatal(err)
	}
	text, dst := envelope.EncodeText(nil, binary), make([]byte, 0, 512)
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			envelope.EncodeText(dst, binary)
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := envelope.DecodeText(dst, text); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkContext(b *testing.B) {
	pairs := []envelope.Pair{{Name: "tenant", Value: "42"}, {Name: "purpose", Value: "session"}}
	b.Run("new", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := envelope.NewContext(pairs...); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("canonical", func(b *testing.B) {
		context, err := envelope.NewContext(pairs...)
		if err != nil {
			b.Fatal(err)
		}
		dst := make([]byte, 0, 256)
		b.ReportAllocs()
		for b.Loop() {
			context.AppendCanonical(dst)
		}
	})
}
