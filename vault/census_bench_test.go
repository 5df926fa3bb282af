package vault

import (
	"fmt"
	"testing"
	"time"

	"github.com/vaultd/vaultd/crypto/keytype"
)

// BenchmarkCensus counts a hundred thousand keys, half of which expire.
func BenchmarkCensus(b *testing.B) {
	ring := newKeyring()
	for i := range 100_000 {
		rec := &keyRecord{
			id: KeyID{byte(i), byte(i >> 8), byte(i >> 16)}, typ: keytype.IDXAES256GCM, uses: keytype.UseEncrypt,
			created: testTime, versions: make([]versionRecord, 2),
		}
		if i%2 == 0 {
			rec.versions[1].notAfter = testTime.Add(time.Duration(i) * time.Second)
		}
		n := Name{fmt.Sprintf("o%d", i%100), fmt.Sprintf("k%d", i)}
		k, err := newKey(n, ring.owner(n.owner), rec, 1)
		if err != nil {
			b.Fatal(err)
		}
		ring.add(k)
	}
	b.ReportAllocs()
	for b.Loop() {
		if c := count(ring.everyKey(), testTime); len(c.Keys) == 0 {
			b.Fatal("nothing counted")
		}
	}
}
