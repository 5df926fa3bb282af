package store_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/vaultd/vaultd/vault/store"
)

// fill writes n records of 300 bytes.
func fill(t testing.TB, s *store.Store, n int) {
	t.Helper()
	body := make([]byte, 300)
	for at := 0; at < n; {
		var b store.Batch
		for range min(1000, n-at) {
			b.Puts = append(b.Puts, store.Put{ID: id(fmt.Sprintf("owner%d/key%d", at%100, at)), Body: body})
			at++
		}
		if err := s.Commit(context.Background(), b); err != nil {
			t.Fatal(err)
		}
	}
}

// BenchmarkCommit has as many writers as the name says, each with one record
// under way.
func BenchmarkCommit(b *testing.B) {
	for _, writers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			s := newPlace(b).create(b)
			defer s.Close()
			body := make([]byte, 300)
			var next atomic.Int64
			var wg sync.WaitGroup
			b.ResetTimer()
			for range writers {
				wg.Go(func() {
					for {
						i := next.Add(1)
						if i > int64(b.N) {
							return
						}
						p := store.Put{ID: id(fmt.Sprint(i)), Body: body}
						if err := s.Commit(context.Background(), store.Batch{Puts: []store.Put{p}}); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
		})
	}
}

func BenchmarkOpenClean(b *testing.B) {
	p := newPlace(b)
	s := p.create(b)
	fill(b, s, 30_000)
	closeStore(b, s)
	for b.Loop() {
		n := 0
		o := p.options()
		o.Visit = func(store.Record) error { n++; return nil }
		s, err := store.Open(o)
		if err != nil || n != 30_000 {
			b.Fatal(n, err)
		}
		b.StopTimer()
		closeStore(b, s)
		b.StartTimer()
	}
}

func BenchmarkOpenAfterCrash(b *testing.B) {
	p := newPlace(b)
	s := p.create(b)
	fill(b, s, 30_000)
	closeStore(b, s)
	for b.Loop() {
		if err := os.Remove(filepath.Join(p.dir(), "clean")); err != nil {
			b.Fatal(err)
		}
		s, err := store.Open(p.options())
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		closeStore(b, s)
		b.StartTimer()
	}
}

func BenchmarkRewrite(b *testing.B) {
	s := newPlace(b).create(b)
	defer s.Close()
	fill(b, s, 30_000)
	for b.Loop() {
		if err := s.Rewrite(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	s := newPlace(b).create(b)
	defer s.Close()
	fill(b, s, 30_000)
	i := 0
	for b.Loop() {
		i = (i + 7919) % 30_000
		if _, err := s.Get(id(fmt.Sprintf("owner%d/key%d", i%100, i))); err != nil {
			b.Fatal(err)
		}
	}
}
