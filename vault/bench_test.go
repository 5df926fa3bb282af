package vault_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/vaultd/vaultd/crypto/keytype"
	"github.com/vaultd/vaultd/vault"
)

func BenchmarkEncrypt(b *testing.B) {
	r := newRig(b)
	for _, typ := range []string{"xaes-256-gcm", "chacha20-poly1305", "fernet"} {
		n := r.createWith(vault.CreateKey{Name: r.name("a/" + typ), Type: typ, NoExpiry: true}).Name
		for _, size := range []int{64, 4096} {
			b.Run(fmt.Sprintf("%s/%d", typ, size), func(b *testing.B) {
				plaintext, dst := make([]byte, size), make([]byte, 0, 2*size+512)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					if _, _, err := r.Encrypt(vault.Encrypt{Key: n, Plaintext: plaintext, Binary: true}, dst); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkEncryptParallel(b *testing.B) {
	r := newRig(b)
	n := r.create("a/k", "").Name
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		plaintext, dst := make([]byte, 64), make([]byte, 0, 512)
		for pb.Next() {
			if _, _, err := r.Encrypt(vault.Encrypt{Key: n, Plaintext: plaintext, Binary: true}, dst); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkDecrypt(b *testing.B) {
	r := newRig(b)
	for _, typ := range []string{"xaes-256-gcm", "fernet"} {
		n := r.createWith(vault.CreateKey{Name: r.name("a/" + typ), Type: typ, NoExpiry: true}).Name
		for _, binary := range []bool{true, false} {
			b.Run(fmt.Sprintf("%s/binary=%v", typ, binary), func(b *testing.B) {
				c, _, err := r.Encrypt(vault.Encrypt{Key: n, Plaintext: make([]byte, 64), Binary: binary}, nil)
				if err != nil {
					b.Fatal(err)
				}
				dst := make([]byte, 0, 512)
				b.ReportAllocs()
				for b.Loop() {
					if _, _, err := r.Decrypt(vault.Decrypt{Key: n, Ciphertext: c, Binary: binary}, dst); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkSignVerify(b *testing.B) {
	r := newRig(b)
	message := make([]byte, 64)
	for _, typ := range []string{"ed25519", "ecdsa-p256", "rsa-2048"} {
		n := r.create("a/"+typ, typ).Name
		sig, _, err := r.Sign(n, message, keytype.SignOptions{})
		if err != nil {
			b.Fatal(err)
		}
		b.Run("sign/"+typ, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := r.Sign(n, message, keytype.SignOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("verify/"+typ, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if ok, _, err := r.Verify(n, 0, message, sig, keytype.SignOptions{}); !ok || err != nil {
					b.Fatal(ok, err)
				}
			}
		})
	}
}

func BenchmarkMAC(b *testing.B) {
	r := newRig(b)
	n := r.create("a/mac", "hmac-sha256").Name
	message, dst := make([]byte, 64), make([]byte, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := r.MAC(n, message, dst); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAgree(b *testing.B) {
	r := newRig(b)
	for _, typ := range []string{"x25519", "p256", "ffdh-2048"} {
		n := r.create("a/"+typ, typ).Name
		p, err := r.PublicKey(ctx, n, 0)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(typ, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := r.Agree(vault.Agree{Key: n, Peer: p.SPKI}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// fill makes keys of one owner with many writers at once.
func fill(r *rig, keys int) {
	r.Helper()
	var wg sync.WaitGroup
	var next atomic.Int64
	for range 64 {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(keys); i = next.Add(1) {
				n, err := vault.MakeName("owner", fmt.Sprintf("k%06d", i))
				if err == nil {
					_, err = r.CreateKey(ctx, vault.CreateKey{Name: n})
				}
				if err != nil {
					r.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkUnseal is an unseal of 10,000 keys, in these tests without the
// derivation of the slot key (see CheapKDF).
func BenchmarkUnseal(b *testing.B) {
	r := newRig(b)
	fill(r, 10_000)
	r.close()
	for b.Loop() {
		r.unseal()
		b.StopTimer()
		if err := r.Seal(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// BenchmarkRevokeOwner destroys 10,000 keys in one commit.
func BenchmarkRevokeOwner(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		r := newRig(b)
		fill(r, 10_000)
		b.StartTimer()
		_, n, err := r.RevokeOwner(ctx, vault.RevokeOwner{Name: "owner"})
		if err != nil || n != 10_000 {
			b.Fatal(n, err)
		}
		b.StopTimer()
		_ = r.Vault.Close()
		b.StartTimer()
	}
}

func BenchmarkListKeys(b *testing.B) {
	r := newRig(b)
	fill(r, 10_000)
	for b.Loop() {
		token, n := "", 0
		for {
			page, next, err := r.ListKeys(ctx, vault.ListKeys{PageSize: 1000, PageToken: token})
			if err != nil {
				b.Fatal(err)
			}
			n += len(page)
			if token = next; token == "" {
				break
			}
		}
		if n != 10_000 {
			b.Fatal(n)
		}
	}
}

// BenchmarkWriters compares key creation by one writer and by 64.
func BenchmarkWriters(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprint(writers), func(b *testing.B) {
			r := newRig(b)
			var next atomic.Int64
			var wg sync.WaitGroup
			b.ResetTimer()
			for range writers {
				wg.Go(func() {
					for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
						n, err := vault.MakeName("owner", fmt.Sprintf("k%d", i))
						if err == nil {
							_, err = r.CreateKey(ctx, vault.CreateKey{Name: n})
						}
						if err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "keys/s")
		})
	}
}
