package keyenc

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vaultd/vaultd/crypto/kdf"
	"github.com/vaultd/vaultd/crypto/keytype"
)

// fixtures is testdata/pyca.json, which testdata/generate.py made.
type fixtures struct {
	Passphrase string
	Keys       []fixture
}

type fixture struct {
	Name               string
	Private, Public    string
	PrivateDER         string `json:"private_der"`
	PublicDER          string `json:"public_der"`
	Compat             string
	OpenSSH            string
	Encrypted, Refused map[string]string
}

func (f *fixture) der(t testing.TB) []byte { return unhex(t, f.PrivateDER) }

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil || len(b) == 0 {
		t.Fatalf("bad fixture: %v", err)
	}
	return b
}

func readFixtures(t testing.TB) *fixtures {
	t.Helper()
	data, err := os.ReadFile("testdata/pyca.json")
	if err != nil {
		t.Fatal(err)
	}
	f := new(fixtures)
	if err := json.Unmarshal(data, f); err != nil {
		t.Fatal(err)
	}
	if len(f.Keys) != 6 {
		t.Fatalf("%d keys", len(f.Keys))
	}
	return f
}

func TestPlainKeysOfPyca(t *testing.T) {
	for _, f := range readFixtures(t).Keys {
		want := f.der(t)
		der, err := ParsePrivatePEM([]byte(f.Private))
		if err != nil || !bytes.Equal(der, want) {
			t.Errorf("%s: private PEM: %v", f.Name, err)
		}
		for _, in := range [][]byte{[]byte(f.Private), want} {
			if der, err := ParsePrivate(in, nil); err != nil || !bytes.Equal(der, want) {
				t.Errorf("%s: private: %v", f.Name, err)
			}
		}
		if text, err := EncodePrivatePEM(want); err != nil || string(text) != f.Private {
			t.Errorf("%s: private PEM is written otherwise: %v", f.Name, err)
		}
		public := unhex(t, f.PublicDER)
		for _, in := range [][]byte{[]byte(f.Public), public} {
			if der, err := ParsePublic(in); err != nil || !bytes.Equal(der, public) {
				t.Errorf("%s: public: %v", f.Name, err)
			}
		}
		if text, err := EncodePublicPEM(public); err != nil || string(text) != f.Public {
			t.Errorf("%s: public PEM is written otherwise: %v", f.Name, err)
		}
		if _, err := ParsePublic([]byte(f.Private)); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: private key read as a public one: %v", f.Name, err)
		}
		if _, err := ParsePrivate([]byte(f.Public), nil); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: public key read as a private one: %v", f.Name, err)
		}
		if _, err := EncodePrivatePEM(public); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: public key written as a private one: %v", f.Name, err)
		}
		if _, err := EncodePublicPEM(want); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: private key written as a public one: %v", f.Name, err)
		}
	}
}

func TestEncryptedKeysOfPycaAndOpenSSL(t *testing.T) {
	all := readFixtures(t)
	passphrase := []byte(all.Passphrase)
	ran := 0
	for _, f := range all.Keys {
		for name, text := range f.Encrypted {
			ran++
			der, err := DecryptPKCS8PEM([]byte(text), passphrase)
			if err != nil || !bytes.Equal(der, f.der(t)) {
				t.Errorf("%s, %s: %v", f.Name, name, err)
			}
			if der, err := ParsePrivate([]byte(text), passphrase); err != nil || !bytes.Equal(der, f.der(t)) {
				t.Errorf("%s, %s: %v", f.Name, name, err)
			}
			if _, err := DecryptPKCS8PEM([]byte(text), []byte("wrong")); !errors.Is(err, ErrPassphrase) {
				t.Errorf("%s, %s, wrong passphrase: %v", f.Name, name, err)
			}
			if _, err := ParsePrivate([]byte(text), nil); !errors.Is(err, ErrEncrypted) {
				t.Errorf("%s, %s, no passphrase: %v", f.Name, name, err)
			}
			if _, err := ParsePrivatePEM([]byte(text)); !errors.Is(err, ErrEncrypted) {
				t.Errorf("%s, %s, as a plain key: %v", f.Name, name, err)
			}
		}
		for name, text := range f.Refused {
			ran++
			if _, err := DecryptPKCS8PEM([]byte(text), passphrase); !errors.Is(err, ErrUnsupported) {
				t.Errorf("%s, %s: %v", f.Name, name, err)
			}
		}
		if _, err := DecryptPKCS8PEM([]byte(f.Private), passphrase); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: plain key as an encrypted one: %v", f.Name, err)
		}
	}
	if ran < 6+12+3 {
		t.Errorf("%d cases ran", ran)
	}
}

