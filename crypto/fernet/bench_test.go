package fernet_test

import (
	"crypto/rand"
	"fmt"
	"testing"

	"github.com/vaultd/vaultd/crypto/fernet"
)

func BenchmarkSeal(b *testing.B) {
	for _, size := range []int{64, 16 << 10} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			key, _ := fernet.NewKey(testKey)
			plaintext, dst := make([]byte, size), make([]byte, 0, 2*size+200)
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for b.Loop() {
				if _, err := key.Seal(dst, testNow, rand.Reader, plaintext); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, size := range []int{64, 16 << 10} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			key, _ := fernet.NewKey(testKey)
			token, dst := seal(b, testNow, make([]byte, size)), make([]byte, 0, 2*size)
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for b.Loop() {
				if _, err := key.Open(dst, testNow, 0, token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
