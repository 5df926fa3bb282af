package envelope_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/vaultd/vaultd/crypto/envelope"
	"github.com/vaultd/vaultd/crypto/keytype"
)

func newKey(t testing.TB, name string) keytype.AEAD {
	t.Helper()
	kind, ok := keytype.Lookup(name)
	if !ok {
		t.Fatalf("no type %q", name)
	}
	material, err := kind.Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := kind.Parse(material)
	if err != nil {
		t.Fatal(err)
	}
	return key.(keytype.AEAD)
}

func header(key keytype.AEAD) envelope.Header {
	return envelope.Header{Type: key.Type().ID, KeyID: [16]byte{1, 2, 3, 0xff}, Version: 7}
}

func TestRoundTrip(t *testing.T) {
	for _, name := range []string{"xaes-256-gcm", "aes-256-gcm", "chacha20-poly1305"} {
		key := newKey(t, name)
		rapid.Check(t, func(t *rapid.T) {
			h := envelope.Header{Type: key.Type().ID, Version: rapid.Uint32Min(1).Draw(t, "version")}
			copy(h.KeyID[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "key id"))
			context := fromSet(t, drawSet(t, "context")).Canonical()
			plaintext := rapid.SliceOf(rapid.Byte()).Draw(t, "plaintext")
			prefix := rapid.SliceOf(rapid.Byte()).Draw(t, "prefix")

			sealed, err := envelope.Seal(bytes.Clone(prefix), key, h, context, plaintext)
			if err != nil {
				t.Fatal(err)
			}
			ciphertext, ok := bytes.CutPrefix(sealed, prefix)
			if !ok || len(ciphertext) != envelope.HeaderSize+key.Overhead()+len(plaintext) {
				t.Fatalf("Seal appended %d bytes for %d", len(ciphertext), len(plaintext))
			}
			got, _, err := envelope.Parse(ciphertext)
			if err != nil || got != h {
				t.Fatalf("Parse: %v, %s", err, cmp.Diff(h, got))
			}
			text := envelope.EncodeText(bytes.Clone(prefix), ciphertext)
			decoded, err := envelope.DecodeText(bytes.Clone(prefix), text[len(prefix):])
			if err != nil || !bytes.Equal(decoded, sealed) {
				t.Fatalf("DecodeText = %x, %v, want %x", decoded, err, sealed)
			}
			opened, err := envelope.Open(bytes.Clone(prefix), key, ciphertext, context)
			if err != nil || !bytes.Equal(opened, append(bytes.Clone(prefix), plaintext...)) {
				t.Fatalf("Open = %x, %v", opened, err)
			}
			if !envelope.IsText(text[len(prefix):]) || envelope.IsBinary(text[len(prefix):]) || !envelope.IsBinary(ciphertext) || envelope.IsText(ciphertext) {
				t.Fatal("the two forms are not told apart")
			}
		})
	}
}

