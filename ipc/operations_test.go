package ipc_test

import (
	"bytes"
	"crypto"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/x509"
	"testing"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault/fault"
)

func TestRewrap(t *testing.T) {
	eachForm(t, func(t *testing.T, d *daemon, c caller) {
		ctx := t.Context()
		for name, kind := range map[string]string{"a": "", "b": "chacha20-poly1305", "token": "fernet", "rsa": "hkdf-sha256"} {
			d.createKey(t, "root/"+name, kind)
		}
		bound := []*vaultdv1.ContextPair{pair("purpose", "p")}
		plaintext := []byte("the plaintext")
		sealed, err := c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: "root/a", Plaintext: plaintext, Context: bound})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.RotateKey(ctx, &vaultdv1.RotateKeyRequest{Name: "root/a"}); err != nil {
			t.Fatal(err)
		}
		for _, k := range []struct {
			what    string
			req     *vaultdv1.RewrapRequest
			key     string
			version uint32
			context []*vaultdv1.ContextPair
		}{
			{"newest version", &vaultdv1.RewrapRequest{Context: bound}, "root/a", 2, bound},
			{"binary", &vaultdv1.RewrapRequest{Context: bound, Binary: true}, "root/a", 2, bound},
			{"another key", &vaultdv1.RewrapRequest{Context: bound, ToKey: "root/b"}, "root/b", 1, bound},
			{"another context", &vaultdv1.RewrapRequest{Context: bound, ChangeContext: true, ToContext: []*vaultdv1.ContextPair{ofPeer("uid")}}, "root/a", 2, []*vaultdv1.ContextPair{ofPeer("uid")}},
			{"no context", &vaultdv1.RewrapRequest{Context: bound, ChangeContext: true}, "root/a", 2, nil},
			{"a token", &vaultdv1.RewrapRequest{Context: bound, ChangeContext: true, ToKey: "root/token"}, "root/token", 1, nil},
		} {
			k.req.Ciphertext = sealed.GetCiphertext()
			r, err := c.Rewrap(ctx, k.req)
			if err != nil || r.GetKey() != k.key || r.GetVersion() != k.version || r.GetFromKey() != "root/a" || r.GetFromVersion() != 1 {
				t.Errorf("%s: %v, %v", k.what, r, err)
				continue
			}
			opened, err := c.Decrypt(ctx, &vaultdv1.DecryptRequest{
				Key: k.key, Ciphertext: r.GetCiphertext(), CiphertextBinary: r.GetCiphertextBinary(), Context: k.context,
			})
			if err != nil || !bytes.Equal(opened.GetPlaintext(), plaintext) {
				t.Errorf("%s: comes back as %v, %v", k.what, opened, err)
			}
		}
		for _, k := range []struct {
			what string
			req  *vaultdv1.RewrapRequest
			want fault.Code
		}{
			{"without its context", &vaultdv1.RewrapRequest{}, fault.CodeInvalidCiphertext},
			{"a context that is not to change", &vaultdv1.RewrapRequest{Context: bound, ToContext: bound}, fault.CodeBadContext},
			{"a token with a context", &vaultdv1.RewrapRequest{Context: bound, ToKey: "root/token"}, fault.CodeBadContext},
			{"to no key", &vaultdv1.RewrapRequest{Context: bound, ToKey: "root/none"}, fault.CodeKeyNotFound},
			{"from another key", &vaultdv1.RewrapRequest{Context: bound, Key: "root/b"}, fault.CodeIncorrectKey},
			{"to one that does not encrypt", &vaultdv1.RewrapRequest{Context: bound, ToKey: "root/rsa"}, fault.CodeWrongKeyUsage},
		} {
			k.req.Ciphertext = sealed.GetCiphertext()
			_, err := c.Rewrap(ctx, k.req)
			wantCode(t, k.what, err, k.want)
		}
	})
}

