package xaes_test

import (
	"bytes"
	"crypto/sha3"
	"encoding/hex"
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

func TestNewRefusesOtherKeySizes(t *testing.T) {
	for _, n := range []int{0, 16, 24, 31, 33, 64} {
		if _, err := xaes.New(make([]byte, n)); err == nil {
			t.Errorf("accepted a key of %d bytes", n)
		}
	}
}

func BenchmarkSeal64(b *testing.B) {
	c, _ := xaes.New(make([]byte, xaes.KeySize))
	nonce, plaintext, dst := make([]byte, xaes.NonceSize), make([]byte, 64), make([]byte, 0, 128)
	b.ReportAllocs()
	b.SetBytes(64)
	for b.Loop() {
		dst = c.Seal(dst[:0], nonce, plaintext, nil)
	}
}

func BenchmarkOpen64(b *testing.B) {
	c, _ := xaes.New(make([]byte, xaes.KeySize))
	nonce, dst := make([]byte, xaes.NonceSize), make([]byte, 0, 128)
	sealed := c.Seal(nil, nonce, make([]byte, 64), nil)
	b.ReportAllocs()
	b.SetBytes(64)
	for b.Loop() {
		if _, err := c.Open(dst, nonce, sealed, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSeal16KiB(b *testing.B) {
	c, _ := xaes.New(make([]byte, xaes.KeySize))
	nonce, plaintext, dst := make([]byte, xaes.NonceSize), make([]byte, 16<<10), make([]byte, 0, 17<<10)
	b.ReportAllocs()
	b.SetBytes(16 << 10)
	for b.Loop() {
		dst = c.Seal(dst[:0], nonce, plaintext, nil)
	}
}
