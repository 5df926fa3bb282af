package ipc_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/vaultd/vaultd/ipc"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/audit"
	"github.com/vaultd/vaultd/vault/fault"
)

// withAudit gives a daemon an audit log.
func withAudit(tb testing.TB, dir string) (*audit.Log, setting) {
	tb.Helper()
	log, err := audit.Open(dir, audit.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = log.Close() })
	return log, func(c *ipc.Config) { c.AuditLog = log }
}

func TestEveryRequestLeavesItsRecord(t *testing.T) {
	for _, f := range formsToTest() {
		t.Run(f.name, func(t *testing.T) {
			log, set := withAudit(t, filepath.Join(t.TempDir(), "audit"))
			d := start(t, set)
			c, ctx := f.dial(t, d), t.Context()
			_, _ = c.Status(ctx, &vaultdv1.StatusRequest{})
			_, _ = c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: "root/k"})
			_, _ = c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: "root/k"})
			_, _ = c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: "root/k", Plaintext: []byte("plaintext")})
			_, _ = c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: "bad"})
			_, _ = c.RevokeKey(ctx, &vaultdv1.RevokeKeyRequest{Name: "root/k"})
			if err := log.Flush(); err != nil {
				t.Fatal(err)
			}
			var got []string
			requests := map[string]int{}
			for e, err := range log.Read(audit.Filter{}) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, strings.TrimSpace(fmt.Sprint(e.Action, " ", e.Outcome, " ", e.Key.Name, " ", e.Key.Version, " ", e.Code)))
				if e.Request != "" {
					requests[e.Request]++
				}
				if e.Principal.PID == 0 || e.Form == "" {
					t.Errorf("record without its caller: %s", e.Line)
				}
			}
			want := []string{
				"vault.status allowed  0",
				"key.create begun k 0", "key.create allowed k 1",
				"key.create begun k 0", "key.create error k 0 key_exists",
				"key.encrypt allowed k 1",
				"key.encrypt error  0 bad_argument",
				"key.revoke begun k 0", "key.revoke allowed k 1",
			}
			if strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			for request, n := range requests {
				if n != 2 {
					t.Errorf("request %s has %d records", request, n)
				}
			}
		})
	}
}