func TestDataKeys(t *testing.T) {
	eachForm(t, func(t *testing.T, d *daemon, c caller) {
		ctx := t.Context()
		d.createKey(t, "root/wrap", "")
		bound := []*vaultdv1.ContextPair{pair("file", "a")}
		unwrapped := func(r *vaultdv1.GenerateDataKeyResponse) []byte {
			t.Helper()
			opened, err := c.Decrypt(ctx, &vaultdv1.DecryptRequest{Ciphertext: r.GetCiphertext(), CiphertextBinary: r.GetCiphertextBinary(), Context: bound})
			if err != nil {
				t.Error(err)
			}
			return opened.GetPlaintext()
		}
		for _, length := range []uint32{0, 16, 1024} {
			r, err := c.GenerateDataKey(ctx, &vaultdv1.GenerateDataKeyRequest{Key: "root/wrap", Context: bound, Length: length, Binary: true})
			if err != nil || length == 0 && len(r.GetPlaintext()) != 32 || length != 0 && len(r.GetPlaintext()) != int(length) {
				t.Errorf("%d bytes: %v, %v", length, r, err)
			} else if !bytes.Equal(unwrapped(r), r.GetPlaintext()) {
				t.Errorf("%d bytes: something else came back", length)
			}
		}
		r, err := c.GenerateDataKey(ctx, &vaultdv1.GenerateDataKeyRequest{Key: "root/wrap", Context: bound, WrappedOnly: true})
		if err != nil || len(r.GetPlaintext()) > 0 || len(unwrapped(r)) != 32 {
			t.Errorf("wrapped only: %v, %v", r, err)
		}
		for _, kind := range []string{"ecdsa-p256", "ed25519", "x25519", "rsa-2048"} {
			r, err := c.GenerateDataKey(ctx, &vaultdv1.GenerateDataKeyRequest{Key: "root/wrap", Context: bound, Type: kind, WrappedOnly: true})
			if err != nil || len(r.GetPlaintext()) > 0 {
				t.Errorf("%s: %v, %v", kind, r, err)
				continue
			}
			private, err := x509.ParsePKCS8PrivateKey(unwrapped(r))
			if err != nil {
				t.Errorf("%s: %v", kind, err)
				continue
			}
			pair := private.(interface{ Public() crypto.PublicKey })
			if spki, err := x509.MarshalPKIXPublicKey(pair.Public()); err != nil || !bytes.Equal(spki, r.GetPublicKey()) {
				t.Errorf("%s: the public key is another one (%v)", kind, err)
			}
		}
		for what, k := range map[string]struct {
			req  *vaultdv1.GenerateDataKeyRequest
			want fault.Code
		}{
			"15 bytes":          {&vaultdv1.GenerateDataKeyRequest{Length: 15}, fault.CodeBadArgument},
			"1025 bytes":        {&vaultdv1.GenerateDataKeyRequest{Length: 1025}, fault.CodeBadArgument},
			"type and length":   {&vaultdv1.GenerateDataKeyRequest{Length: 32, Type: "ed25519"}, fault.CodeBadArgument},
			"a symmetric type":  {&vaultdv1.GenerateDataKeyRequest{Type: "fernet"}, fault.CodeBadArgument},
			"an unknown type":   {&vaultdv1.GenerateDataKeyRequest{Type: "rot13"}, fault.CodeUnsupportedAlgorithm},
			"an unknown key":    {&vaultdv1.GenerateDataKeyRequest{Key: "root/none", Type: "rsa-4096"}, fault.CodeKeyNotFound},
			"a duplicate name ": {&vaultdv1.GenerateDataKeyRequest{Context: append(bound, bound...)}, fault.CodeBadContext},
		} {
			if k.req.Key == "" {
				k.req.Key = "root/wrap"
			}
			_, err := c.GenerateDataKey(ctx, k.req)
			wantCode(t, what, err, k.want)
		}
	})
}

