package ipc_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vaultd/vaultd/ipc"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault/fault"
)

const (
	denied    = fault.CodePermissionDenied
	exhausted = fault.CodePermissionDenied
)

// bob is a user without keys of its own here, whom grants let at root's.
var bob = person{54002, 54002}

// withBob is a daemon with the keys root/a and root/b, and what bob is granted.
func withBob(t *testing.T, settings []setting, grants ...string) (*daemon, map[string]caller) {
	t.Helper()
	dir := newDirectory(t)
	dir.set(t, bob.uid, "bob")
	d := start(t, append(settings, dir.in)...)
	d.createKey(t, "root/a", "")
	d.createKey(t, "root/b", "")
	for _, g := range grants {
		json := fmt.Sprintf(`{"effect":"allow","user":"bob",%s}`, g)
		if _, err := d.dial(t).AddGrant(t.Context(), &vaultdv1.AddGrantRequest{Json: json}); err != nil {
			t.Fatal(err)
		}
	}
	return d, d.by(t, bob)
}

func sealedBy(t *testing.T, d *daemon, key string, context ...*vaultdv1.ContextPair) string {
	t.Helper()
	r, err := d.dial(t).Encrypt(t.Context(), &vaultdv1.EncryptRequest{Key: key, Plaintext: []byte("x"), Context: context})
	if err != nil {
		t.Fatal(err)
	}
	return r.GetCiphertext()
}

// Each item of a batch is authorized by itself.
func TestBatchDeniesItemsAndNotTheBatch(t *testing.T) {
	d, forms := withBob(t, nil,
		`"verbs":["encrypt","decrypt"],"keys":["root/a"]`,
		`"verbs":["encrypt"],"keys":["root/b"],"context":["tenant=1"]`)
	a, b := sealedBy(t, d, "root/a"), sealedBy(t, d, "root/b", pair("tenant", "1"))
	for form, c := range forms {
		items := []*vaultdv1.BatchItem{
			encryptItem("root/a", "1"), encryptItem("root/a", "2"), encryptItem("root/a", "3"),
			encryptItem("root/b", "4", pair("tenant", "1")), encryptItem("root/b", "5", pair("tenant", "2")), encryptItem("root/b", "6"),
			encryptItem("root/b", "7", pair("tenant", "1")), encryptItem("root/none", "8"),
			decryptItem(a), decryptItem(b), decryptItem("garbage"),
			{Request: &vaultdv1.BatchItem_GenerateDataKey{GenerateDataKey: &vaultdv1.GenerateDataKeyRequest{Key: "root/a"}}},
		}
		r, err := c.Batch(t.Context(), &vaultdv1.BatchRequest{Items: items})
		if err != nil {
			t.Fatal(err)
		}
		want := []fault.Code{"", "", "", "", denied, denied, "", denied, "", denied, fault.CodeInvalidCiphertext, denied}
		if diff := cmp.Diff(want, codes(r)); diff != "" {
			t.Errorf("%s: %s", form, diff)
		}
		if first, last := r.GetResults()[4].GetError(), r.GetResults()[7].GetError(); first.GetRef() == "" || first.GetMessage() != last.GetMessage() {
			t.Errorf("%s: denied as %v and %v", form, first, last)
		}
	}
}

func TestBatchCountsEachUseOfAGrant(t *testing.T) {
	_, forms := withBob(t, nil, `"verbs":["encrypt"],"keys":["root/a"],"total_uses":6`)
	items := []*vaultdv1.BatchItem{encryptItem("root/a", "1"), encryptItem("root/a", "2"), encryptItem("root/a", "3"), encryptItem("root/a", "4")}
	var got []fault.Code
	for _, form := range []string{"frames", "http2"} {
		r, err := forms[form].Batch(t.Context(), &vaultdv1.BatchRequest{Items: items})
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, codes(r)...)
	}
	if diff := cmp.Diff([]fault.Code{"", "", "", "", "", "", exhausted, exhausted}, got); diff != "" {
		t.Error(diff)
	}
}

// Where requests have a rate, a batch is no way around it.
func TestBatchItemsHaveTheRateOfRequests(t *testing.T) {
	d, forms := withBob(t, nil, `"verbs":["encrypt"],"keys":["root/a"]`)
	var limits ipc.Limits
	limits.RequestsPerSecond, limits.RequestBurst = 1, 5
	d.server.SetLimits(limits)
	var items []*vaultdv1.BatchItem
	for range 200 {
		items = append(items, encryptItem("root/a", "x"))
	}
	r, err := forms["frames"].Batch(t.Context(), &vaultdv1.BatchRequest{Items: items})
	if err != nil {
		t.Fatal(err)
	}
	allowed, limited := 0, 0
	for _, code := range codes(r) {
		switch code {
		case "":
			allowed++
		case fault.CodeRateLimited:
			limited++
		}
	}
	// The clock of a slow machine may give a few more.
	if allowed < 4 || allowed+limited != len(items) || limited == 0 {
		t.Errorf("%d were performed and %d held up, of %d", allowed, limited, len(items))
	}
}

// Rewrapping under the same key and context is a right of its own; everything else
// is reading with the one and writing with the other.
func TestRewrapIsNoWayAroundDecrypting(t *testing.T) {
	for _, k := range []struct {
		name   string
		grants []string
		want   [4]fault.Code // same key, another context, root/a to root/b, root/b to root/a
	}{
		{"rewrap alone", []string{`"verbs":["rewrap"],"keys":["root/*"]`}, [4]fault.Code{"", denied, denied, denied}},
		{"both without rewrap", []string{`"verbs":["encrypt","decrypt"],"keys":["root/*"]`}, [4]fault.Code{denied, "", "", ""}},
		{"rewrap and encrypt", []string{`"verbs":["rewrap","encrypt"],"keys":["root/*"]`}, [4]fault.Code{"", denied, denied, denied}},
		{"from a to b", []string{`"verbs":["decrypt"],"keys":["root/a"]`, `"verbs":["encrypt"],"keys":["root/b"]`}, [4]fault.Code{denied, denied, "", denied}},
		{
			"in one context",
			[]string{`"verbs":["use"],"keys":["root/*"],"context":["tenant=1"]`},
			[4]fault.Code{"", denied, "", ""},
		},
	} {
		t.Run(k.name, func(t *testing.T) {
			d, forms := withBob(t, nil, k.grants...)
			bound := []*vaultdv1.ContextPair{pair("tenant", "1")}
			a, b := sealedBy(t, d, "root/a", bound...), sealedBy(t, d, "root/b", bound...)
			for form, c := range forms {
				for i, req := range []*vaultdv1.RewrapRequest{
					{Ciphertext: a, Context: bound},
					{Ciphertext: a, Context: bound, ChangeContext: true, ToContext: []*vaultdv1.ContextPair{pair("tenant", "2")}},
					{Ciphertext: a, Context: bound, ToKey: "root/b"},
					{Ciphertext: b, Context: bound, ToKey: "root/a"},
				} {
					_, err := c.Rewrap(t.Context(), req)
					wantCode(t, fmt.Sprintf("%s, case %d", form, i), err, k.want[i])
				}
			}
		})
	}
}
