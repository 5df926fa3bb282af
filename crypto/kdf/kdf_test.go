package kdf_test

import (
	"bytes"
	"crypto"
	_ "crypto/md5"
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/vaultd/vaultd/crypto/internal/wycheproof"
	"github.com/vaultd/vaultd/crypto/kdf"
)

func TestWycheproofHKDF(t *testing.T) {
	type group struct {
		Tests []struct {
			wycheproof.Case
			IKM, Salt, Info, OKM wycheproof.Bytes
			Size                 int
		}
	}
	for name, h := range map[string]crypto.Hash{"hkdf_sha256": crypto.SHA256, "hkdf_sha512": crypto.SHA512} {
		for _, g := range wycheproof.Load[group](t, name) {
			for _, c := range g.Tests {
				got, err := kdf.HKDF(h, c.IKM, c.Salt, c.Info, c.Size)
				if !c.Valid() {
					if !errors.Is(err, kdf.ErrSize) {
						t.Errorf("%s %v: %v, want %v", name, c.Case, err, kdf.ErrSize)
					}
					continue
				}
				if err != nil || !bytes.Equal(got, c.OKM) {
					t.Errorf("%s %v: %x, %v", name, c.Case, got, err)
				}
				key, err := kdf.Extract(h, c.IKM, c.Salt)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := kdf.Expand(h, key, c.Info, c.Size); err != nil || !bytes.Equal(got, c.OKM) {
					t.Errorf("%s %v in two steps: %x, %v", name, c.Case, got, err)
				}
			}
		}
	}
}

func TestWycheproofPBKDF2(t *testing.T) {
	type group struct {
		Tests []struct {
			wycheproof.Case
			Password, Salt, DK wycheproof.Bytes
			Iterations         int `json:"iterationCount"`
			Size               int `json:"dkLen"`
		}
	}
	for name, h := range map[string]crypto.Hash{"pbkdf2_hmacsha256": crypto.SHA256, "pbkdf2_hmacsha512": crypto.SHA512} {
		for _, g := range wycheproof.Load[group](t, name) {
			for _, c := range g.Tests {
				got, err := kdf.PBKDF2(h, c.Password, c.Salt, c.Iterations, c.Size)
				if !c.Valid() || err != nil || !bytes.Equal(got, c.DK) {
					t.Errorf("%s %v: %x, %v", name, c.Case, got, err)
				}
			}
		}
	}
}

// RFC 6070, for the PRF that PKCS #5 files name by default.
func TestPBKDF2WithSHA1(t *testing.T) {
	want := []byte{
		0x3d, 0x2e, 0xec, 0x4f, 0xe4, 0x1c, 0x84, 0x9b, 0x80, 0xc8, 0xd8, 0x36, 0x62, 0xc0, 0xe4, 0x4a, 0x8b, 0x29, 0x1a, 0x96,
		0x4c, 0xf2, 0xf0, 0x70, 0x38,
	}
	got, err := kdf.PBKDF2(crypto.SHA1, []byte("passwordPASSWORDpassword"), []byte("saltSALTsaltSALTsaltSALTsaltSALTsalt"), 4096, 25)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("PBKDF2 = %x, %v", got, err)
	}
}

func TestDeriveBoundsTheCostFirst(t *testing.T) {
	salt := make([]byte, kdf.MinSalt)
	for name, p := range map[string]kdf.Params{
		"no iterations":       {salt, 0},
		"negative iterations": {salt, -1},
		"too few iterations":  {salt, kdf.MinIterations - 1},
		"too many iterations": {salt, kdf.MaxIterations + 1},
		"huge iterations":     {salt, 1<<31 - 1},
		"no salt":             {nil, kdf.MinIterations},
		"short salt":          {salt[1:], kdf.MinIterations},
		"long salt":           {make([]byte, kdf.MaxSalt+1), kdf.MinIterations},
	} {
		if _, err := kdf.Derive([]byte("password"), p); !errors.Is(err, kdf.ErrWeakParams) {
			t.Errorf("%s: Derive = %v, want %v", name, err, kdf.ErrWeakParams)
		}
	}
	p := kdf.Params{Salt: salt, Iterations: kdf.MinIterations}
	got, err := kdf.Derive([]byte("password"), p)
	if err != nil || len(got) != kdf.DerivedSize {
		t.Fatalf("Derive = %d bytes, %v", len(got), err)
	}
	want, err := kdf.PBKDF2(crypto.SHA256, []byte("password"), salt, kdf.MinIterations, kdf.DerivedSize)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("Derive is not PBKDF2-HMAC-SHA-256: %x, %v", got, err)
	}
}

