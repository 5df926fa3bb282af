package audit_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/vaultd/vaultd/vault/audit"
)

func TestLineIsAsDocumented(t *testing.T) {
	r := record(5)
	r.Seq, r.Code, r.Extra = 42, "expired", []audit.Field{{Name: "policy", Value: "7"}}
	const want = `{"seq":42,"time":"2026-01-02T03:04:05.000000005Z","request":"req-5",` +
		`"principal":{"uid":1000,"user":"alice","gid":1000,"pid":6,"exe":"/usr/bin/backup","unit":"backup.service"},` +
		`"action":"key.encrypt","key":{"name":"session","version":3,"fingerprint":"SHA256:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg"},` +
		`"owner":"alice","outcome":"allowed","code":"expired","rule":"owner","form":"frames","duration_us":17,"extra":{"policy":"7"}}`
	if diff := cmp.Diff(want, string(audit.AppendLine(nil, &r))); diff != "" {
		t.Fatal(diff)
	}
	const least = `{"seq":0,"time":"1970-01-01T00:00:00Z","principal":{"uid":0,"gid":0,"pid":0},"action":"","outcome":"","duration_us":0}`
	if diff := cmp.Diff(least, string(audit.AppendLine(nil, &audit.Record{Time: time.Unix(0, 0)}))); diff != "" {
		t.Fatal(diff)
	}
}

// Whatever a caller calls things, one record is one line, and a terminal that
// shows it obeys nothing in it.
func TestNothingCanBeInjected(t *testing.T) {
	evil := "a\nb\r\x00\x1b[2J\x7f\u0085\u009b\u2028\u2029\u202e\u2066\ufeff\u200b\"\\\xff\xc3\t{\"seq\":1}"
	r := record(1)
	for _, field := range []*string{
		&r.Request, &r.Principal.User, &r.Principal.Exe, &r.Principal.Unit, &r.Action, &r.Key.Name,
		&r.Key.Fingerprint, &r.Owner, &r.Code, &r.Rule, &r.Form,
	} {
		*field = evil
	}
	r.Outcome = audit.Outcome(evil)
	r.Extra = []audit.Field{{Name: "x", Value: evil}, {Name: "\n", Value: "y"}}
	line := string(audit.AppendLine(nil, &r))
	for _, c := range line {
		if c < 0x20 || c >= 0x7f && c <= 0x9f || strings.ContainsRune("\u2028\u2029\u202e\u2066\ufeff\u200b\ufffd", c) {
			t.Fatalf("%U in %q", c, line)
		}
	}
	var parsed struct {
		Owner string `json:"owner"`
	}
	if err := json.Unmarshal([]byte(line), &parsed); err != nil {
		t.Fatal(err)
	}
	if want := strings.ToValidUTF8(strings.ReplaceAll(evil, "\xff\xc3", "\xff_\xc3"), "\ufffd"); parsed.Owner != strings.ReplaceAll(want, "\ufffd_\ufffd", "\ufffd\ufffd") {
		t.Fatalf("got %q, want %q", parsed.Owner, want)
	}
	if _, err := audit.Decode([]byte(line)); err != nil {
		t.Fatal(err)
	}
}

func TestLongValuesAreCutVisibly(t *testing.T) {
	r := record(1)
	r.Owner = strings.Repeat("o", 300)
	r.Key.Name = strings.Repeat("\x01", 1<<20)
	r.Rule = strings.Repeat("ü", 1000)
	for i := range 40 {
		r.Extra = append(r.Extra, audit.Field{Name: strings.Repeat("n", i), Value: strings.Repeat("v", 1000)})
	}
	line := audit.AppendLine(nil, &r)
	if len(line) >= audit.MaxLine || !utf8.Valid(line) {
		t.Fatal(len(line))
	}
	got, err := audit.Decode(line)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Repeat("o", 231) + "…[+69]"; got.Owner != want {
		t.Fatalf("%q", got.Owner)
	}
	if !strings.HasSuffix(got.Key.Name, "…[+1048495]") || !strings.HasSuffix(got.Rule, "]") {
		t.Fatalf("%q, %q", got.Key.Name, got.Rule)
	}
	if last := got.Extra[len(got.Extra)-1]; len(got.Extra) != 16 || last != (audit.Field{Name: "…", Value: "[+25]"}) {
		t.Fatalf("%+v", got.Extra)
	}
}

