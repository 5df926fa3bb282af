package parse

import (
	"encoding/base64"
	"errors"
	"os"
	"os/user"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault/fault"
)

func TestDuration(t *testing.T) {
	const day = 24 * time.Hour
	for s, want := range map[string]time.Duration{
		"1s": time.Second, "90s": 90 * time.Second, "15m": 15 * time.Minute, "1h": time.Hour, "1h30m": 90 * time.Minute,
		"30d": 30 * day, "4w": 28 * day, "1y": 365 * day, "1y6w2d3h4m5s": (365+42+2)*day + 3*time.Hour + 4*time.Minute + 5*time.Second,
		"100y": MaxLifetime, "007d": 7 * day,
	} {
		got, err := Duration(s)
		if err != nil || got != want {
			t.Errorf("Duration(%q) = %v, %v; want %v", s, got, err, want)
		}
	}
	for _, s := range []string{
		"", "0", "0s", "5", "h", "-1h", "+1h", "1.5h", "1h ", " 1h", "1H", "1ms", "1h1h", "1m1h", "1d1y", "1hh",
		"101y", "100y1s", "99999999999999999999s", "9223372036854775807s", "١h", "none",
	} {
		if got, err := Duration(s); err == nil {
			t.Errorf("Duration(%q) = %v, want an error", s, got)
		} else if !errors.Is(err, fault.E(fault.CodeBadArgument, "")) {
			t.Errorf("Duration(%q): %v is not a bad_argument", s, err)
		}
	}
}

func TestDurationAddsUpItsUnits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var text strings.Builder
		var want time.Duration
		for _, u := range units {
			if n := rapid.IntRange(0, 20).Draw(t, string(u.suffix)); n > 0 {
				text.WriteString(strconv.Itoa(n) + string(u.suffix))
				want += time.Duration(n) * u.length
			}
		}
		got, err := Duration(text.String())
		if want == 0 {
			if err == nil {
				t.Fatalf("%q was taken as %v", text.String(), got)
			}
			return
		}
		if err != nil || got != want {
			t.Fatalf("Duration(%q) = %v, %v; want %v", text.String(), got, err, want)
		}
	})
}

func FuzzDuration(f *testing.F) {
	f.Add("1y6w")
	f.Add("99999999999y")
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := Duration(s); err == nil && (d <= 0 || d > MaxLifetime) {
			t.Errorf("Duration(%q) = %v, out of bounds", s, d)
		}
	})
}

func TestLifetimeTellsNoneFromNotGiven(t *testing.T) {
	var l Lifetime
	if l.Proto() != nil || l.NoExpiry() || l.String() != "" {
		t.Errorf("the zero value is %q", l.String())
	}
	for _, word := range []string{"none", "never", "None"} {
		if err := l.Set(word); err != nil || l.Proto() != nil || !l.NoExpiry() {
			t.Errorf("%s: %v, %v, %v", word, err, l.Proto(), l.NoExpiry())
		}
	}
	if err := l.Set("1h"); err != nil || l.Proto().AsDuration() != time.Hour || l.NoExpiry() {
		t.Errorf("1h: %v, %v, %v", err, l.Proto(), l.NoExpiry())
	}
}

func TestKeyNames(t *testing.T) {
	me, err := user.LookupId(strconv.Itoa(os.Getuid()))
	if err != nil {
		t.Skipf("this user has no name: %v", err)
	}
	names := Names{UID: os.Getuid()}
	t.Setenv("USER", "mallory")
	t.Setenv("LOGNAME", "mallory")
	for s, want := range map[string]string{
		"session": me.Username + "/session", "alice/session": "alice/session",
		"": "", "/session": "", "alice/": "", "a/b/c": "", "/": "",
	} {
		got, err := names.Key(s)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("Key(%q) = %q, %v; want %q", s, got, err, want)
		}
	}
	nobody := Names{UID: 1<<31 - 7}
	if got, err := nobody.Key("session"); err == nil {
		t.Errorf("a user without a name has %q", got)
	}
	if got, err := nobody.Key("alice/session"); err != nil || got != "alice/session" {
		t.Errorf("a full name needs no user: %q, %v", got, err)
	}
}

func TestContext(t *testing.T) {
	got, err := Context([]string{"tenant=42", "empty=", "eq=a=b", "tenänt=ü", "uid=@peer", "mail=@@home", "at=a@peer"})
	want := []*vaultdv1.ContextPair{
		{Name: "tenant", Value: "42"},
		{Name: "empty"},
		{Name: "eq", Value: "a=b"},
		{Name: "tenänt", Value: "ü"},
		{Name: "uid", FromPeer: true},
		{Name: "mail", Value: "@home"},
		{Name: "at", Value: "a@peer"},
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" || err != nil {
		t.Errorf("%v: %s", err, diff)
	}
	for _, bad := range [][]string{{"tenant"}, {"=42"}, {""}, {"a=1", "a=2"}, {"a=1", "a=1"}, {"a=\xff"}, {"\xff=a"}, {"uid=@uid"}, {"a=@"}, {"a=@peers"}} {
		if got, err := Context(bad); !errors.Is(err, fault.E(fault.CodeBadContext, "")) {
			t.Errorf("Context(%q) = %v, %v", bad, got, err)
		}
	}
}

