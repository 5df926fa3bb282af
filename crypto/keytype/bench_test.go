package keytype_test

import (
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/vaultd/vaultd/crypto/keytype"
)

func BenchmarkSeal(b *testing.B) {
	for _, name := range aeadTypes() {
		for _, size := range []int{64, 16 << 10} {
			b.Run(fmt.Sprintf("%s/%dB", name, size), func(b *testing.B) {
				key := parse[keytype.AEAD](b, name, generate(b, name))
				plaintext, aad, dst := make([]byte, size), make([]byte, 42), make([]byte, 0, size+key.Overhead())
				b.ReportAllocs()
				b.SetBytes(int64(size))
				for b.Loop() {
					if _, err := key.Seal(dst, plaintext, aad); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, name := range aeadTypes() {
		for _, size := range []int{64, 16 << 10} {
			b.Run(fmt.Sprintf("%s/%dB", name, size), func(b *testing.B) {
				key := parse[keytype.AEAD](b, name, generate(b, name))
				aad, dst := make([]byte, 42), make([]byte, 0, size)
				sealed, err := key.Seal(nil, make([]byte, size), aad)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				b.SetBytes(int64(size))
				for b.Loop() {
					if _, err := key.Open(dst, sealed, aad); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkFernetToken(b *testing.B) {
	key := parse[keytype.TokenSealer](b, "fernet", generate(b, "fernet"))
	now, plaintext := time.Unix(1, 0), make([]byte, 64)
	token, err := key.SealToken(now, plaintext)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("seal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := key.SealToken(now, plaintext); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("open", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := key.OpenToken(now, 0, token); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkHMAC(b *testing.B) {
	key := parse[keytype.MACer](b, "hmac-sha256", generate(b, "hmac-sha256"))
	message, dst := make([]byte, 64), make([]byte, 0, 32)
	tag := key.MAC(nil, message)
	b.Run("mac", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			key.MAC(dst, message)
		}
	})
	b.Run("verify", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := key.VerifyMAC(message, tag); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkSign(b *testing.B) {
	for _, name := range signingTypes() {
		b.Run(name, func(b *testing.B) {
			key := parse[keytype.Signer](b, name, signingKey(b, name))
			message := make([]byte, 64)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := key.Sign(rand.Reader, message, keytype.SignOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	for _, name := range signingTypes() {
		b.Run(name, func(b *testing.B) {
			key := parse[keytype.Signer](b, name, signingKey(b, name))
			message := make([]byte, 64)
			signature, err := key.Sign(rand.Reader, message, keytype.SignOptions{})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := key.Verify(message, signature, keytype.SignOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOAEP(b *testing.B) {
	key := parse[keytype.Decrypter](b, "rsa-2048", signingKey(b, "rsa-2048"))
	ciphertext, err := key.EncryptOAEP(rand.Reader, 0, make([]byte, 32), nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encrypt", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := key.EncryptOAEP(rand.Reader, 0, make([]byte, 32), nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decrypt", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := key.DecryptOAEP(0, ciphertext, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// Parse is what the vault pays for each key after it is unsealed.
func BenchmarkParse(b *testing.B) {
	for _, kind := range keytype.All() {
		b.Run(kind.Name, func(b *testing.B) {
			material := materialOf(b, kind)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := kind.Parse(material); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkGenerate(b *testing.B) {
	for _, kind := range keytype.All() {
		b.Run(kind.Name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := kind.Generate(rand.Reader); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
