package xaes_test

import (
	"bytes"
	"crypto/sha3"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/vaultd/vaultd/crypto/xaes"
)

// The two vectors of the specification: the first derives its subkeys from an
// L whose top bit is clear, the second from one whose top bit is set.
func TestSpecificationVectors(t *testing.T) {
	for _, v := range []struct {
		name, aad, want string
		key             byte
	}{
		{"top bit of L clear", "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271", 0x01},
		{"top bit of L set", "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d", 0x03},
	} {
		t.Run(v.name, func(t *testing.T) {
			c, err := xaes.New(bytes.Repeat([]byte{v.key}, xaes.KeySize))
			if err != nil {
				t.Fatal(err)
			}
			nonce, plaintext := []byte("ABCDEFGHIJKLMNOPQRSTUVWX"), []byte("XAES-256-GCM")
			sealed := c.Seal(nil, nonce, plaintext, []byte(v.aad))
			if got := hex.EncodeToString(sealed); got != v.want {
				t.Errorf("Seal = %s, want %s", got, v.want)
			}
			opened, err := c.Open(nil, nonce, sealed, []byte(v.aad))
			if err != nil || !bytes.Equal(opened, plaintext) {
				t.Errorf("Open = %q, %v", opened, err)
			}
		})
	}
}

// The accumulated vectors of the specification: keys, nonces, plaintexts and
// associated data squeezed from SHAKE128 of nothing, all ciphertexts absorbed
// into another. The hash after a million rounds is
// 2163ae1445985a30b60585ee67daa55674df06901b890593e824b8a7c885ab15; ten
// thousand are enough to hit every length.
func TestAccumulatedVectors(t *testing.T) {
	const want = "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939"
	source, sum := sha3.NewSHAKE128(), sha3.NewSHAKE128()
	squeeze := func(n int) []byte {
		b := make([]byte, n)
		source.Read(b)
		return b
	}
	for range 10_000 {
		key, nonce := squeeze(xaes.KeySize), squeeze(xaes.NonceSize)
		plaintext := squeeze(int(squeeze(1)[0]))
		aad := squeeze(int(squeeze(1)[0]))
		c, err := xaes.New(key)
		if err != nil {
			t.Fatal(err)
		}
		sealed := c.Seal(nil, nonce, plaintext, aad)
		if opened, err := c.Open(nil, nonce, sealed, aad); err != nil || !bytes.Equal(opened, plaintext) {
			t.Fatalf("Open = %x, %v", opened, err)
		}
		sum.Write(sealed)
	}
	got := make([]byte, 32)
	sum.Read(got)
	if hex.EncodeToString(got) != want {
		t.Errorf("hash over all ciphertexts = %x, want %s", got, want)
	}
}

