package ipc_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/audit"
	"github.com/vaultd/vaultd/vault/fault"
)

func encryptItem(key, plaintext string, context ...*vaultdv1.ContextPair) *vaultdv1.BatchItem {
	return &vaultdv1.BatchItem{Request: &vaultdv1.BatchItem_Encrypt{
		Encrypt: &vaultdv1.EncryptRequest{Key: key, Plaintext: []byte(plaintext), Context: context},
	}}
}

func decryptItem(ciphertext string) *vaultdv1.BatchItem {
	return &vaultdv1.BatchItem{Request: &vaultdv1.BatchItem_Decrypt{Decrypt: &vaultdv1.DecryptRequest{Ciphertext: ciphertext}}}
}

// codes are what became of each item, empty for an answer.
func codes(r *vaultdv1.BatchResponse) (all []fault.Code) {
	for _, result := range r.GetResults() {
		all = append(all, codeOf(client.Failure(result)))
	}
	return all
}

func TestBatchAnswersEachItemInOrder(t *testing.T) {
	eachForm(t, func(t *testing.T, d *daemon, c caller) {
		ctx := t.Context()
		for name, kind := range map[string]string{
			"data": "", "other": "fernet", "signer": "ecdsa-p256", "mac": "hmac-sha256", "derive": "hkdf-sha512",
		} {
			d.createKey(t, "root/"+name, kind)
		}
		message := []byte("message")
		mac, err := c.MAC(ctx, &vaultdv1.MACRequest{Key: "root/mac", Message: message})
		if err != nil {
			t.Fatal(err)
		}
		signed, err := c.Sign(ctx, &vaultdv1.SignRequest{Key: "root/signer", Message: message})
		if err != nil {
			t.Fatal(err)
		}
		bound := pair("purpose", "test")
		items := []*vaultdv1.BatchItem{
			encryptItem("root/data", "one"),
			encryptItem("root/data", "two", bound),
			encryptItem("root/data", "three", pair("", "no name")),
			encryptItem("root/data", "four"),
			encryptItem("root/none", "five"),
			encryptItem("root/other", "six"),
			encryptItem("root/other", "seven", bound),
			encryptItem("bad", "eight"),
			decryptItem("garbage"),
			{Request: &vaultdv1.BatchItem_Sign{Sign: &vaultdv1.SignRequest{Key: "root/signer", Message: message}}},
			{Request: &vaultdv1.BatchItem_Verify{Verify: &vaultdv1.VerifyRequest{Key: "root/signer", Message: message, Signature: signed.GetSignature()}}},
			{Request: &vaultdv1.BatchItem_Mac{Mac: &vaultdv1.MACRequest{Key: "root/mac", Message: message}}},
			{Request: &vaultdv1.BatchItem_VerifyMac{VerifyMac: &vaultdv1.VerifyMACRequest{Key: "root/mac", Message: message, Mac: mac.GetMac()}}},
			{Request: &vaultdv1.BatchItem_Derive{Derive: &vaultdv1.DeriveRequest{Key: "root/derive", Length: 40}}},
			{Request: &vaultdv1.BatchItem_GenerateDataKey{GenerateDataKey: &vaultdv1.GenerateDataKeyRequest{Key: "root/data"}}},
			{Request: &vaultdv1.BatchItem_GenerateDataKey{GenerateDataKey: &vaultdv1.GenerateDataKeyRequest{Key: "root/data", Type: "rsa-2048"}}},
			{},
		}
		r, err := c.Batch(ctx, &vaultdv1.BatchRequest{Items: items})
		if err != nil {
			t.Fatal(err)
		}
		want := []fault.Code{
			"", "", fault.CodeBadContext, "", fault.CodeKeyNotFound, "", fault.CodeBadContext, fault.CodeBadArgument,
			fault.CodeInvalidCiphertext, "", "", "", "", "", "", fault.CodeBadArgument, fault.CodeBadArgument,
		}
		if diff := cmp.Diff(want, codes(r)); diff != "" {
			t.Fatal(diff)
		}
		results := r.GetResults()
		for i, plaintext := range map[int]string{0: "one", 1: "two", 3: "four"} {
			ask := &vaultdv1.DecryptRequest{Ciphertext: results[i].GetEncrypt().GetCiphertext(), Context: items[i].GetEncrypt().GetContext()}
			if opened, err := c.Decrypt(ctx, ask); err != nil || string(opened.GetPlaintext()) != plaintext {
				t.Errorf("item %d: %q, %v", i, opened.GetPlaintext(), err)
			}
		}
		if !results[10].GetVerify().GetValid() || !results[12].GetVerifyMac().GetValid() || !bytes.Equal(results[11].GetMac().GetMac(), mac.GetMac()) {
			t.Errorf("verified %v, %v", results[10], results[12])
		}
		if len(results[13].GetDerive().GetOutput()) != 40 || len(results[14].GetGenerateDataKey().GetPlaintext()) != 32 {
			t.Errorf("derived %v, data key %v", results[13], results[14])
		}
		// The way back, with a rewrap of each.
		var back []*vaultdv1.BatchItem
		for i := range 20 {
			back = append(back, encryptItem("root/data", strings.Repeat("x", i)))
		}
		if r, err = c.Batch(ctx, &vaultdv1.BatchRequest{Items: back}); err != nil {
			t.Fatal(err)
		}
		for i, result := range r.GetResults() {
			back[i] = decryptItem(result.GetEncrypt().GetCiphertext())
		}
		if r, err = c.Batch(ctx, &vaultdv1.BatchRequest{Items: back}); err != nil {
			t.Fatal(err)
		}
		for i, result := range r.GetResults() {
			if got := result.GetDecrypt().GetPlaintext(); string(got) != strings.Repeat("x", i) {
				t.Errorf("item %d came back as %q", i, got)
			}
		}
	})
}

