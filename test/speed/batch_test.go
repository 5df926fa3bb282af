//go:build unix

package speed

import (
	"testing"
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
)

// BenchmarkBatchOfEncryptions makes one encryption and a batch of a hundred by
// turns over one connection, of a daemon in a process of its own that keeps an
// audit log, and reports how many single ones a batch costs.
func BenchmarkBatchOfEncryptions(b *testing.B) {
	d := start(b)
	ctx := b.Context()
	if _, err := d.Client.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: "billing/bench"}); err != nil {
		b.Fatal(err)
	}
	single := &vaultdv1.EncryptRequest{Key: "billing/bench", Plaintext: make([]byte, 64)}
	batch := new(vaultdv1.BatchRequest)
	for range 100 {
		batch.Items = append(batch.Items, &vaultdv1.BatchItem{Request: &vaultdv1.BatchItem_Encrypt{Encrypt: single}})
	}
	var one, hundred time.Duration
	for b.Loop() {
		begun := time.Now()
		if _, err := d.Client.Encrypt(ctx, single); err != nil {
			b.Fatal(err)
		}
		between := time.Now()
		if _, err := d.Client.Batch(ctx, batch); err != nil {
			b.Fatal(err)
		}
		one, hundred = one+between.Sub(begun), hundred+time.Since(between)
	}
	b.ReportMetric(float64(one.Nanoseconds())/float64(b.N), "ns/one")
	b.ReportMetric(float64(hundred.Nanoseconds())/float64(b.N), "ns/hundred")
	b.ReportMetric(float64(hundred)/float64(one), "ratio")
}