func TestLabels(t *testing.T) {
	got, err := Labels([]string{"env=prod", "note=a=b"})
	if diff := cmp.Diff(map[string]string{"env": "prod", "note": "a=b"}, got); diff != "" || err != nil {
		t.Errorf("%v: %s", err, diff)
	}
	for _, bad := range [][]string{{"env"}, {"=x"}, {"a=1", "a=2"}, {"a=\xff"}} {
		if got, err := Labels(bad); err == nil {
			t.Errorf("Labels(%q) = %v", bad, got)
		}
	}
}

func TestUses(t *testing.T) {
	got, err := Uses(UseNames())
	if err != nil || len(got) != len(vaultdv1.KeyUse_name)-1 {
		t.Fatalf("%v, %v", got, err)
	}
	for i, u := range got {
		name := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(u.String(), "KEY_USE_"), "_", "-"))
		if UseName(u) != UseNames()[i] || UseName(u) != name {
			t.Errorf("use %d is %v (%s)", i+1, u, UseName(u))
		}
	}
	if got, err := Uses([]string{"sign", "sign"}); err != nil || len(got) != 1 {
		t.Errorf("twice the same: %v, %v", got, err)
	}
	if _, err := Uses([]string{"burn"}); err == nil || !strings.Contains(err.Error(), "encrypt, decrypt") {
		t.Errorf("an unknown use: %v", err)
	}
}

// Every number of the service's definition but "unspecified" has a word.
func TestChoicesAreComplete(t *testing.T) {
	if n := len(PublicFormat().Words()); n != len(vaultdv1.PublicKeyFormat_name)-1 {
		t.Errorf("%d public formats", n)
	}
	if n := len(PrivateFormat().Words()); n != len(vaultdv1.PrivateKeyFormat_name)-1 {
		t.Errorf("%d private formats", n)
	}
	if n := len(Hash().Words()); n != len(vaultdv1.HashAlgorithm_name)-1 {
		t.Errorf("%d hashes", n)
	}
	if n := len(Scheme().Words()); n != len(vaultdv1.SignatureScheme_name)-1 {
		t.Errorf("%d schemes", n)
	}
	if n := len(UseNames()); n != len(vaultdv1.KeyUse_name)-1 {
		t.Errorf("%d uses", n)
	}
	c := Hash()
	if err := c.Set("sha384"); err != nil || c.Name(c.Value) != "sha384" || c.String() != "sha384" {
		t.Errorf("%v: %v", c, err)
	}
	if err := c.Set("md5"); err == nil || c.String() != "sha384" {
		t.Errorf("md5: %v, %v", c, err)
	}
}

func TestBytes(t *testing.T) {
	for s, want := range map[string]string{"": "", "handshake data": "handshake data", "hex:00ff": "\x00\xff", "base64:AP8=": "\x00\xff", "hex:": ""} {
		if got, err := Bytes(s); err != nil || string(got) != want {
			t.Errorf("Bytes(%q) = %q, %v", s, got, err)
		}
	}
	for _, s := range []string{"hex:0", "hex:zz", "base64:AP8", "base64:A P8="} {
		if got, err := Bytes(s); err == nil {
			t.Errorf("Bytes(%q) = %q", s, got)
		}
	}
}

func TestSignatureInEitherForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(rapid.Byte(), 32, 512).Draw(t, "signature")
		text := base64.StdEncoding.EncodeToString(want)
		wrapped := text[:len(text)/2] + "\r\n" + text[len(text)/2:] + "\n"
		for _, in := range [][]byte{[]byte(text), []byte(wrapped)} {
			if diff := cmp.Diff(want, Signature(in)); diff != "" {
				t.Fatal(diff)
			}
		}
	})
	raw := []byte{0x30, 0x45, 0x02, 0x20, 0x0a, 0x0a}
	if diff := cmp.Diff(raw, Signature(raw)); diff != "" {
		t.Errorf("raw bytes were changed: %s", diff)
	}
	if got := Signature([]byte("\n")); string(got) != "\n" {
		t.Errorf("%q", got)
	}
}

func TestIsText(t *testing.T) {
	for s, want := range map[string]bool{"vd1:abc_-\r\n": true, "": true, "\x00": false, "a\x7f": false, "ü": false} {
		if got := IsText([]byte(s)); got != want {
			t.Errorf("IsText(%q) = %v", s, got)
		}
	}
}

func TestSubject(t *testing.T) {
	got, err := Subject(`CN=web.example, O=Example\, Inc.,OU=a,OU=b,C=AQ,ST=s,L=l,serialNumber=7`)
	want := &vaultdv1.CertificateName{
		CommonName: "web.example", SerialNumber: "7", Organization: []string{"Example, Inc."}, OrganizationalUnit: []string{"a", "b"},
		Country: []string{"AQ"}, Province: []string{"s"}, Locality: []string{"l"},
	}
	if err != nil || !proto.Equal(got, want) {
		t.Errorf("Subject = %v, %v", got, err)
	}
	if got, err := Subject(""); err != nil || !proto.Equal(got, &vaultdv1.CertificateName{}) {
		t.Errorf("no subject: %v, %v", got, err)
	}
	for _, bad := range []string{"web", "CN=", "CN=a,CN=b", "X=y", ",", "CN=a,", "/CN=a"} {
		if got, err := Subject(bad); err == nil {
			t.Errorf("Subject(%q) = %v", bad, got)
		}
	}
}