func TestBatchIsBounded(t *testing.T) {
	d := start(t)
	d.createKey(t, "root/k", "")
	c, ctx := d.dial(t), t.Context()
	_, err := c.Batch(ctx, &vaultdv1.BatchRequest{})
	wantCode(t, "empty", err, fault.CodeBadArgument)
	items := slices.Repeat([]*vaultdv1.BatchItem{encryptItem("root/k", "x")}, 1001)
	_, err = c.Batch(ctx, &vaultdv1.BatchRequest{Items: items})
	wantCode(t, "1001 items", err, fault.CodeTooLarge)
	r, err := c.Batch(ctx, &vaultdv1.BatchRequest{Items: items[:1000]})
	if err != nil || slices.ContainsFunc(codes(r), func(c fault.Code) bool { return c != "" }) {
		t.Errorf("1000 items: %v", err)
	}
	// Answers of 6 KiB each, which together are more than an answer may be.
	for i := range items {
		items[i] = &vaultdv1.BatchItem{Request: &vaultdv1.BatchItem_Derive{Derive: &vaultdv1.DeriveRequest{Key: "root/d", Length: 6 << 10}}}
	}
	d.createKey(t, "root/d", "hkdf-sha256")
	r, err = c.Batch(ctx, &vaultdv1.BatchRequest{Items: items[:1000]})
	if err != nil {
		t.Fatal(err)
	}
	got := codes(r)
	fit := slices.Index(got, fault.CodeTooLarge)
	if fit < 100 || fit > 340 || slices.Contains(got[fit:], "") {
		t.Errorf("%d answers fit", fit)
	}
}