func TestArgumentsOutOfRange(t *testing.T) {
	for name, c := range map[string]struct {
		err, want error
	}{
		"pbkdf2, empty output":        {second(kdf.PBKDF2(crypto.SHA256, nil, nil, 1, 0)), kdf.ErrSize},
		"pbkdf2, negative output":     {second(kdf.PBKDF2(crypto.SHA256, nil, nil, 1, -1)), kdf.ErrSize},
		"pbkdf2, large output":        {second(kdf.PBKDF2(crypto.SHA256, nil, nil, 1, 1<<20+1)), kdf.ErrSize},
		"pbkdf2, no iteration":        {second(kdf.PBKDF2(crypto.SHA256, nil, nil, 0, 32)), kdf.ErrWeakParams},
		"pbkdf2, another hash":        {second(kdf.PBKDF2(crypto.MD5, nil, nil, 1, 16)), kdf.ErrHash},
		"hkdf, empty output":          {second(kdf.HKDF(crypto.SHA256, nil, nil, nil, 0)), kdf.ErrSize},
		"hkdf, negative output":       {second(kdf.HKDF(crypto.SHA256, nil, nil, nil, -1)), kdf.ErrSize},
		"hkdf, longest output":        {second(kdf.HKDF(crypto.SHA256, nil, nil, nil, 255*32)), nil},
		"hkdf, longer output":         {second(kdf.HKDF(crypto.SHA256, nil, nil, nil, 255*32+1)), kdf.ErrSize},
		"hkdf, no hash":               {second(kdf.HKDF(0, nil, nil, nil, 32)), kdf.ErrHash},
		"extract, another hash":       {second(kdf.Extract(crypto.MD5, nil, nil)), kdf.ErrHash},
		"expand, longer output":       {second(kdf.Expand(crypto.SHA512, nil, nil, 255*64+1)), kdf.ErrSize},
		"expand, hash does not exist": {second(kdf.Expand(crypto.Hash(99), nil, nil, 1)), kdf.ErrHash},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v, want %v", name, c.err, c.want)
		}
	}
}

func second(_ []byte, err error) error { return err }

// A shorter output is the beginning of a longer one.
func TestOutputsArePrefixes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.SliceOf(rapid.Byte()).Draw(t, "secret")
		salt := rapid.SliceOf(rapid.Byte()).Draw(t, "salt")
		n := rapid.IntRange(1, 200).Draw(t, "size")
		more := rapid.IntRange(n, 200).Draw(t, "larger size")
		short, err1 := kdf.PBKDF2(crypto.SHA256, secret, salt, 2, n)
		long, err2 := kdf.PBKDF2(crypto.SHA256, secret, salt, 2, more)
		if err := errors.Join(err1, err2); err != nil || !bytes.HasPrefix(long, short) || len(short) != n {
			t.Fatalf("PBKDF2: %x and %x, %v", short, long, err)
		}
		short, err1 = kdf.HKDF(crypto.SHA384, secret, salt, salt, n)
		long, err2 = kdf.HKDF(crypto.SHA384, secret, salt, salt, more)
		if err := errors.Join(err1, err2); err != nil || !bytes.HasPrefix(long, short) || len(short) != n {
			t.Fatalf("HKDF: %x and %x, %v", short, long, err)
		}
	})
}

func TestCalibrate(t *testing.T) {
	for _, c := range []struct {
		name   string
		sample time.Duration // what the clock says that 50,000 iterations took
		want   int
	}{
		{"ordinary machine", 10 * time.Millisecond, 2_500_000},
		{"slow machine", time.Second, kdf.MinIterations},
		{"impossibly fast machine", time.Microsecond, kdf.MaxIterations},
		{"clock that stands still", 0, kdf.MinIterations},
		{"clock that runs backwards", -time.Hour, kdf.MinIterations},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := time.Unix(0, 0)
			clock := func() time.Time {
				now = now.Add(c.sample)
				return now
			}
			if got := kdf.Calibrate(500*time.Millisecond, clock); got != c.want {
				t.Errorf("Calibrate = %d, want %d", got, c.want)
			}
		})
	}
}

// The machine was busy during all measurements but one: that one counts.
func TestCalibrateTakesTheFastestMeasurement(t *testing.T) {
	steps := []time.Duration{0, time.Second, 0, 10 * time.Millisecond, 0, time.Second}
	now := time.Unix(0, 0)
	clock := func() time.Time {
		now = now.Add(steps[0])
		steps = steps[1:]
		return now
	}
	if got := kdf.Calibrate(500*time.Millisecond, clock); got != 2_500_000 {
		t.Errorf("Calibrate = %d, want 2500000", got)
	}
}

func BenchmarkDerive600k(b *testing.B) {
	p := kdf.Params{Salt: make([]byte, kdf.MinSalt), Iterations: kdf.MinIterations}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := kdf.Derive([]byte("password"), p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHKDF32(b *testing.B) {
	secret, info := make([]byte, 32), []byte("label")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := kdf.HKDF(crypto.SHA256, secret, nil, info, 32); err != nil {
			b.Fatal(err)
		}
	}
}