func TestEncryptThenDecrypt(t *testing.T) {
	passphrase := []byte("pass phrase")
	names := []string{"ed25519", "ffdh-2048", "rsa-2048", "p256"}
	if testing.Short() {
		names = names[:1] // each derives three keys
	}
	for _, name := range names {
		typ, ok := keytype.Lookup(name)
		if !ok {
			t.Logf("type %s is not built in", name)
			continue
		}
		der, err := typ.Generate(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		text, err := EncryptPKCS8PEM(der, passphrase, kdf.MinIterations, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := DecryptPKCS8PEM(text, passphrase); err != nil || !bytes.Equal(back, der) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := DecryptPKCS8PEM(text, []byte("pass phrasf")); !errors.Is(err, ErrPassphrase) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEncryptRefuses(t *testing.T) {
	der := readFixtures(t).Keys[3].der(t)
	pass := []byte("p")
	for name, c := range map[string]struct {
		der, pass  []byte
		iterations int
		want       error
	}{
		"few iterations":   {der, pass, kdf.MinIterations - 1, ErrParams},
		"many iterations":  {der, pass, kdf.MaxIterations + 1, ErrParams},
		"empty passphrase": {der, nil, kdf.MinIterations, ErrParams},
		"no key":           {[]byte("key"), pass, kdf.MinIterations, ErrFormat},
		"trailing byte":    {append(bytes.Clone(der), 0), pass, kdf.MinIterations, ErrFormat},
	} {
		if _, err := EncryptPKCS8(c.der, c.pass, c.iterations, rand.Reader); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := EncryptPKCS8(der, pass, kdf.MinIterations, bytes.NewReader(make([]byte, 31))); err == nil {
		t.Error("31 bytes of randomness were enough")
	}
	if _, err := CompatEncrypt(der, pass, time.Now(), bytes.NewReader(make([]byte, 31))); err == nil {
		t.Error("compat: 31 bytes of randomness were enough")
	}
	if _, err := CompatEncrypt(der, nil, time.Now(), rand.Reader); !errors.Is(err, ErrParams) {
		t.Errorf("compat, empty password: %v", err)
	}
	if _, err := CompatEncrypt(der[1:], pass, time.Now(), rand.Reader); !errors.Is(err, ErrFormat) {
		t.Errorf("compat, no key: %v", err)
	}
}

func TestCompatKeysOfPyca(t *testing.T) {
	all := readFixtures(t)
	for _, f := range all.Keys {
		blob := unhex(t, f.Compat)
		der, err := CompatDecrypt(blob, []byte(all.Passphrase))
		if err != nil || !bytes.Equal(der, f.der(t)) {
			t.Errorf("%s: %v", f.Name, err)
		}
		if _, err := CompatDecrypt(blob, []byte("wrong")); !errors.Is(err, ErrPassphrase) {
			t.Errorf("%s, wrong password: %v", f.Name, err)
		}
	}
}

func TestCompatRoundTripAndDamage(t *testing.T) {
	all := readFixtures(t)
	want := all.Keys[3].der(t)
	password := []byte("pw")
	blob, err := CompatEncrypt(want, password, time.Unix(1700000000, 0), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if der, err := CompatDecrypt(blob, password); err != nil || !bytes.Equal(der, want) {
		t.Errorf("round trip: %v", err)
	}
	changed := func(i int, b byte) []byte {
		c := bytes.Clone(blob)
		c[i] = b
		return c
	}
	for name, c := range map[string]struct {
		blob []byte
		want error
	}{
		"empty":              {nil, ErrFormat},
		"salt only":          {blob[:16], ErrFormat},
		"salt changed":       {changed(0, blob[0]^1), ErrPassphrase},
		"token changed":      {changed(40, 'A'+(blob[40]-'A'+1)%26), ErrPassphrase},
		"version changed":    {changed(16, 'h'), ErrFormat},
		"not base64":         {changed(30, '!'), ErrFormat},
		"line break":         {append(bytes.Clone(blob), '\n'), ErrFormat},
		"cut by four":        {blob[:len(blob)-4], ErrFormat},
		"twice":              {append(bytes.Clone(blob), blob[16:]...), ErrFormat},
		"longer than any":    {bytes.Repeat([]byte("A"), MaxPEM+1), ErrFormat},
		"key without a salt": {blob[16:], ErrFormat},
	} {
		if _, err := CompatDecrypt(c.blob, password); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

func TestAuthorizedKeysOfPyca(t *testing.T) {
	for _, f := range readFixtures(t).Keys {
		spki := unhex(t, f.PublicDER)
		line, err := AuthorizedKey(spki, "")
		if f.OpenSSH == "" {
			if !errors.Is(err, ErrUnsupported) {
				t.Errorf("%s: %v", f.Name, err)
			}
			continue
		}
		if err != nil || string(line) != f.OpenSSH+"\n" {
			t.Errorf("%s: %q, %v", f.Name, line, err)
		}
		if line, err := AuthorizedKey(spki, "alice @ home"); err != nil || string(line) != f.OpenSSH+" alice @ home\n" {
			t.Errorf("%s: %q, %v", f.Name, line, err)
		}
		for _, comment := range []string{"a\nssh-rsa AAAA", "a\rb", "\x00", "\xff", strings.Repeat("a", 257)} {
			if _, err := AuthorizedKey(spki, comment); !errors.Is(err, ErrFormat) {
				t.Errorf("comment %q: %v", comment, err)
			}
		}
	}
	if _, err := AuthorizedKey([]byte("no key"), ""); !errors.Is(err, ErrFormat) {
		t.Errorf("no key: %v", err)
	}
}

func TestPEMStrictness(t *testing.T) {
	const good = "-----BEGIN PUBLIC KEY-----\nMDAw\nMDAw\n-----END PUBLIC KEY-----\n"
	for name, c := range map[string]struct {
		text string
		ok   bool
	}{
		"as written":          {good, true},
		"CRLF":                {strings.ReplaceAll(good, "\n", "\r\n"), true},
		"white space around":  {"\n \t\r\n" + good + "\n\n", true},
		"no newline at end":   {strings.TrimSpace(good), true},
		"padding":             {"-----BEGIN A-----\nMA==\n-----END A-----", true},
		"text before":         {"x\n" + good, false},
		"text after":          {good + "x", false},
		"two blocks":          {good + good, false},
		"headers":             {"-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n\nMDAw\n-----END A-----\n", false},
		"empty line inside":   {"-----BEGIN A-----\nMDAw\n\nMDAw\n-----END A-----\n", false},
		"space inside":        {"-----BEGIN A-----\nMD Aw\n-----END A-----\n", false},
		"stray CR":            {"-----BEGIN A-----\nMD\rAw\n-----END A-----\n", false},
		"nothing inside":      {"-----BEGIN A-----\n-----END A-----\n", false},
		"labels differ":       {"-----BEGIN A-----\nMDAw\n-----END B-----\n", false},
		"no label":            {"-----BEGIN -----\nMDAw\n-----END -----\n", false},
		"one line":            {"-----BEGIN A-----MDAw-----END A-----", false},
		"end on a base line":  {"-----BEGIN A-----\nMDAw-----END A-----", false},
		"trailing bits":       {"-----BEGIN A-----\nMB==\n-----END A-----\n", false},
		"padding in between":  {"-----BEGIN A-----\nMA==\nMDAw\n-----END A-----\n", false},
		"missing padding":     {"-----BEGIN A-----\nMA\n-----END A-----\n", false},
		"url-safe alphabet":   {"-----BEGIN A-----\n-_-_\n-----END A-----\n", false},
		"begin line alone":    {"-----BEGIN A-----", false},
		"label with dashes":   {"-----BEGIN A-B-----\nMDAw\n-----END A-B-----\n", false},
		"overlapping dashes":  {"-----BEGIN ---\nMDAw\n-----END ---\n", false},
		"larger than allowed": {"-----BEGIN A-----\n" + strings.Repeat("MDAw\n", MaxPEM/5) + "-----END A-----\n", false},
		"nothing":             {"", false},
	} {
		if _, _, err := DecodePEM([]byte(c.text)); (err == nil) != c.ok || err != nil && !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEncodePEMIsThatOfTheStandardLibrary(t *testing.T) {
	for n := 1; n < 200; n++ {
		der := bytes.Repeat([]byte{byte(n)}, n)
		want := pem.EncodeToMemory(&pem.Block{Type: "X Y", Bytes: der})
		got := EncodePEM("X Y", der)
		if !bytes.Equal(got, want) {
			t.Fatalf("%d bytes:\n%s\nwant\n%s", n, got, want)
		}
		if label, back, err := DecodePEM(got); err != nil || label != "X Y" || !bytes.Equal(back, der) {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
}

func TestOtherFormatsAreRefusedByName(t *testing.T) {
	for label, hint := range map[string]string{
		"RSA PRIVATE KEY":     "PKCS #1",
		"EC PRIVATE KEY":      "SEC 1",
		"OPENSSH PRIVATE KEY": "OpenSSH",
		"CERTIFICATE":         LabelPrivate,
	} {
		_, err := ParsePrivate(EncodePEM(label, []byte{0x30, 0}), nil)
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), hint) {
			t.Errorf("%s: %v", label, err)
		}
	}
}
