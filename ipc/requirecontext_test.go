package ipc_test

import (
	"slices"
	"strconv"
	"testing"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault/fault"
)

func pair(name, value string) *vaultdv1.ContextPair {
	return &vaultdv1.ContextPair{Name: name, Value: value}
}

func ofPeer(name string) *vaultdv1.ContextPair {
	return &vaultdv1.ContextPair{Name: name, FromPeer: true}
}

func TestRequiredContextThroughTheSocket(t *testing.T) {
	eachForm(t, func(t *testing.T, _ *daemon, c caller) {
		ctx := t.Context()
		who, err := c.WhoAmI(ctx, &vaultdv1.WhoAmIRequest{})
		if err != nil {
			t.Fatal(err)
		}
		uid := strconv.FormatUint(uint64(who.GetPrincipal().GetUid()), 10)
		made, err := c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: "root/k", RequireContext: []string{"uid=@peer", "purpose"}})
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"purpose", "uid=@peer"}
		shown, err := c.ShowKey(ctx, &vaultdv1.ShowKeyRequest{Name: "root/k"})
		if err != nil || !slices.Equal(made.GetKey().GetRequireContext(), want) || !slices.Equal(shown.GetKey().GetRequireContext(), want) {
			t.Errorf("made with %v, shown with %v, %v", made.GetKey().GetRequireContext(), shown.GetKey().GetRequireContext(), err)
		}
		list, err := c.ListKeys(ctx, &vaultdv1.ListKeysRequest{})
		if err != nil || !slices.Equal(list.GetKeys()[0].GetRequireContext(), want) {
			t.Errorf("listed with %v, %v", list, err)
		}

		encrypt := func(context ...*vaultdv1.ContextPair) (string, error) {
			r, err := c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: "root/k", Plaintext: []byte("x"), Context: context})
			return r.GetCiphertext(), err
		}
		for what, context := range map[string][]*vaultdv1.ContextPair{
			"no context":         nil,
			"without purpose":    {pair("uid", uid)},
			"another's uid":      {pair("purpose", "p"), pair("uid", uid+"1")},
			"uid twice":          {pair("purpose", "p"), pair("uid", uid), ofPeer("uid")},
			"a value as well":    {pair("purpose", "p"), {Name: "uid", Value: uid, FromPeer: true}},
			"purpose from peer":  {ofPeer("purpose")},
			"no name from peer":  {pair("purpose", "p"), ofPeer("")},
			"group from peer":    {pair("purpose", "p"), ofPeer("gid")},
			"a literal of ours":  {pair("purpose", "p"), pair("uid", "@peer")},
			"a literal of grant": {pair("purpose", "p"), pair("uid", "@uid")},
		} {
			_, err := encrypt(context...)
			wantCode(t, what, err, fault.CodeBadContext)
		}
		texts := make([]string, 3)
		for i, context := range [][]*vaultdv1.ContextPair{
			{pair("purpose", "p")},
			{pair("purpose", "p"), pair("uid", uid)},
			{ofPeer("uid"), pair("purpose", "p")},
		} {
			if texts[i], err = encrypt(context...); err != nil {
				t.Fatal(err)
			}
		}
		for _, text := range texts {
			for _, context := range [][]*vaultdv1.ContextPair{
				{pair("purpose", "p")},
				{pair("uid", uid), pair("purpose", "p")},
				{pair("purpose", "p"), ofPeer("uid")},
			} {
				if _, err := c.Decrypt(ctx, &vaultdv1.DecryptRequest{Ciphertext: text, Context: context}); err != nil {
					t.Errorf("decrypt with %v: %v", context, err)
				}
			}
			_, err := c.Decrypt(ctx, &vaultdv1.DecryptRequest{Ciphertext: text, Context: []*vaultdv1.ContextPair{pair("purpose", "q")}})
			wantCode(t, "another purpose", err, fault.CodeInvalidCiphertext)
			_, err = c.Decrypt(ctx, &vaultdv1.DecryptRequest{Ciphertext: text, Context: []*vaultdv1.ContextPair{ofPeer("uid")}})
			wantCode(t, "no purpose", err, fault.CodeBadContext)
		}

		for _, name := range []string{"user", "unit"} {
			own := map[string]string{"user": who.GetPrincipal().GetUser(), "unit": who.GetPrincipal().GetUnit()}[name]
			want := fault.Code("")
			if own == "" {
				want = fault.CodeBadContext
			}
			_, err := encrypt(pair("purpose", "p"), ofPeer(name))
			wantCode(t, "own "+name, err, want)
			_, err = c.Can(ctx, &vaultdv1.CanRequest{Action: "encrypt", Resource: "root/k", Context: []*vaultdv1.ContextPair{ofPeer(name)}})
			wantCode(t, "can with own "+name, err, want)
		}
		_, err = c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: "root/f", Type: "fernet", RequireContext: []string{"purpose"}})
		wantCode(t, "fernet", err, fault.CodeBadArgument)
	})
}

// The caller's own value binds without the key asking for it.
func TestOwnValueBindsUnderAnyKey(t *testing.T) {
	eachForm(t, func(t *testing.T, d *daemon, c caller) {
		d.createKey(t, "root/k", "")
		ctx := t.Context()
		sealed, err := c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: "root/k", Plaintext: []byte("x"), Context: []*vaultdv1.ContextPair{ofPeer("user")}})
		if err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			context []*vaultdv1.ContextPair
			want    fault.Code
		}{
			{[]*vaultdv1.ContextPair{ofPeer("user")}, ""},
			{[]*vaultdv1.ContextPair{pair("user", "root")}, ""},
			{[]*vaultdv1.ContextPair{pair("user", "bin")}, fault.CodeInvalidCiphertext},
			{nil, fault.CodeInvalidCiphertext},
		} {
			_, err := c.Decrypt(ctx, &vaultdv1.DecryptRequest{Ciphertext: sealed.GetCiphertext(), Context: tt.context})
			wantCode(t, "decrypt", err, tt.want)
		}
	})
}

func TestImportRequiresContextToo(t *testing.T) {
	d := start(t)
	k, err := d.dial(t).ImportKey(t.Context(), &vaultdv1.ImportKeyRequest{
		Name: "root/in", Type: "aes-256-gcm", Material: []byte("an unencrypted key of 32 bytes ."), RequireContext: []string{"purpose"},
	})
	if err != nil || !slices.Equal(k.GetKey().GetRequireContext(), []string{"purpose"}) {
		t.Fatalf("imported as %v, %v", k, err)
	}
	_, err = d.dial(t).Encrypt(t.Context(), &vaultdv1.EncryptRequest{Key: "root/in"})
	wantCode(t, "encrypt", err, fault.CodeBadContext)
}