func TestBatchIsOnRecordByKeyAndOutcome(t *testing.T) {
	log, set := withAudit(t, filepath.Join(t.TempDir(), "audit"))
	d := start(t, set)
	d.createKey(t, "root/a", "")
	d.createKey(t, "root/b", "")
	c, ctx := d.dial(t), t.Context()
	sealed, err := c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: "root/a", Plaintext: []byte("x")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.RotateKey(ctx, &vaultdv1.RotateKeyRequest{Name: "root/a"}); err != nil {
		t.Fatal(err)
	}
	items := []*vaultdv1.BatchItem{
		encryptItem("root/a", "1"), encryptItem("root/a", "2"), encryptItem("root/a", "3"), encryptItem("root/b", "4"),
		encryptItem("root/none", "5"), encryptItem("root/a", "6"), decryptItem(sealed.GetCiphertext()), decryptItem("garbage"),
		{Request: &vaultdv1.BatchItem_Rewrap{Rewrap: &vaultdv1.RewrapRequest{Ciphertext: sealed.GetCiphertext(), ToKey: "root/b"}}},
	}
	if _, err := c.Batch(ctx, &vaultdv1.BatchRequest{Items: items}); err != nil {
		t.Fatal(err)
	}
	_, _ = c.Batch(ctx, &vaultdv1.BatchRequest{})
	if err := log.Flush(); err != nil {
		t.Fatal(err)
	}
	var got []string
	ids := make(map[string]bool)
	for e, err := range log.Read(audit.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprint(e.Action, " ", e.Outcome, " ", e.Key.Name, " ", e.Key.Version, " ", e.Code)
		for _, x := range e.Extra {
			if x.Name == "batch" {
				ids[x.Value] = true
			} else {
				line += " " + x.Name + "=" + x.Value
			}
		}
		got = append(got, line)
		if e.Outcome == audit.Allowed && e.Key.Version != 0 && e.Key.Fingerprint == "" {
			t.Errorf("no fingerprint: %s", e.Line)
		}
	}
	want := []string{
		"key.create begun a 0 ", "key.create allowed a 1 ", "key.create begun b 0 ", "key.create allowed b 1 ",
		"key.encrypt allowed a 1 ",
		"key.rotate begun a 0 ", "key.rotate allowed a 2 ",
		"key.encrypt allowed a 2  items=4",
		"key.encrypt allowed b 1  items=1",
		"key.encrypt error none 0 key_not_found items=1",
		"key.decrypt allowed a 1  items=1",
		"key.decrypt error  0 invalid_ciphertext items=1",
		"key.rewrap allowed a 1  to_key=root/b to_version=1 items=1",
		"key.batch allowed  0  items=9 failed=2",
		"key.batch error  0 bad_argument",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(ids) != 1 {
		t.Errorf("the records of one batch have %d ids", len(ids))
	}
}

// Errors that say a lot leave room for the answers beside them.
func TestErrorsOfABatchFitItsAnswer(t *testing.T) {
	d := start(t)
	c, ctx := d.dial(t), t.Context()
	var required []string
	for i := range vault.MaxRequiredContext {
		required = append(required, fmt.Sprintf("%02d-%s", i, strings.Repeat("n", 120)))
	}
	if _, err := c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: "root/k", RequireContext: required}); err != nil {
		t.Fatal(err)
	}
	d.createKey(t, "root/plain", "")
	items := []*vaultdv1.BatchItem{encryptItem("root/plain", "x")}
	for len(items) < 1000 {
		items = append(items, encryptItem("root/k", "x"))
	}
	r, err := c.Batch(ctx, &vaultdv1.BatchRequest{Items: items})
	if err != nil {
		t.Fatal(err)
	}
	got := codes(r)
	if got[0] != "" || got[999] != fault.CodeBadContext || r.GetResults()[999].GetError().GetHint() == "" {
		t.Errorf("%q, %v", got[0], r.GetResults()[999].GetError())
	}
}

// What somebody states of the age of data stands with what was opened for it, and
// with nothing else.
func TestStatedAgesOfABatchAreOnRecordWithTheirItems(t *testing.T) {
	log, set := withAudit(t, filepath.Join(t.TempDir(), "audit"))
	d := start(t, set)
	d.createKey(t, "root/a", "")
	c, ctx := d.dial(t), t.Context()
	sealed, err := c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: "root/a", Plaintext: []byte("x")})
	if err != nil {
		t.Fatal(err)
	}
	stated := func(seconds int64) *vaultdv1.BatchItem {
		item := decryptItem(sealed.GetCiphertext())
		item.GetDecrypt().ProtectedAt = &timestamppb.Timestamp{Seconds: seconds}
		return item
	}
	if _, err := c.Batch(ctx, &vaultdv1.BatchRequest{Items: []*vaultdv1.BatchItem{
		decryptItem(sealed.GetCiphertext()), stated(1), stated(2), stated(1), decryptItem(sealed.GetCiphertext()),
		encryptItem("root/a", "1"), encryptItem("root/a", "2"), encryptItem("root/a", "3"), stated(3),
	}}); err != nil {
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
		line := e.Action
		for _, x := range e.Extra {
			if x.Name == "items" || x.Name == "protected_at" {
				line += " " + x.Name + "=" + x.Value
			}
		}
		got = append(got, line)
	}
	want := []string{
		"key.create", "key.create", "key.encrypt",
		"key.decrypt items=2",
		"key.decrypt protected_at=1970-01-01T00:00:01Z items=2",
		"key.decrypt protected_at=1970-01-01T00:00:02Z items=1",
		"key.encrypt items=3",
		"key.decrypt protected_at=1970-01-01T00:00:03Z items=1",
		"key.batch items=9",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A batch that leaves no record gives nothing away.
func TestBatchIsRefusedByABrokenLog(t *testing.T) {
	log, set := withAudit(t, filepath.Join(t.TempDir(), "audit"))
	d := start(t, set)
	d.createKey(t, "root/k", "")
	c := d.dial(t)
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := c.Batch(t.Context(), &vaultdv1.BatchRequest{Items: []*vaultdv1.BatchItem{encryptItem("root/k", "x")}})
	wantCode(t, "batch", err, fault.CodeAuditUnavailable)
	if len(r.GetResults()) > 0 {
		t.Error("it was answered")
	}
}
