package audit_test

import (
	"context"
	"sync"
	"testing"

	"github.com/vaultd/vaultd/vault/audit"
)

func BenchmarkAppendHot(b *testing.B) {
	l := open(b, logDir(b), audit.Options{})
	if err := l.SetSigner(origin, seed); err != nil {
		b.Fatal(err)
	}
	r := record(1)
	b.ReportAllocs()
	for b.Loop() {
		if err := l.AppendHot(r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendDurable(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(map[int]string{1: "1-writer", 64: "64-writers"}[writers], func(b *testing.B) {
			l := open(b, logDir(b), audit.Options{})
			ctx, r := context.Background(), record(1)
			var wait sync.WaitGroup
			b.ResetTimer()
			for w := range writers {
				wait.Go(func() {
					for i := w; i < b.N; i += writers {
						if _, err := l.Append(ctx, r); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wait.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

func BenchmarkMillionRecords(b *testing.B) {
	const million = 1_000_000
	dir := logDir(b)
	l := open(b, dir, audit.Options{})
	if err := l.SetSigner(origin, seed); err != nil {
		b.Fatal(err)
	}
	write(b, l, 0, million)
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			if r := verify(b, dir); !r.OK() || r.Covered != million {
				b.Fatalf("%+v", r)
			}
		}
	})
	b.Run("reopen", func(b *testing.B) {
		for b.Loop() {
			if err := open(b, dir, audit.Options{}).Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	r := record(1)
	var line []byte
	b.ReportAllocs()
	for b.Loop() {
		line = audit.AppendLine(line[:0], &r)
	}
	b.SetBytes(int64(len(line)))
}
