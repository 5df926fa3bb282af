package ipc_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/fault"
)

// alone makes the request of an item by itself.
func alone(t *testing.T, c caller, item *vaultdv1.BatchItem) error {
	t.Helper()
	var err error
	switch r := item.GetRequest().(type) {
	case *vaultdv1.BatchItem_Encrypt:
		_, err = c.Encrypt(t.Context(), r.Encrypt)
	case *vaultdv1.BatchItem_Decrypt:
		_, err = c.Decrypt(t.Context(), r.Decrypt)
	case *vaultdv1.BatchItem_Sign:
		_, err = c.Sign(t.Context(), r.Sign)
	case *vaultdv1.BatchItem_Verify:
		_, err = c.Verify(t.Context(), r.Verify)
	case *vaultdv1.BatchItem_Mac:
		_, err = c.MAC(t.Context(), r.Mac)
	case *vaultdv1.BatchItem_VerifyMac:
		_, err = c.VerifyMAC(t.Context(), r.VerifyMac)
	case *vaultdv1.BatchItem_Rewrap:
		_, err = c.Rewrap(t.Context(), r.Rewrap)
	case *vaultdv1.BatchItem_GenerateDataKey:
		_, err = c.GenerateDataKey(t.Context(), r.GenerateDataKey)
	case *vaultdv1.BatchItem_Derive:
		_, err = c.Derive(t.Context(), r.Derive)
	default:
		t.Fatalf("no request of its own for %T", r)
	}
	return err
}

// Whatever the grants say, an item of a batch is decided as it would be by itself.
func TestBatchesAreDecidedAsSingleRequests(t *testing.T) {
	all := `"verbs":["use"],"keys":["root/*"]`
	for what, grants := range map[string][]string{
		"nothing":            nil,
		"everything":         {all},
		"a verb":             {`"verbs":["rewrap"],"keys":["root/*"]`},
		"a key":              {`"verbs":["use"],"keys":["root/a"]`},
		"a type":             {`"verbs":["use"],"keys":["root/*"],"types":["hkdf-sha256","hmac-sha256"]`},
		"a label":            {`"verbs":["use"],"keys":["root/*"],"labels":["class=a"]`},
		"a context":          {`"verbs":["use"],"keys":["root/*"],"context":["tenant=1"]`},
		"own uid in context": {`"verbs":["use"],"keys":["root/*"],"context":["uid=@uid"]`},
		"denied verb":        {all, `"effect":"deny","verbs":["decrypt"],"keys":["root/*"]`},
		"denied label":       {all, `"effect":"deny","verbs":["use"],"keys":["root/*"],"labels":["class=b"]`},
		"denied context":     {all, `"effect":"deny","verbs":["encrypt","rewrap"],"keys":["root/*"],"context":["tenant=1"]`},
		"counted":            {`"verbs":["use"],"keys":["root/*"],"total_uses":9`},
		"counted beside":     {`"verbs":["encrypt"],"keys":["root/b"],"uses":2,"per":3600000000000`, `"verbs":["use"],"keys":["root/a"]`},
	} {
		if testing.Short() && !slices.Contains([]string{"a verb", "own uid in context", "denied context", "counted beside"}, what) {
			continue
		}
		t.Run(what, func(t *testing.T) {
			codesOf := func(run func(c caller, items []*vaultdv1.BatchItem) []fault.Code) []fault.Code {
				d, forms := withBob(t, nil)
				return run(forms["frames"], prepared(t, d, grants))
			}
			single := codesOf(func(c caller, items []*vaultdv1.BatchItem) (got []fault.Code) {
				for _, item := range items {
					got = append(got, codeOf(alone(t, c, item)))
				}
				return got
			})
			together := codesOf(func(c caller, items []*vaultdv1.BatchItem) (got []fault.Code) {
				r, err := c.Batch(t.Context(), &vaultdv1.BatchRequest{Items: items})
				if err != nil {
					t.Fatal(err)
				}
				for _, result := range r.GetResults() {
					got = append(got, codeOf(client.Failure(result)))
				}
				return got
			})
			if diff := cmp.Diff(single, together); diff != "" {
				t.Error(diff)
			}
			if allowed := slices.Contains(single, ""); allowed != (grants != nil) || what != "everything" && !slices.Contains(single, denied) {
				t.Errorf("the grants decide nothing: %v", single)
			}
		})
	}
}