func TestOpenRefusesEveryChange(t *testing.T) {
	c, err := xaes.New(make([]byte, xaes.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	nonce, aad := make([]byte, xaes.NonceSize), []byte("context")
	sealed := c.Seal(nil, nonce, []byte("attack at dawn"), aad)
	for name, change := range map[string][]byte{"message": sealed, "nonce": nonce, "associated data": aad} {
		for i := range change {
			change[i] ^= 1
			if _, err := c.Open(nil, nonce, sealed, aad); err == nil {
				t.Errorf("opened with byte %d of the %s changed", i, name)
			}
			change[i] ^= 1
		}
	}
	for n := range len(sealed) {
		if _, err := c.Open(nil, nonce, sealed[:n], aad); err == nil {
			t.Errorf("opened when cut to %d bytes", n)
		}
	}
	if _, err := c.Open(nil, nonce, sealed, aad); err != nil {
		t.Errorf("unchanged message: %v", err)
	}
}

// What SealRandom makes is a nonce and a message as Seal makes it, over more
// batches than one; no nonce comes twice.
func TestSealRandom(t *testing.T) {
	c, err := xaes.New(bytes.Repeat([]byte{9}, xaes.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	plaintext, aad := []byte("attack at dawn"), []byte("context")
	nonces, prefixes := make(map[string]bool), make(map[string]int)
	for range 1000 {
		out := c.SealRandom([]byte("kept:"), plaintext, aad)
		sealed, ok := bytes.CutPrefix(out, []byte("kept:"))
		if !ok || len(sealed) != xaes.NonceSize+len(plaintext)+xaes.Overhead {
			t.Fatalf("SealRandom = %x", out)
		}
		nonce, body := sealed[:xaes.NonceSize], sealed[xaes.NonceSize:]
		if want := c.Seal(nil, nonce, plaintext, aad); !bytes.Equal(body, want) {
			t.Fatalf("message %x, want %x", body, want)
		}
		if nonces[string(nonce)] {
			t.Fatalf("nonce %x came twice", nonce)
		}
		nonces[string(nonce)] = true
		if prefixes[string(nonce[:12])]++; prefixes[string(nonce[:12])] > 256 {
			t.Fatalf("more than 256 messages under one derived key")
		}
		for range 2 { // derived anew, then from memory
			if got, err := c.Open(nil, nonce, body, aad); err != nil || !bytes.Equal(got, plaintext) {
				t.Fatalf("Open = %q, %v", got, err)
			}
			if _, err := c.Open(nil, nonce, body, nil); err == nil {
				t.Fatal("opened with other associated data")
			}
		}
	}
}

// Derived keys are remembered by key and prefix: the same nonce under another
// key is something else, and a wiped key leaves nothing that another one finds.
func TestDerivedKeysAreNotMixedUp(t *testing.T) {
	var ciphers []*xaes.Cipher
	for i := range 3 {
		c, err := xaes.New(bytes.Repeat([]byte{byte(i)}, xaes.KeySize))
		if err != nil {
			t.Fatal(err)
		}
		ciphers = append(ciphers, c)
	}
	nonce := bytes.Repeat([]byte{5}, xaes.NonceSize)
	otherPrefix := bytes.Clone(nonce)
	otherPrefix[11]++
	for range 2 {
		for i, c := range ciphers {
			for _, n := range [][]byte{nonce, otherPrefix} {
				sealed := c.Seal(nil, n, []byte("message"), nil)
				if _, err := c.Open(nil, n, sealed, nil); err != nil {
					t.Error(err)
				}
				if _, err := ciphers[(i+1)%len(ciphers)].Open(nil, n, sealed, nil); err == nil {
					t.Error("opened with another key")
				}
			}
			if _, err := c.Open(nil, otherPrefix, c.Seal(nil, nonce, nil, nil), nil); err == nil {
				t.Error("opened with another nonce")
			}
		}
	}
	sealed := ciphers[0].Seal(nil, nonce, []byte("message"), nil)
	ciphers[0].Wipe()
	if _, err := ciphers[1].Open(nil, nonce, sealed, nil); err == nil {
		t.Error("opened with another key after Wipe")
	}
}

func TestManyGoroutines(t *testing.T) {
	failed := make(chan error, 8)
	var ciphers [3]*xaes.Cipher
	for i := range ciphers {
		ciphers[i], _ = xaes.New(bytes.Repeat([]byte{byte(i)}, xaes.KeySize))
	}
	for g := range cap(failed) {
		go func() {
			for i := range 2000 {
				c := ciphers[(i+g)%len(ciphers)]
				sealed := c.SealRandom(nil, []byte{byte(g)}, nil)
				got, err := c.Open(nil, sealed[:xaes.NonceSize], sealed[xaes.NonceSize:], nil)
				if err != nil || len(got) != 1 || got[0] != byte(g) {
					failed <- fmt.Errorf("Open = %x, %w", got, err)
					return
				}
			}
			failed <- nil
		}()
	}
	for range cap(failed) {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
}

func TestNewRefusesOtherKeySizes(t *testing.T) {
	for _, n := range []int{0, 16, 24, 31, 33, 64} {
		if _, err := xaes.New(make([]byte, n)); err == nil {
			t.Errorf("accepted a key of %d bytes", n)
		}
	}
}

func BenchmarkSealRandom(b *testing.B) {
	for _, size := range []int{64, 16 << 10} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			c, _ := xaes.New(make([]byte, xaes.KeySize))
			plaintext, dst := make([]byte, size), make([]byte, 0, size+64)
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for b.Loop() {
				dst = c.SealRandom(dst[:0], plaintext, nil)
			}
		})
	}
}

// BenchmarkOpen opens one message again, whose derived key is remembered, and
// messages that are all under derived keys of their own.
func BenchmarkOpen(b *testing.B) {
	for _, count := range []int{1, 1024} {
		b.Run(fmt.Sprintf("64B/%d-subkeys", count), func(b *testing.B) {
			c, _ := xaes.New(make([]byte, xaes.KeySize))
			nonces, sealed := make([][]byte, count), make([][]byte, count)
			for i := range nonces {
				nonces[i] = make([]byte, xaes.NonceSize)
				nonces[i][1], nonces[i][2] = byte(i), byte(i>>8)
				sealed[i] = c.Seal(nil, nonces[i], make([]byte, 64), nil)
			}
			dst := make([]byte, 0, 128)
			b.ReportAllocs()
			b.SetBytes(64)
			for i := 0; b.Loop(); i++ {
				if _, err := c.Open(dst, nonces[i%count], sealed[i%count], nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSeal is with nonces of the caller's choosing: a derived key each.
func BenchmarkSeal(b *testing.B) {
	c, _ := xaes.New(make([]byte, xaes.KeySize))
	nonce, plaintext, dst := make([]byte, xaes.NonceSize), make([]byte, 64), make([]byte, 0, 128)
	b.ReportAllocs()
	b.SetBytes(64)
	for b.Loop() {
		dst = c.Seal(dst[:0], nonce, plaintext, nil)
	}
}
