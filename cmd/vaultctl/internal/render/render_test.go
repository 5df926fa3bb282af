package render

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func printer() (*Printer, *bytes.Buffer, *bytes.Buffer) {
	var out, err bytes.Buffer
	return &Printer{Out: &out, Err: &err, Now: func() time.Time { return noon }}, &out, &err
}

func TestRelative(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "now", 999 * time.Millisecond: "now", -time.Millisecond: "now",
		time.Second: "in 1s", time.Hour - time.Second: "in 1h", 58 * time.Minute: "in 58m", 90 * time.Minute: "in 1h", 24*time.Hour - time.Second: "in 24h", -90 * time.Minute: "1h ago", 47 * time.Hour: "in 47h",
		48 * time.Hour: "in 2d", 365 * 24 * time.Hour: "in 365d", -3 * 365 * 24 * time.Hour: "3y ago",
	} {
		if got := Relative(d); got != want {
			t.Errorf("Relative(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0 bytes", 1023: "1023 bytes", 1024: "1.0 KiB", 1536: "1.5 KiB", 5 << 20: "5.0 MiB", 3 << 40: "3.0 TiB", 5 << 50: "5120.0 TiB",
	} {
		if got := Size(n); got != want {
			t.Errorf("Size(%d) = %q, want %q", n, got, want)
		}
	}
}

func sampleKey() *vaultdv1.Key {
	at := timestamppb.New(noon)
	return &vaultdv1.Key{
		Name: "alice/session", Id: "00", Type: "fernet", Version: 2, Current: 2, State: vaultdv1.KeyState_KEY_STATE_ACTIVE,
		Uses:   []vaultdv1.KeyUse{vaultdv1.KeyUse_KEY_USE_ENCRYPT, vaultdv1.KeyUse_KEY_USE_DECRYPT},
		Labels: map[string]string{"env": "prod", "a": "b"}, Created: at, Ttl: durationpb.New(time.Hour), Origin: "generated",
		Versions: []*vaultdv1.KeyVersion{
			{Number: 1, State: vaultdv1.KeyState_KEY_STATE_EXPIRED, Fingerprint: "SHA256:old", Created: at, Expires: timestamppb.New(noon.Add(-time.Minute))},
			{Number: 2, State: vaultdv1.KeyState_KEY_STATE_ACTIVE, Fingerprint: "SHA256:new", Created: at, Expires: timestamppb.New(noon.Add(time.Hour - 1))},
		},
	}
}

func TestKeyAsText(t *testing.T) {
	p, out, _ := printer()
	if err := p.Key(sampleKey()); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	for _, want := range []string{
		"Key          alice/session\n", "Uses         encrypt, decrypt\n", "Fingerprint  SHA256:new\n", " (in 1h)\n",
		"Lifetime     1h for each new version\n", "Label        a=b\nLabel        env=prod\n",
		"VERSION  STATE        CREATED  EXPIRES  FINGERPRINT\n", "1        deactivated  now      1m ago   SHA256:old\n",
		"v1 expires\n", "v2 expires\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// Programs depend on these names.
func TestKeyAsJSON(t *testing.T) {
	p, out, _ := printer()
	p.JSON = true
	if err := p.Key(sampleKey()); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"name": "alice/session", "id": "00", "type": "fernet", "state": "active", "version": 2.0, "fingerprint": "SHA256:new",
		"created": "2026-03-01T12:00:00Z", "expires": "2026-03-01T12:59:59.999999999Z", "ttl_seconds": 3600.0,
		"uses": []any{"encrypt", "decrypt"}, "exportable": false, "origin": "generated",
		"labels": map[string]any{"env": "prod", "a": "b"},
		"versions": []any{
			map[string]any{"number": 1.0, "state": "deactivated", "fingerprint": "SHA256:old", "created": "2026-03-01T12:00:00Z", "expires": "2026-03-01T11:59:00Z"},
			map[string]any{"number": 2.0, "state": "active", "fingerprint": "SHA256:new", "created": "2026-03-01T12:00:00Z", "expires": "2026-03-01T12:59:59.999999999Z"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEmptyListsAreLists(t *testing.T) {
	p, out, _ := printer()
	p.JSON = true
	for name, list := range map[string]func() error{
		"keys":        func() error { return p.KeyList(nil) },
		"owners":      func() error { return p.OwnerList(nil) },
		"revocations": func() error { return p.RevocationList(nil) },
	} {
		out.Reset()
		if err := list(); err != nil {
			t.Fatal(err)
		}
		var got map[string][]any
		if err := json.Unmarshal(out.Bytes(), &got); err != nil || got[name] == nil || len(got[name]) != 0 {
			t.Errorf("%s: %s, %v", name, out, err)
		}
	}
}

// What others wrote into a reason or a label must not reach the terminal as
// commands, in no kind of output.
func TestControlCharactersDoNotReachTheTerminal(t *testing.T) {
	p, out, errs := printer()
	evil := "x\x1b[2Jy\nz\u009b31m\tw"
	if err := p.RevocationList([]*vaultdv1.Revocation{{Kind: "key", Name: evil, By: evil, Reason: evil}}); err != nil {
		t.Fatal(err)
	}
	if err := p.Owner(&vaultdv1.Owner{Name: evil, Reason: evil, Revoked: true}); err != nil {
		t.Fatal(err)
	}
	if err := p.RevocationCheck(evil, &vaultdv1.CheckRevocationResponse{}); err != nil {
		t.Fatal(err)
	}
	p.Fail(Failure{Message: evil, Hint: evil})
	p.Warn("%s", evil)
	p.Note("%s", evil)
	if text := out.String() + errs.String(); strings.ContainsAny(text, "\x1b\u009b\t") || strings.Contains(text, "y\nz") {
		t.Errorf("%q", text)
	}
}

func TestFailure(t *testing.T) {
	p, _, errs := printer()
	f := Failure{Code: "sealed", Message: "the vault is sealed", Hint: "run 'vaultctl unseal'", Exit: 8}
	p.Fail(f)
	if want := "vaultctl: the vault is sealed\nhint: run 'vaultctl unseal'\n"; errs.String() != want {
		t.Errorf("%q, want %q", errs, want)
	}
	errs.Reset()
	p.JSON = true
	p.Fail(f)
	want := `{"error":{"code":"sealed","message":"the vault is sealed","hint":"run 'vaultctl unseal'","exit":8}}` + "\n"
	if diff := cmp.Diff(want, errs.String()); diff != "" {
		t.Error(diff)
	}
}

func TestQuietAndJSONLeaveNotesOut(t *testing.T) {
	p, _, errs := printer()
	p.Quiet = true
	p.Note("a note")
	p.Warn("a warning")
	if errs.String() != "warning: a warning\n" {
		t.Errorf("quiet: %q", errs)
	}
	errs.Reset()
	p.Quiet, p.JSON = false, true
	p.Note("a note")
	p.Warn("a warning")
	if errs.Len() > 0 {
		t.Errorf("JSON: %q", errs)
	}
}

func TestProgressAppearsAfterASecondAndGoesAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		p := &Printer{Err: &b, Now: time.Now}
		stop := p.progress(func() string { return "Waiting" })
		time.Sleep(patience / 2)
		stop()
		if b.Len() > 0 {
			t.Errorf("shown at once: %q", b.String())
		}
		stop = p.progress(func() string { return "Waiting" })
		time.Sleep(2*patience + patience/2)
		stop()
		stop()
		if got, want := b.String(), "\r\x1b[KWaiting (1s)\r\x1b[KWaiting (2s)\r\x1b[K"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

func TestNoProgressWithoutATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _, errs := printer()
		stop := p.Progress("Waiting")
		time.Sleep(time.Minute)
		stop()
		if errs.Len() > 0 {
			t.Errorf("%q", errs)
		}
	})
}

func TestTransfersTellHowFarTheyAre(t *testing.T) {
	for _, c := range []struct {
		done, total uint64
		since       time.Duration
		want        string
	}{
		{0, 0, 0, "Encrypting 0 bytes, 0 bytes/s"},
		{3 << 20, 0, 2 * time.Second, "Encrypting 3.0 MiB, 1.5 MiB/s"},
		{0, 4 << 30, time.Second, "Encrypting [                    ] 0% of 4.0 GiB, 0 bytes/s"},
		{1 << 30, 4 << 30, time.Second, "Encrypting [=====               ] 25% of 4.0 GiB, 1.0 GiB/s, 3s left"},
		{4 << 30, 4 << 30, 4 * time.Second, "Encrypting [====================] 100% of 4.0 GiB, 1.0 GiB/s, 0s left"},
		{5 << 30, 4 << 30, 5 * time.Second, "Encrypting 5.0 GiB, 1.0 GiB/s"}, // it grew meanwhile
	} {
		if got := transferLine("Encrypting", c.done, c.total, c.since); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
