package keyenc

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// keys are PKCS #8 DER by name, from the files of pyca and OpenSSL.
func foreignKeys(t testing.TB) map[string][]byte {
	t.Helper()
	keys := make(map[string][]byte)
	for name, text := range map[string]string{
		"rsa": rsaPEM, "p256": p256PEM, "p384": p384PEM, "p521": p521PEM, "ed25519": ed25519PEM, "x25519": x25519PEM,
	} {
		der, err := ParsePrivate([]byte(text), nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		key, err := x509.ParsePKCS8PrivateKey(der)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if keys[name], err = x509.MarshalPKCS8PrivateKey(key); err != nil {
			t.Fatal(err)
		}
	}
	return keys
}

// canonical is PKCS #8 as the standard library writes it.
func canonical(t testing.TB, der []byte) []byte {
	t.Helper()
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		t.Fatal(err)
	}
	out, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func encodeAs(t testing.TB, f Format, der, passphrase []byte) ([]byte, error) {
	t.Helper()
	switch f {
	case FormatPKCS8:
		return EncodePrivatePEM(der)
	case FormatPKCS1:
		return EncodePKCS1PEM(der)
	case FormatSEC1:
		return EncodeSEC1PEM(der)
	case FormatOpenSSH:
		return EncodeOpenSSH(der, passphrase, "a comment")
	default:
		return PrivateJWK(der)
	}
}

// What is written in a format is found to be in it, and is the same key.
func TestFormatsComeBack(t *testing.T) {
	fits := map[Format]string{
		FormatPKCS8: "rsa p256 p384 p521 ed25519 x25519", FormatPKCS1: "rsa", FormatSEC1: "p256 p384 p521",
		FormatOpenSSH: "rsa p256 p384 p521 ed25519", FormatJWK: "rsa p256 p384 p521 ed25519 x25519",
	}
	for name, der := range foreignKeys(t) {
		for f, names := range fits {
			text, err := encodeAs(t, f, der, nil)
			if !strings.Contains(names, name) {
				if !errors.Is(err, ErrUnsupported) {
					t.Errorf("%s in format %d: %v", name, f, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s in format %d: %v", name, f, err)
				continue
			}
			if got := Detect(text); got != f {
				t.Errorf("%s in format %d is taken for %d", name, f, got)
			}
			back, symmetric, err := ParseAny(text, f, nil)
			if err != nil || symmetric != nil || !bytes.Equal(canonical(t, back), der) {
				t.Errorf("%s in format %d: another key (%v)", name, f, err)
			}
			for other := range fits {
				if _, _, err := ParseAny(text, other, nil); other != f && !errors.Is(err, ErrFormat) {
					t.Errorf("%s in format %d is read as %d: %v", name, f, other, err)
				}
			}
			for _, bad := range [][]byte{append(bytes.Clone(text), "x"...), text[:len(text)-20], append([]byte("x"), text...)} {
				if _, _, err := ParseAny(bad, f, nil); !errors.Is(err, ErrFormat) {
					t.Errorf("%s in format %d, damaged: %v", name, f, err)
				}
			}
		}
	}
}

func TestDERIsDetected(t *testing.T) {
	keys := foreignKeys(t)
	pkcs1, _ := EncodePKCS1PEM(keys["rsa"])
	sec1, _ := EncodeSEC1PEM(keys["p256"])
	for f, text := range map[Format][]byte{FormatPKCS1: pkcs1, FormatSEC1: sec1} {
		_, der, err := DecodePEM(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := Detect(der); got != f {
			t.Errorf("format %d is taken for %d", f, got)
		}
		if _, _, err := ParseAny(der, f, nil); err != nil {
			t.Errorf("format %d: %v", f, err)
		}
	}
	if got := Detect(keys["ed25519"]); got != FormatPKCS8 {
		t.Errorf("PKCS #8 is taken for %d", got)
	}
	for _, data := range []string{"", "\x30", "raw bytes", "-----BEGIN CERTIFICATE-----\nMA==\n", strings.Repeat("\x30", 32)} {
		if got := Detect([]byte(data)); got != FormatUnknown {
			t.Errorf("%q is taken for %d", data, got)
		}
	}
}

func TestOpenSSHPassphrases(t *testing.T) {
	der := foreignKeys(t)["ed25519"]
	text, err := EncodeOpenSSH(der, []byte("correct horse"), "")
	if err != nil {
		t.Fatal(err)
	}
	for phrase, want := range map[string]error{"": ErrEncrypted, "wrong": ErrPassphrase, "correct horse": nil} {
		back, _, err := ParseAny(text, FormatOpenSSH, []byte(phrase))
		if !errors.Is(err, want) || want == nil && !bytes.Equal(back, der) {
			t.Errorf("passphrase %q: %v", phrase, err)
		}
	}
}

// OpenSSH's own program reads what is written, and what it writes is read.
func TestSSHKeygen(t *testing.T) {
	keygen, err := exec.LookPath("ssh-keygen")
	if err != nil {
		t.Skip("ssh-keygen is not installed")
	}
	for name, der := range foreignKeys(t) {
		if name == "x25519" {
			continue
		}
		for _, phrase := range []string{"", "correct horse"} {
			if phrase != "" && name != "ed25519" {
				continue // deriving a key takes long, and knows nothing of what it is for
			}
			file := filepath.Join(t.TempDir(), "key")
			text, err := EncodeOpenSSH(der, []byte(phrase), "alice/key")
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, text, 0o600); err != nil {
				t.Fatal(err)
			}
			public, err := exec.Command(keygen, "-y", "-P", phrase, "-f", file).Output()
			if err != nil {
				t.Errorf("%s: ssh-keygen -y: %v", name, err)
				continue
			}
			if want := authorizedKeyOf(t, der); !bytes.HasPrefix(public, bytes.TrimSpace(want)) {
				t.Errorf("%s: ssh-keygen reads another key: %s, want %s", name, public, want)
			}
			// It writes the file anew under another passphrase.
			another := ""
			if name == "ed25519" {
				another = "another one"
			}
			if out, err := exec.Command(keygen, "-p", "-q", "-a", "4", "-P", phrase, "-N", another, "-f", file).CombinedOutput(); err != nil {
				t.Fatalf("%s: ssh-keygen -p: %v\n%s", name, err, out)
			}
			theirs, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			back, _, err := ParseAny(theirs, Detect(theirs), []byte(another))
			if err != nil || !bytes.Equal(canonical(t, back), der) {
				t.Errorf("%s: what ssh-keygen wrote is another key: %v", name, err)
			}
		}
	}
}

func authorizedKeyOf(t testing.TB, der []byte) []byte {
	t.Helper()
	line, err := AuthorizedKey(publicOf(t, der), "")
	if err != nil {
		t.Fatal(err)
	}
	return line
}

func publicOf(t testing.TB, der []byte) []byte {
	t.Helper()
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		t.Fatal(err)
	}
	public := any(key).(interface{ Public() crypto.PublicKey }).Public()
	spki, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return spki
}

// A JOSE library reads what is written here, public and private, alone and in a
// set, and finds the same thumbprint; what it writes is read.
func TestJWKWithAJOSELibrary(t *testing.T) {
	for name, der := range foreignKeys(t) {
		if name == "x25519" {
			continue // it knows signing keys only
		}
		public, err := PublicJWK(publicOf(t, der), UseSignature)
		if err != nil {
			t.Fatal(err)
		}
		var set jose.JSONWebKeySet
		if err := json.Unmarshal([]byte(`{"keys":[`+string(public)+`]}`), &set); err != nil || len(set.Keys) != 1 {
			t.Errorf("%s: %v: %s", name, err, public)
			continue
		}
		read := set.Keys[0]
		print, err := read.Thumbprint(crypto.SHA256)
		if err != nil || !read.IsPublic() || !read.Valid() || read.Use != "sig" || read.KeyID != octetsText(print) {
			t.Errorf("%s: %v: %+v", name, err, read)
		}
		if spki, err := x509.MarshalPKIXPublicKey(read.Key); err != nil || !bytes.Equal(spki, publicOf(t, der)) {
			t.Errorf("%s: the library reads another key (%v)", name, err)
		}
		private, err := PrivateJWK(der)
		if err != nil {
			t.Fatal(err)
		}
		if err := read.UnmarshalJSON(private); err != nil || read.IsPublic() || !read.Valid() {
			t.Errorf("%s: private: %v", name, err)
			continue
		}
		theirs, err := read.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		back, _, err := ParseAny(theirs, Detect(theirs), nil)
		if err != nil || !bytes.Equal(back, der) {
			t.Errorf("%s: what the library wrote is another key: %v", name, err)
		}
	}
	_, symmetric, err := ParseAny(SymmetricJWK([]byte("0123456789abcdef")), FormatJWK, nil)
	if err != nil || string(symmetric) != "0123456789abcdef" {
		t.Errorf("oct: %q, %v", symmetric, err)
	}
}

func octetsText(b []byte) string {
	return strings.Trim(string(SymmetricJWK(b))[len(`{"kty":"oct","k":"`):], `"}`)
}

// RFC 7638, section 3.1, and RFC 8037, appendix A.3.
func TestThumbprintsOfTheRFCs(t *testing.T) {
	for text, want := range map[string]string{
		rfc7638Key: "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
		`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`: "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
	} {
		var j jwk
		if err := json.Unmarshal([]byte(text), &j); err != nil {
			t.Fatal(err)
		}
		if got := thumbprint(&j); got != want {
			t.Errorf("thumbprint %s, want %s", got, want)
		}
	}
}

// RFC 7517, appendices A.2 and A.3.
func TestJWKsOfTheRFC(t *testing.T) {
	const ec = `{"kty":"EC", "crv":"P-256", "x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
		"y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM", "d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE", "use":"enc", "kid":"1"}`
	der, _, err := ParseAny([]byte(ec), Detect([]byte(ec)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := PrivateJWK(der); err != nil || !strings.Contains(string(text), `"d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"`) {
		t.Errorf("%v: %s", err, text)
	}
	const oct = `{"kty":"oct", "alg":"A128KW", "k":"GawgguFyGrWKav7AX4VKUg"}`
	if _, key, err := ParseAny([]byte(oct), Detect([]byte(oct)), nil); err != nil || len(key) != 16 {
		t.Errorf("%x, %v", key, err)
	}
}

func TestJWKStrictness(t *testing.T) {
	const ed = `"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"`
	const d = `"d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"`
	for text, want := range map[string]error{
		`{` + ed + `,` + d + `}`:                                               nil,
		`{` + ed + `,` + d + `,"alg":"EdDSA","ext":true}`:                      nil,
		`{` + ed + `}`:                                                         ErrFormat, // public
		`{` + ed + `,` + d + `,` + d + `}`:                                     ErrFormat,
		`{` + ed + `,` + d + `} {}`:                                            ErrFormat,
		`{` + ed + `,"d":"AAAA"}`:                                              ErrUnsupported,
		`{` + ed + `,"d":null}`:                                                ErrFormat,
		`{` + ed + `,"d":["AAAA"]}`:                                            ErrFormat,
		`{` + ed + `,"d":"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}`:       ErrFormat,
		`{` + ed + `,"d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="}`:      ErrFormat,
		strings.Replace(`{`+ed+`,`+d+`}`, "11q", "12q", 1):                     ErrFormat, // another public key
		`{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA","d":"AA"}`:            ErrUnsupported,
		`{"kty":"EC","crv":"P-256","x":"AA","y":"AA","d":"AA"}`:                ErrFormat,
		`{"kty":"RSA","n":"AA","e":"AQAB","d":"AA"}`:                           ErrUnsupported,
		`{"kty":"RSA","n":"Dw","e":"AQAB","d":"AQ","p":"Aw","q":"BQ"}`:         ErrFormat,
		`{"kty":"RSA","n":"Dw","e":"____________","d":"AQ","p":"Aw","q":"BQ"}`: ErrFormat,
		`{"kty":"oct"}`:        ErrFormat,
		`{"kty":"oct","k":""}`: ErrFormat,
		`{}`:                   ErrFormat, `[]`: ErrFormat, `{"keys":[]}`: ErrFormat,
	} {
		if _, _, err := ParseAny([]byte(text), FormatJWK, nil); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
}

// FuzzParseAny is the one parser of private keys: nothing that it takes leaves
// it in a form that is not PKCS #8.
func FuzzParseAny(f *testing.F) {
	for _, der := range foreignKeys(f) {
		for _, format := range []Format{FormatPKCS8, FormatPKCS1, FormatSEC1, FormatOpenSSH, FormatJWK} {
			if text, err := encodeAs(f, format, der, nil); err == nil {
				f.Add(text)
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		format := Detect(data)
		der, symmetric, err := ParseAny(data, format, nil) // without a passphrase: derivations are slow
		switch {
		case err != nil:
			if !errors.Is(err, ErrFormat) && !errors.Is(err, ErrUnsupported) && !errors.Is(err, ErrEncrypted) {
				t.Fatalf("%v has no class", err)
			}
		case der != nil && (symmetric != nil || checkPKCS8(der) != nil):
			t.Fatalf("format %d gives %x, which is not PKCS #8", format, der)
		case der == nil && (len(symmetric) == 0 || format != FormatJWK):
			t.Fatalf("format %d gives %x", format, symmetric)
		}
	})
}