// Who follows the log must not read about nothing but itself.
func TestGrantsAreOnRecordWithWhatTheySay(t *testing.T) {
	log, set := withAudit(t, filepath.Join(t.TempDir(), "audit"))
	d := start(t, set)
	c, ctx := formsToTest()[0].dial(t, d), t.Context()
	added, err := c.AddGrant(ctx, &vaultdv1.AddGrantRequest{Json: `{"effect":"allow","uid":4711,"verbs":["decrypt"],"keys":["root/k"]}`})
	if err != nil {
		t.Fatal(err)
	}
	id := added.GetGrant().GetId()
	if _, err := c.RemoveGrant(ctx, &vaultdv1.RemoveGrantRequest{Id: id}); err != nil {
		t.Fatal(err)
	}
	if err := log.Flush(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for e, err := range log.Read(audit.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		line, _, _ := strings.Cut(fmt.Sprint(e.Action, " ", e.Outcome, " ", e.Extra), `,"source"`)
		got = append(got, line)
	}
	want := []string{
		"grant.add begun []",
		"grant.add allowed [{added " + id + `} {says {"id":"` + id + `","effect":"allow","uid":4711,"verbs":["decrypt"],"keys":["root/k"]`,
		"grant.remove begun []",
		"grant.remove allowed [{removed " + id + "}]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Who reads the log finds where a key went, and what came of one that was brought.
func TestWrappedKeysAreOnRecordWithTheKeyTheyWentUnder(t *testing.T) {
	log, set := withAudit(t, filepath.Join(t.TempDir(), "audit"))
	d := start(t, set)
	c, ctx := formsToTest()[0].dial(t, d), t.Context()
	made, err := c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: "root/kek", Type: "hpke-x25519", Uses: []vaultdv1.KeyUse{vaultdv1.KeyUse_KEY_USE_WRAP, vaultdv1.KeyUse_KEY_USE_UNWRAP}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: "root/data", Exportable: true}); err != nil {
		t.Fatal(err)
	}
	public, err := c.PublicKey(ctx, &vaultdv1.PublicKeyRequest{Name: "root/kek"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.WrapKey(ctx, &vaultdv1.WrapKeyRequest{Key: "root/data", WrappingPublicKey: public.GetPublicKey()}); err != nil {
		t.Fatal(err)
	}
	w, err := c.WrapKey(ctx, &vaultdv1.WrapKeyRequest{Key: "root/data", WrappingKey: "root/kek"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.UnwrapKey(ctx, &vaultdv1.UnwrapKeyRequest{Name: "root/copy", UnwrappingKey: "root/kek", Wrapped: w.GetWrapped(), Type: w.GetType()}); err != nil {
		t.Fatal(err)
	}
	if err := log.Flush(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for e, err := range log.Read(audit.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(e.Action, "wrap") {
			got = append(got, fmt.Sprint(e.Action, " ", e.Outcome, " ", e.Key.Name, " ", e.Extra))
		}
	}
	under := "{wrapping_fingerprint " + made.GetKey().GetVersions()[0].GetFingerprint() + "}"
	want := []string{
		"key.wrap begun data []",
		"key.wrap allowed data [" + under + "]",
		"key.wrap begun data [{wrapping_key root/kek}]",
		"key.wrap allowed data [{wrapping_key root/kek} " + under + "]",
		"key.unwrap begun copy [{unwrapping_key root/kek}]",
		"key.unwrap allowed copy [{unwrapping_key root/kek}]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFollowingIsRecordedOnce(t *testing.T) {
	log, set := withAudit(t, filepath.Join(t.TempDir(), "audit"))
	c, ctx := start(t, set).dial(t), t.Context()
	next := uint64(0)
	for range 5 {
		r, err := c.ReadAudit(ctx, &vaultdv1.ReadAuditRequest{From: next, Wait: durationpb.New(100 * time.Millisecond)})
		if err != nil {
			t.Fatal(err)
		}
		next = r.GetNext()
		if err := log.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if n := log.Head().Size; n > 2 {
		t.Errorf("%d records of one reader", n)
	}
	if _, err := c.ReadAudit(ctx, &vaultdv1.ReadAuditRequest{PageSize: 5000}); codeOf(err) != fault.CodeBadArgument {
		t.Errorf("a page of 5000: %v", err)
	}
}

func TestReaderSeesWhatWasJustAsked(t *testing.T) {
	// Hot records would wait for an hour to be written.
	log, err := audit.Open(filepath.Join(t.TempDir(), "audit"), audit.Options{Interval: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	d := start(t, func(c *ipc.Config) { c.AuditLog = log })
	d.createKey(t, "root/k", "xaes-256-gcm")
	c, ctx := d.dial(t), t.Context()
	if _, err := c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: "root/k"}); err != nil {
		t.Fatal(err)
	}
	r, err := c.ReadAudit(ctx, &vaultdv1.ReadAuditRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if lines := r.GetLines(); len(lines) == 0 || !strings.Contains(lines[len(lines)-1], "key.encrypt") {
		t.Errorf("the last of %d records is not of the encryption", len(lines))
	}
}

func TestBrokenLogRefusesBeforehand(t *testing.T) {
	log, set := withAudit(t, filepath.Join(t.TempDir(), "audit"))
	d := start(t, set)
	d.createKey(t, "root/k", "xaes-256-gcm")
	c, ctx := d.dial(t), t.Context()
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: "root/late"})
	wantCode(t, "create", err, fault.CodeAuditUnavailable)
	_, err = c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: "root/k"})
	wantCode(t, "encrypt", err, fault.CodeAuditUnavailable)
	status, err := c.Status(ctx, &vaultdv1.StatusRequest{})
	if err != nil || status.GetKeys() != 1 {
		t.Errorf("status: %v, %v; want one key", status, err)
	}
	_, err = c.Seal(ctx, &vaultdv1.SealRequest{})
	wantCode(t, "seal", err, "")
	_, err = c.Unseal(ctx, &vaultdv1.UnsealRequest{Password: []byte(password)})
	wantCode(t, "unseal", err, "")
}

// BenchmarkSocketEncryptAudited compares encryption with an audit log to that
// without, by turns: ratio is the share of the rate that is left.
func BenchmarkSocketEncryptAudited(b *testing.B) {
	_, set := withAudit(b, filepath.Join(b.TempDir(), "audit"))
	req := &vaultdv1.EncryptRequest{Key: "root/bench", Plaintext: make([]byte, 64), Binary: true}
	var runs []func(int) time.Duration
	for _, d := range []*daemon{start(b, set), start(b)} {
		d.createKey(b, "root/bench", "xaes-256-gcm")
		runs = append(runs, rounds(b, d, func(ctx context.Context, c *client.Client) error {
			_, err := c.Encrypt(ctx, req)
			return err
		}))
	}
	compare(b, runs[0], runs[1])
}