// prepared makes keys and grants, and items that ask for every kind of right.
func prepared(t *testing.T, d *daemon, grants []string) (items []*vaultdv1.BatchItem) {
	t.Helper()
	root := d.dial(t)
	for name, kind := range map[string]string{"sign": "ed25519", "mac": "hmac-sha256", "derive": "hkdf-sha256"} {
		d.createKey(t, "root/"+name, kind)
	}
	for name, class := range map[string]string{"a": "a", "b": "b"} {
		if _, err := root.UpdateKey(t.Context(), &vaultdv1.UpdateKeyRequest{Name: "root/" + name, SetLabels: map[string]string{"class": class}}); err != nil {
			t.Fatal(err)
		}
	}
	signed, err := root.Sign(t.Context(), &vaultdv1.SignRequest{Key: "root/sign", Message: []byte("m")})
	if err != nil {
		t.Fatal(err)
	}
	mac, err := root.MAC(t.Context(), &vaultdv1.MACRequest{Key: "root/mac", Message: []byte("m")})
	if err != nil {
		t.Fatal(err)
	}
	contexts := [][]*vaultdv1.ContextPair{
		nil, {pair("tenant", "1")}, {pair("tenant", "2")}, {pair("uid", fmt.Sprint(bob.uid))}, {{Name: "uid", FromPeer: true}}, {pair("uid", "0")},
	}
	add := func(item *vaultdv1.BatchItem) { items = append(items, item) }
	for _, key := range []string{"root/a", "root/b", "root/none"} {
		for _, context := range contexts {
			for range 4 { // enough for several in one go
				add(encryptItem(key, "x", context...))
			}
			add(&vaultdv1.BatchItem{Request: &vaultdv1.BatchItem_GenerateDataKey{
				GenerateDataKey: &vaultdv1.GenerateDataKeyRequest{Key: key, Context: context},
			}})
			if key == "root/none" || len(context) > 0 && context[0].GetFromPeer() {
				continue
			}
			sealed := sealedBy(t, d, key, context...)
			open := decryptItem(sealed)
			open.GetDecrypt().Context = context
			add(open)
			for _, r := range []*vaultdv1.RewrapRequest{
				{},
				{Key: key},
				{ToKey: key},
				{ToKey: "root/a"},
				{ToKey: "root/b"},
				{ToKey: "root/none"},
				{ChangeContext: true, ToContext: contexts[1]},
				{ToKey: "root/b", ChangeContext: true, ToContext: contexts[2]},
			} {
				r.Ciphertext, r.Context = sealed, context
				add(&vaultdv1.BatchItem{Request: &vaultdv1.BatchItem_Rewrap{Rewrap: r}})
			}
		}
	}
	add(decryptItem("garbage"))
	for _, context := range contexts {
		add(&vaultdv1.BatchItem{Request: &vaultdv1.BatchItem_Derive{Derive: &vaultdv1.DeriveRequest{Key: "root/derive", Context: context}}})
	}
	add(&vaultdv1.BatchItem{Request: &vaultdv1.BatchItem_Sign{Sign: &vaultdv1.SignRequest{Key: "root/sign", Message: []byte("m")}}})
	add(&vaultdv1.BatchItem{Request: &vaultdv1.BatchItem_Verify{Verify: &vaultdv1.VerifyRequest{
		Key: "root/sign", Message: []byte("m"), Signature: signed.GetSignature(),
	}}})
	add(&vaultdv1.BatchItem{Request: &vaultdv1.BatchItem_Mac{Mac: &vaultdv1.MACRequest{Key: "root/mac", Message: []byte("m")}}})
	add(&vaultdv1.BatchItem{Request: &vaultdv1.BatchItem_VerifyMac{VerifyMac: &vaultdv1.VerifyMACRequest{
		Key: "root/mac", Message: []byte("m"), Mac: mac.GetMac(),
	}}})
	for _, g := range grants {
		json := fmt.Sprintf(`{"effect":"allow","user":"bob",%s}`, g)
		if strings.HasPrefix(g, `"effect"`) {
			json = fmt.Sprintf(`{"user":"bob",%s}`, g)
		}
		if _, err := root.AddGrant(t.Context(), &vaultdv1.AddGrantRequest{Json: json}); err != nil {
			t.Fatal(err)
		}
	}
	return items
}