func TestDecodeIsStrict(t *testing.T) {
	r := record(5)
	line := string(audit.AppendLine(nil, &r))
	if _, err := audit.Decode([]byte(line)); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		"", "{}", line + " ", " " + line, line + line,
		strings.Replace(line, `"seq":0`, `"seq":00`, 1),
		strings.Replace(line, `"seq":0`, `"seq":-1`, 1),
		strings.Replace(line, `"seq":0`, `"seq":99999999999999999999`, 1),
		strings.Replace(line, `"alice"`, `"\u0061lice"`, 1),
		strings.Replace(line, `"alice"`, `"al\u00AEce"`, 1),
		strings.Replace(line, `"alice"`, `"al\ud800ce"`, 1),
		strings.Replace(line, `"alice"`, "\"al\x01ce\"", 1),
		strings.Replace(line, `"owner":"alice"`, `"owner":""`, 1),
		strings.Replace(line, `"owner":"alice"`, `"owner":"alice","owner":"bob"`, 1),
		strings.Replace(line, `"pid":6`, `"pid":-0`, 1),
		strings.Replace(line, `"uid":1000`, `"uid":4294967296`, 1),
		strings.Replace(line, `03:04:05.000000005Z`, `03:04:05.0000000050Z`, 1),
		strings.Replace(line, `,"duration_us":17`, ``, 1),
		strings.Replace(line, `17}`, `17,"extra":{}}`, 1),
		strings.Replace(line, `17}`, `17,"extra":{"a":"1","a":"2"}}`, 1),
	} {
		if got, err := audit.Decode([]byte(bad)); err == nil {
			t.Errorf("accepted %s as %+v", bad, got)
		}
	}
}

func TestEveryRecordSurvivesTheLine(t *testing.T) {
	text := rapid.StringOf(rapid.OneOf(rapid.Rune(), rapid.RuneFrom([]rune("abc\"\\\n\x00\u2028"))))
	rapid.Check(t, func(t *rapid.T) {
		r := audit.Record{
			Seq:     rapid.Int64Min(0).Draw(t, "seq"),
			Time:    time.Unix(rapid.Int64Range(0, 250000000000).Draw(t, "s"), rapid.Int64Range(0, 999999999).Draw(t, "ns")).UTC(),
			Request: text.Draw(t, "request"),
			Principal: audit.Principal{
				UID: rapid.Uint32().Draw(t, "uid"), GID: rapid.Uint32().Draw(t, "gid"), PID: rapid.Int32Min(-5).Draw(t, "pid"),
				User: text.Draw(t, "user"), Exe: text.Draw(t, "exe"), Unit: text.Draw(t, "unit"),
			},
			Action: text.Draw(t, "action"),
			Key:    audit.Key{Name: text.Draw(t, "name"), Version: rapid.Uint32().Draw(t, "version"), Fingerprint: text.Draw(t, "fp")},
			Owner:  text.Draw(t, "owner"), Outcome: audit.Outcome(text.Draw(t, "outcome")), Code: text.Draw(t, "code"),
			Rule: text.Draw(t, "rule"), Form: text.Draw(t, "form"),
			Duration: time.Duration(rapid.Int64Range(0, 1<<40).Draw(t, "us")) * time.Microsecond,
		}
		for range rapid.IntRange(0, 20).Draw(t, "extras") {
			r.Extra = append(r.Extra, audit.Field{Name: text.Draw(t, "field"), Value: text.Draw(t, "value")})
		}
		line := audit.AppendLine(nil, &r)
		if len(line) >= audit.MaxLine || !json.Valid(line) {
			t.Fatalf("%d bytes, %q", len(line), line)
		}
		got, err := audit.Decode(line)
		if err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if again := audit.AppendLine(nil, &got); string(again) != string(line) {
			t.Fatalf("%s\n%s", line, again)
		}
		if got.Seq != r.Seq || !got.Time.Equal(r.Time) || got.Principal.UID != r.Principal.UID || got.Duration != r.Duration {
			t.Fatalf("got %+v, want %+v", got, r)
		}
	})
}
