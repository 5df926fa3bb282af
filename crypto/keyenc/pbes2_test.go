package keyenc

import (
	"bytes"
	"crypto"
	"encoding/asn1"
	"errors"
	"testing"

	"github.com/vaultd/vaultd/crypto/kdf"
)

// The structures of RFC 8018, for making wrong ones.
type (
	derAlgorithm struct {
		OID    asn1.ObjectIdentifier
		Params asn1.RawValue `asn1:"optional"`
	}
	derPBKDF2 struct {
		Salt       []byte
		Iterations int64
		KeyLength  int64         `asn1:"optional"`
		PRF        asn1.RawValue `asn1:"optional"`
	}
	derPBES2 struct {
		Derivation, Scheme derAlgorithm
	}
	derEncrypted struct {
		Algorithm  derAlgorithm
		Ciphertext []byte
	}
)

type pbes2Case struct {
	outer, derivation, scheme asn1.ObjectIdentifier
	salt, iv, ciphertext      []byte
	iterations, keyLength     int64
	prf                       []byte
}

func goodCase() pbes2Case {
	return pbes2Case{
		outer: oidPBES2, derivation: oidPBKDF2, scheme: oidAES256CBC,
		salt: make([]byte, 16), iv: make([]byte, 16), ciphertext: make([]byte, 48), iterations: 1000,
		prf: []byte("\x30\x0c\x06\x08\x2a\x86\x48\x86\xf7\x0d\x02\x09\x05\x00"),
	}
}

func (c pbes2Case) der(t testing.TB) []byte {
	t.Helper()
	marshal := func(v any) []byte {
		b, err := asn1.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	raw := func(v any) asn1.RawValue { return asn1.RawValue{FullBytes: marshal(v)} }
	return marshal(derEncrypted{
		derAlgorithm{c.outer, raw(derPBES2{
			derAlgorithm{c.derivation, raw(derPBKDF2{c.salt, c.iterations, c.keyLength, asn1.RawValue{FullBytes: c.prf}})},
			derAlgorithm{c.scheme, raw(c.iv)},
		})}, c.ciphertext,
	})
}

func TestEncryptedKeyParameters(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*pbes2Case)
		want   error // nil: it parses
	}{
		"good":                   {func(*pbes2Case) {}, nil},
		"no PRF: SHA-1":          {func(c *pbes2Case) { c.prf = nil }, nil},
		"key length of AES-256":  {func(c *pbes2Case) { c.keyLength = 32 }, nil},
		"key length of AES-128":  {func(c *pbes2Case) { c.keyLength = 16 }, ErrFormat},
		"negative key length":    {func(c *pbes2Case) { c.keyLength = -32 }, ErrFormat},
		"999 iterations":         {func(c *pbes2Case) { c.iterations = MinReadIterations - 1 }, ErrParams},
		"no iterations":          {func(c *pbes2Case) { c.iterations = 0 }, ErrParams},
		"negative iterations":    {func(c *pbes2Case) { c.iterations = -600000 }, ErrParams},
		"most iterations":        {func(c *pbes2Case) { c.iterations = MaxReadIterations }, nil},
		"more iterations":        {func(c *pbes2Case) { c.iterations = MaxReadIterations + 1 }, ErrParams},
		"2^62 iterations":        {func(c *pbes2Case) { c.iterations = 1 << 62 }, ErrParams},
		"salt of 7":              {func(c *pbes2Case) { c.salt = make([]byte, 7) }, ErrParams},
		"salt of 8":              {func(c *pbes2Case) { c.salt = make([]byte, 8) }, nil},
		"salt of 129":            {func(c *pbes2Case) { c.salt = make([]byte, 129) }, ErrParams},
		"IV of 15":               {func(c *pbes2Case) { c.iv = make([]byte, 15) }, ErrFormat},
		"IV of 17":               {func(c *pbes2Case) { c.iv = make([]byte, 17) }, ErrFormat},
		"no ciphertext":          {func(c *pbes2Case) { c.ciphertext = nil }, ErrFormat},
		"part of a block":        {func(c *pbes2Case) { c.ciphertext = make([]byte, 40) }, ErrFormat},
		"too much ciphertext":    {func(c *pbes2Case) { c.ciphertext = make([]byte, maxDER) }, ErrFormat},
		"other scheme":           {func(c *pbes2Case) { c.scheme = oidPBES2 }, ErrUnsupported},
		"other derivation":       {func(c *pbes2Case) { c.derivation = oidPBES2 }, ErrUnsupported},
		"other encryption":       {func(c *pbes2Case) { c.outer = oidPBKDF2 }, ErrUnsupported},
		"HMAC with SHA-224":      {func(c *pbes2Case) { c.prf = bytes.Replace(c.prf, []byte{2, 9}, []byte{2, 8}, 1) }, ErrUnsupported},
		"PRF without parameters": {func(c *pbes2Case) { c.prf = []byte("\x30\x0a\x06\x08\x2a\x86\x48\x86\xf7\x0d\x02\x09") }, ErrFormat},
		"PRF is no sequence":     {func(c *pbes2Case) { c.prf = []byte("\x05\x00") }, ErrFormat},
	} {
		p := goodCase()
		c.change(&p)
		der := p.der(t)
		if _, err := parseEncrypted(der); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
		if _, err := parseEncrypted(append(der, 0)); !errors.Is(err, ErrFormat) {
			t.Errorf("%s, with a trailing byte: %v", name, err)
		}
	}
}