// Everything in a ciphertext is authenticated: header, nonce, message, tag.
func TestOpenRefusesEveryChangedBit(t *testing.T) {
	key := newKey(t, "xaes-256-gcm")
	context := envelope.Context{{Name: "a", Value: "b"}}.Canonical()
	ciphertext, err := envelope.Seal(nil, key, header(key), context, []byte("attack at dawn"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(ciphertext) * 8 {
		changed := bytes.Clone(ciphertext)
		changed[i/8] ^= 1 << (i % 8)
		_, err := envelope.Open(nil, key, changed, context)
		if !errors.Is(err, keytype.ErrDecrypt) && !errors.Is(err, envelope.ErrMalformed) {
			t.Errorf("bit %d: Open = %v", i, err)
		}
	}
	for n := range ciphertext {
		_, err := envelope.Open(nil, key, ciphertext[:n], context)
		if !errors.Is(err, keytype.ErrDecrypt) && !errors.Is(err, envelope.ErrMalformed) {
			t.Errorf("cut to %d bytes: Open = %v", n, err)
		}
	}
	if _, err := envelope.Open(nil, key, append(bytes.Clone(ciphertext), 0), context); !errors.Is(err, keytype.ErrDecrypt) {
		t.Errorf("a byte more: Open = %v", err)
	}
}

func TestOpenRefusesAnotherContext(t *testing.T) {
	key := newKey(t, "chacha20-poly1305")
	context, err := envelope.ParseContext("tenant=42", "purpose=session")
	if err != nil {
		t.Fatal(err)
	}
	ciphertext, err := envelope.Seal(nil, key, header(key), context.Canonical(), []byte("attack at dawn"))
	if err != nil {
		t.Fatal(err)
	}
	for name, arguments := range map[string][]string{
		"none":          nil,
		"one less":      {"tenant=42"},
		"one more":      {"tenant=42", "purpose=session", "a=b"},
		"another value": {"tenant=43", "purpose=session"},
		"another case":  {"Tenant=42", "purpose=session"},
		"swapped":       {"tenant=session", "purpose=42"},
	} {
		other, err := envelope.ParseContext(arguments...)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := envelope.Open(nil, key, ciphertext, other.Canonical()); !errors.Is(err, keytype.ErrDecrypt) {
			t.Errorf("%s: Open = %v, want %v", name, err, keytype.ErrDecrypt)
		}
	}
	reordered, err := envelope.ParseContext("purpose=session", "tenant=42")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := envelope.Open(nil, key, ciphertext, reordered.Canonical()); err != nil {
		t.Errorf("another order: %v", err)
	}
}

// A part of the header can't be passed off as context, nor the other way round.
func TestHeaderAndContextAreNotMixedUp(t *testing.T) {
	key := newKey(t, "xaes-256-gcm")
	ciphertext, err := envelope.Seal(nil, key, header(key), []byte("context"), []byte("message"))
	if err != nil {
		t.Fatal(err)
	}
	_, sealed, err := envelope.Parse(ciphertext)
	if err != nil {
		t.Fatal(err)
	}
	label := "vaultd/1/envelope\x00"
	want := append([]byte(label), ciphertext[:envelope.HeaderSize]...)
	want = append(want, "context"...)
	if got, err := key.Open(nil, sealed, want); err != nil || string(got) != "message" {
		t.Errorf("the associated data is not what the document says: %q, %v", got, err)
	}
}

// The two AES types have one construction; the header tells them apart.
func TestOpenRefusesAKeyOfAnotherType(t *testing.T) {
	material := make([]byte, 32)
	a, _ := keytype.Lookup("aes-256-gcm")
	x, _ := keytype.Lookup("xaes-256-gcm")
	ka, err1 := a.Parse(material)
	kx, err2 := x.Parse(material)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	ciphertext, err := envelope.Seal(nil, ka.(keytype.AEAD), header(ka.(keytype.AEAD)), nil, []byte("message"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := envelope.Open(nil, kx.(keytype.AEAD), ciphertext, nil); !errors.Is(err, keytype.ErrDecrypt) {
		t.Errorf("Open = %v, want %v", err, keytype.ErrDecrypt)
	}
}

func TestSealRefusesAHeaderThatLies(t *testing.T) {
	key := newKey(t, "xaes-256-gcm")
	for name, h := range map[string]envelope.Header{
		"type of another key": {Type: keytype.IDAES256GCM, Version: 1},
		"no type":             {Version: 1},
		"version 0":           {Type: keytype.IDXAES256GCM},
	} {
		if _, err := envelope.Seal(nil, key, h, nil, nil); !errors.Is(err, keytype.ErrOptions) {
			t.Errorf("%s: Seal = %v, want %v", name, err, keytype.ErrOptions)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	key := newKey(t, "xaes-256-gcm")
	good, err := envelope.Seal(nil, key, header(key), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	change := func(at int, b ...byte) []byte {
		c := bytes.Clone(good)
		copy(c[at:], b)
		return c
	}
	for name, bad := range map[string][]byte{
		"nothing":       nil,
		"short":         good[:envelope.HeaderSize-1],
		"other magic":   change(0, 'V'),
		"other format":  change(1, 0xd2),
		"type 0":        change(2, 0, 0),
		"version 0":     change(20, 0, 0, 0, 0),
		"the text form": envelope.EncodeText(nil, good),
	} {
		if _, _, err := envelope.Parse(bad); !errors.Is(err, envelope.ErrMalformed) {
			t.Errorf("%s: Parse = %v, want %v", name, err, envelope.ErrMalformed)
		}
		if _, err := envelope.Open(nil, key, bad, nil); !errors.Is(err, envelope.ErrMalformed) {
			t.Errorf("%s: Open = %v, want %v", name, err, envelope.ErrMalformed)
		}
		if _, err := envelope.DecodeText(nil, envelope.EncodeText(nil, bad)); !errors.Is(err, envelope.ErrMalformed) {
			t.Errorf("%s: DecodeText = %v, want %v", name, err, envelope.ErrMalformed)
		}
	}
}

func TestDecodeTextTakesOneSpelling(t *testing.T) {
	binary := append([]byte{0x76, 0xd1, 0, 3}, bytes.Repeat([]byte{0xfb}, 21)...) // 25 bytes leave four unused bits
	binary[23] = 1
	text := envelope.EncodeText(nil, binary)
	if _, err := envelope.DecodeText(nil, text); err != nil {
		t.Fatal(err)
	}
	last := text[len(text)-1]
	for name, other := range map[string][]byte{
		"empty":             nil,
		"prefix alone":      []byte("vd1:"),
		"prefix in capital": append([]byte("VD1:"), text[4:]...),
		"other format":      append([]byte("vd2:"), text[4:]...),
		"no prefix":         text[4:],
		"padding":           append(bytes.Clone(text), '=', '='),
		"line break":        append(bytes.Clone(text), '\n'),
		"break inside":      append(append(bytes.Clone(text[:20]), "\r\n"...), text[20:]...),
		"blank in front":    append([]byte(" "), text...),
		"blank behind":      append(bytes.Clone(text), ' '),
		"standard alphabet": bytes.ReplaceAll(text, []byte("-"), []byte("+")),
		"unused bits":       append(bytes.Clone(text[:len(text)-1]), last+1),
	} {
		if bytes.Equal(other, text) {
			t.Fatalf("%s: the text did not change", name)
		}
		if _, err := envelope.DecodeText(nil, other); !errors.Is(err, envelope.ErrMalformed) {
			t.Errorf("%s: DecodeText(%q) = %v, want %v", name, other, err, envelope.ErrMalformed)
		}
	}
}

func FuzzParse(f *testing.F) {
	key := newKey(f, "xaes-256-gcm")
	seed, err := envelope.Seal(nil, key, header(key), nil, []byte("message"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed, []byte(nil))
	f.Add([]byte{0x76, 0xd1}, []byte("context"))
	f.Fuzz(func(t *testing.T, binary, context []byte) {
		h, sealed, err := envelope.Parse(binary)
		if err != nil {
			return
		}
		if h.Type == 0 || h.Version == 0 || len(sealed)+envelope.HeaderSize != len(binary) {
			t.Fatalf("Parse = %+v, %d bytes of %d", h, len(sealed), len(binary))
		}
		if plaintext, err := envelope.Open(nil, key, binary, context); err == nil && !bytes.Equal(binary, seed) {
			t.Fatalf("opened %x, which nobody sealed: %x", binary, plaintext)
		}
	})
}

func FuzzDecodeText(f *testing.F) {
	key := newKey(f, "xaes-256-gcm")
	seed, err := envelope.Seal(nil, key, header(key), nil, []byte("message"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(envelope.EncodeText(nil, seed))
	f.Add([]byte("vd1:dtEAAw"))
	f.Fuzz(func(t *testing.T, text []byte) {
		binary, err := envelope.DecodeText(nil, text)
		if err == nil && !bytes.Equal(envelope.EncodeText(nil, binary), text) {
			t.Fatalf("%q is another spelling of %q", text, envelope.EncodeText(nil, binary))
		}
	})
}