func TestDerive(t *testing.T) {
	eachForm(t, func(t *testing.T, d *daemon, c caller) {
		ctx := t.Context()
		secret := sha256.Sum256([]byte("a key"))
		material := secret[:]
		if _, err := c.ImportKey(ctx, &vaultdv1.ImportKeyRequest{Name: "root/d", Type: "hkdf-sha256", Material: bytes.Clone(material)}); err != nil {
			t.Fatal(err)
		}
		derive := func(req *vaultdv1.DeriveRequest) []byte {
			t.Helper()
			req.Key = "root/d"
			r, err := c.Derive(ctx, req)
			if err != nil {
				t.Fatal(err)
			}
			return r.GetOutput()
		}
		want, err := hkdf.Key(sha256.New, material, []byte("salt"), "info", 48)
		if err != nil {
			t.Fatal(err)
		}
		if got := derive(&vaultdv1.DeriveRequest{Salt: []byte("salt"), Info: []byte("info"), Length: 48}); !bytes.Equal(got, want) {
			t.Errorf("derived %x, RFC 5869 says %x", got, want)
		}
		// What docs/FORMAT.md says of a context.
		info := "vaultd/1/derive\x00" + "\x00\x00\x00\x0a" + "\x00\x00\x00\x01a" + "\x00\x00\x00\x01b" + "info"
		if want, err = hkdf.Key(sha256.New, material, nil, info, 32); err != nil {
			t.Fatal(err)
		}
		ofContext := &vaultdv1.DeriveRequest{Info: []byte("info"), Context: []*vaultdv1.ContextPair{pair("a", "b")}}
		if got := derive(ofContext); !bytes.Equal(got, want) {
			t.Errorf("derived %x with a context, the format says %x", got, want)
		}
		_, err = c.Derive(ctx, &vaultdv1.DeriveRequest{Key: "root/d", Info: []byte(info)})
		wantCode(t, "an info that looks like a context", err, fault.CodeBadArgument)
		_, err = c.Derive(ctx, &vaultdv1.DeriveRequest{Key: "root/d", Length: 255*32 + 1})
		wantCode(t, "too long an output", err, fault.CodeBadArgument)

		if _, err := c.RotateKey(ctx, &vaultdv1.RotateKeyRequest{Name: "root/d"}); err != nil {
			t.Fatal(err)
		}
		if got := derive(ofContext); bytes.Equal(got, want) {
			t.Error("the new version derives the same")
		}
		ofContext.Version = 1
		if got := derive(ofContext); !bytes.Equal(got, want) {
			t.Error("the old version derives something else")
		}
		if _, err := c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: "root/mine", Type: "hkdf-sha512", RequireContext: []string{"uid=@peer"}}); err != nil {
			t.Fatal(err)
		}
		_, err = c.Derive(ctx, &vaultdv1.DeriveRequest{Key: "root/mine", Context: []*vaultdv1.ContextPair{pair("uid", "54321")}})
		wantCode(t, "another's uid", err, fault.CodeBadContext)
		if _, err = c.Derive(ctx, &vaultdv1.DeriveRequest{Key: "root/mine"}); err != nil {
			t.Error(err)
		}
		_, err = c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: "root/mine", Plaintext: []byte("x")})
		wantCode(t, "encrypting with a derivation key", err, fault.CodeWrongKeyUsage)
	})
}

func TestRandomBytes(t *testing.T) {
	for _, f := range formsToTest() {
		t.Run(f.name, func(t *testing.T) {
			c, ctx := f.dial(t, startSealed(t)), t.Context()
			a, err := c.Random(ctx, &vaultdv1.RandomRequest{Length: 1 << 20})
			if err != nil || len(a.GetOutput()) != 1<<20 || bytes.Count(a.GetOutput(), []byte{0}) > 1<<13 {
				t.Fatalf("%d bytes, %v", len(a.GetOutput()), err)
			}
			for _, n := range []uint32{0, 1<<20 + 1} {
				_, err := c.Random(ctx, &vaultdv1.RandomRequest{Length: n})
				wantCode(t, "a wrong length", err, fault.CodeBadArgument)
			}
		})
	}
}