func TestDefaultPRFIsSHA1(t *testing.T) {
	p := goodCase()
	p.prf = nil
	e, err := parseEncrypted(p.der(t))
	if err != nil || e.prf != crypto.SHA1 {
		t.Errorf("%v, %v", e, err)
	}
}

func FuzzParseEncrypted(f *testing.F) {
	p := goodCase()
	f.Add(p.der(f))
	for _, k := range readFixtures(f).Keys {
		for _, text := range k.Encrypted {
			_, der, err := DecodePEM([]byte(text))
			if err != nil {
				f.Fatal(err)
			}
			f.Add(der)
		}
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		e, err := parseEncrypted(der)
		if err != nil {
			return
		}
		if e.iterations < MinReadIterations || e.iterations > MaxReadIterations || len(e.iv) != 16 || e.keySize == 0 {
			t.Fatalf("out of bounds: %+v", e)
		}
	})
}

func FuzzDecodePEM(f *testing.F) {
	for _, k := range readFixtures(f).Keys {
		f.Add([]byte(k.Private))
		f.Add([]byte(k.Public))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		label, der, err := DecodePEM(text)
		if err != nil {
			return
		}
		again, body, err := DecodePEM(EncodePEM(label, der))
		if err != nil || again != label || !bytes.Equal(body, der) {
			t.Fatalf("not the same after writing: %v", err)
		}
	})
}

func FuzzParsePrivateAndPublic(f *testing.F) {
	for _, k := range readFixtures(f).Keys {
		f.Add(k.der(f))
		f.Add(unhex(f, k.PublicDER))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		private, errPrivate := ParsePrivate(data, nil)
		public, errPublic := ParsePublic(data)
		if errPrivate == nil && errPublic == nil {
			t.Fatal("the same bytes are a private and a public key")
		}
		if errPrivate == nil {
			if _, err := EncodePrivatePEM(private); err != nil {
				t.Fatal(err)
			}
		}
		if errPublic == nil {
			if _, err := EncodePublicPEM(public); err != nil {
				t.Fatal(err)
			}
			if line, err := AuthorizedKey(public, ""); err == nil && bytes.Count(line, []byte("\n")) != 1 {
				t.Fatalf("%q is not one line", line)
			}
		}
	})
}

func FuzzIsToken(f *testing.F) {
	for _, k := range readFixtures(f).Keys {
		f.Add(unhex(f, k.Compat)[CompatSaltSize:])
	}
	f.Fuzz(func(t *testing.T, token []byte) {
		if isToken(token) && len(token) < 100 {
			t.Fatalf("%q is shorter than any token", token)
		}
	})
}

func BenchmarkEncryptPKCS8(b *testing.B) {
	der := readFixtures(b).Keys[3].der(b)
	seed := make([]byte, 32)
	for b.Loop() {
		if _, err := EncryptPKCS8(der, []byte("p"), kdf.MinIterations, bytes.NewReader(seed)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecryptPKCS8(b *testing.B) {
	all := readFixtures(b)
	text := []byte(all.Keys[3].Encrypted["aes-256-cbc hmacWithSHA256"])
	for b.Loop() { // 3,000 iterations
		if _, err := DecryptPKCS8PEM(text, []byte(all.Passphrase)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompatDecrypt(b *testing.B) {
	all := readFixtures(b)
	blob := unhex(b, all.Keys[3].Compat)
	for b.Loop() {
		if _, err := CompatDecrypt(blob, []byte(all.Passphrase)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPEM(b *testing.B) {
	text := []byte(readFixtures(b).Keys[0].Private)
	b.ReportAllocs()
	for b.Loop() {
		label, der, err := DecodePEM(text)
		if err != nil || len(EncodePEM(label, der)) != len(text) {
			b.Fatal(err)
		}
	}
}

func BenchmarkAuthorizedKey(b *testing.B) {
	spki := unhex(b, readFixtures(b).Keys[0].PublicDER)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := AuthorizedKey(spki, "c"); err != nil {
			b.Fatal(err)
		}
	}
}
