package ipc_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault/fault"
)

// The scenarios below are the same over every form of the protocol.

func TestVaultLifecycle(t *testing.T) {
	for _, f := range formsToTest() {
		t.Run(f.name, func(t *testing.T) {
			d := startSealed(t)
			c, ctx := f.dial(t, d), t.Context()

			status, err := c.Status(ctx, &vaultdv1.StatusRequest{})
			if err != nil || status.GetInitialized() || !status.GetSealed() || status.GetVersion() != "test" {
				t.Fatalf("status of nothing: %v, %v", status, err)
			}
			_, err = c.Unseal(ctx, &vaultdv1.UnsealRequest{Password: []byte(password)})
			wantCode(t, "unseal of nothing", err, fault.CodeNotInitialized)

			made, err := c.Init(ctx, &vaultdv1.InitRequest{Password: []byte(password), Iterations: 600_000})
			if err != nil || len(made.GetVaultId()) != 32 || made.GetIterations() != 600_000 {
				t.Fatalf("init: %v, %v", made, err)
			}
			status, err = c.Status(ctx, &vaultdv1.StatusRequest{})
			if err != nil || !status.GetInitialized() || status.GetSealed() || status.GetVaultId() != made.GetVaultId() || status.GetStore() != "ok" {
				t.Fatalf("status: %v, %v", status, err)
			}
			if _, err = c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: "root/kept"}); err != nil {
				t.Fatal(err)
			}
			if _, err = c.Seal(ctx, &vaultdv1.SealRequest{}); err != nil {
				t.Fatal(err)
			}
			_, err = c.Init(ctx, &vaultdv1.InitRequest{Password: []byte(password)})
			wantCode(t, "second init", err, fault.CodeInitialized)
			for _, key := range []string{"root/kept", "root/never"} {
				_, err = c.ShowKey(ctx, &vaultdv1.ShowKeyRequest{Name: key})
				wantCode(t, "show while sealed", err, fault.CodeSealed)
				_, err = c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: key})
				wantCode(t, "encrypt while sealed", err, fault.CodeSealed)
			}
			_, err = c.Unseal(ctx, &vaultdv1.UnsealRequest{Password: []byte("wrong")})
			wantCode(t, "wrong password", err, fault.CodeWrongPassword)
			if _, err = c.Unseal(ctx, &vaultdv1.UnsealRequest{Password: []byte(password)}); err != nil {
				t.Fatal(err)
			}
			if _, err = c.ChangePassword(ctx, &vaultdv1.ChangePasswordRequest{
				OldPassword: []byte(password), NewPassword: []byte("another password"), Iterations: 600_000,
			}); err != nil {
				t.Fatal(err)
			}
			if _, err = c.ShowKey(ctx, &vaultdv1.ShowKeyRequest{Name: "root/kept"}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestKeysAndCiphertexts(t *testing.T) {
	eachForm(t, func(t *testing.T, _ *daemon, c caller) {
		ctx := t.Context()
		created, err := c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{
			Name: "root/data", Labels: map[string]string{"app": "test"}, Ttl: durationpb.New(time.Hour),
		})
		if err != nil {
			t.Fatal(err)
		}
		k := created.GetKey()
		if k.GetName() != "root/data" || k.GetType() != "xaes-256-gcm" || k.GetVersion() != 1 || len(k.GetVersions()) != 1 ||
			k.GetState() != vaultdv1.KeyState_KEY_STATE_ACTIVE || k.GetTtl().AsDuration() != time.Hour ||
			k.GetLabels()["app"] != "test" || !strings.HasPrefix(k.GetVersions()[0].GetFingerprint(), "SHA256:") {
			t.Errorf("created %v", k)
		}
		_, err = c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: "root/data"})
		wantCode(t, "second creation", err, fault.CodeKeyExists)
		_, err = c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: "no-owner"})
		wantCode(t, "name without owner", err, fault.CodeBadArgument)
		_, err = c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: "root/other", Type: "rot13"})
		wantCode(t, "unknown type", err, fault.CodeUnsupportedAlgorithm)
		_, err = c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: "root/other", Ttl: durationpb.New(-time.Second)})
		wantCode(t, "negative ttl", err, fault.CodeBadArgument)

		bound := []*vaultdv1.ContextPair{{Name: "table", Value: "users"}, {Name: "column", Value: "ssn"}}
		reversed := []*vaultdv1.ContextPair{bound[1], bound[0]}
		plaintext := []byte("attack at dawn \x00\xff")
		for _, binary := range []bool{false, true} {
			sealed, err := c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: "root/data", Plaintext: plaintext, Context: bound, Binary: binary})
			if err != nil {
				t.Fatal(err)
			}
			for _, key := range []string{"root/data", ""} {
				req := &vaultdv1.DecryptRequest{
					Key: key, Ciphertext: sealed.GetCiphertext(), CiphertextBinary: sealed.GetCiphertextBinary(), Context: reversed,
				}
				opened, err := c.Decrypt(ctx, req)
				if err != nil || !bytes.Equal(opened.GetPlaintext(), plaintext) || opened.GetKey() != "root/data" || opened.GetVersion() != 1 {
					t.Fatalf("decrypt: %v, %v", opened, err)
				}
				req.Context = bound[:1]
				_, err = c.Decrypt(ctx, req)
				wantCode(t, "other context", err, fault.CodeInvalidCiphertext)
			}
		}
		_, err = c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: "root/data", Context: []*vaultdv1.ContextPair{bound[0], bound[0]}})
		wantCode(t, "context with a duplicate", err, fault.CodeBadContext)
		_, err = c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: "root/none"})
		wantCode(t, "no such key", err, fault.CodeKeyNotFound)
		_, err = c.Decrypt(ctx, &vaultdv1.DecryptRequest{Key: "root/data"})
		wantCode(t, "no ciphertext", err, fault.CodeBadArgument)
		_, err = c.Decrypt(ctx, &vaultdv1.DecryptRequest{Ciphertext: "vd1:" + strings.Repeat("A", 100)})
		wantCode(t, "garbage", err, fault.CodeInvalidCiphertext)
		_, err = c.Sign(ctx, &vaultdv1.SignRequest{Key: "root/data"})
		wantCode(t, "signing with a data key", err, fault.CodeWrongKeyUsage)

		before, err := c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: "root/data", Plaintext: plaintext})
		if err != nil {
			t.Fatal(err)
		}
		rotated, err := c.RotateKey(ctx, &vaultdv1.RotateKeyRequest{Name: "root/data"})
		if err != nil || rotated.GetKey().GetVersion() != 2 || len(rotated.GetKey().GetVersions()) != 2 {
			t.Fatalf("rotate: %v, %v", rotated, err)
		}
		opened, err := c.Decrypt(ctx, &vaultdv1.DecryptRequest{Ciphertext: before.GetCiphertext()})
		if err != nil || opened.GetVersion() != 1 {
			t.Fatalf("ciphertext of before the rotation: %v, %v", opened, err)
		}
		if _, err = c.RevokeKey(ctx, &vaultdv1.RevokeKeyRequest{Name: "root/data", Reason: "lost laptop"}); err != nil {
			t.Fatal(err)
		}
		_, err = c.Decrypt(ctx, &vaultdv1.DecryptRequest{Ciphertext: before.GetCiphertext()})
		wantCode(t, "decrypt with a revoked key", err, fault.CodeRevoked)
		shown, err := c.ShowKey(ctx, &vaultdv1.ShowKeyRequest{Name: "root/data"})
		if err != nil || shown.GetKey().GetState() != vaultdv1.KeyState_KEY_STATE_REVOKED ||
			shown.GetKey().GetRevocationReason() != "lost laptop" || shown.GetKey().GetRevokedBy() != "root" {
			t.Errorf("show of a revoked key: %v, %v", shown, err)
		}
	})
}

func TestSignaturesAndMACs(t *testing.T) {
	eachForm(t, func(t *testing.T, _ *daemon, c caller) {
		ctx := t.Context()
		message := []byte("to be signed")
		digest := sha256.Sum256(message)
		for _, kind := range []string{"ecdsa-p256", "ed25519", "rsa-2048"} {
			name := "root/" + kind
			if _, err := c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: name, Type: kind}); err != nil {
				t.Fatal(err)
			}
			signed, err := c.Sign(ctx, &vaultdv1.SignRequest{Key: name, Message: message})
			if err != nil {
				t.Fatal(err)
			}
			good := &vaultdv1.VerifyRequest{Key: name, Message: message, Signature: signed.GetSignature()}
			if v, err := c.Verify(ctx, good); err != nil || !v.GetValid() || v.GetVersion() != 1 {
				t.Errorf("%s: verify: %v, %v", kind, v, err)
			}
			good.Message = []byte("something else")
			if v, err := c.Verify(ctx, good); err != nil || v.GetValid() {
				t.Errorf("%s: verify of another message: %v, %v", kind, v, err)
			}
			if kind != "ed25519" {
				good.Message, good.Prehashed = digest[:], true
				if v, err := c.Verify(ctx, good); err != nil || !v.GetValid() {
					t.Errorf("%s: verify of the digest: %v, %v", kind, v, err)
				}
			}
			public, err := c.PublicKey(ctx, &vaultdv1.PublicKeyRequest{Name: name, Format: vaultdv1.PublicKeyFormat_PUBLIC_KEY_FORMAT_DER})
			if err != nil || public.GetType() != kind {
				t.Fatalf("public key: %v, %v", public, err)
			}
			if _, err := x509.ParsePKIXPublicKey(public.GetPublicKey()); err != nil {
				t.Errorf("%s: %v", kind, err)
			}
			for format, begins := range map[vaultdv1.PublicKeyFormat]string{
				vaultdv1.PublicKeyFormat_PUBLIC_KEY_FORMAT_UNSPECIFIED: "-----BEGIN PUBLIC KEY-----",
				vaultdv1.PublicKeyFormat_PUBLIC_KEY_FORMAT_OPENSSH:     map[byte]string{'e': "", 'r': "ssh-rsa "}[kind[0]],
			} {
				public, err := c.PublicKey(ctx, &vaultdv1.PublicKeyRequest{Name: name, Format: format})
				if err != nil || !bytes.HasPrefix(public.GetPublicKey(), []byte(begins)) {
					t.Errorf("%s as %v: %s, %v", kind, format, public.GetPublicKey(), err)
				}
			}
			_, err = c.Sign(ctx, &vaultdv1.SignRequest{Key: name, Message: message, Scheme: 77})
			wantCode(t, "unknown scheme", err, fault.CodeUnsupportedAlgorithm)
			for _, scheme := range []vaultdv1.SignatureScheme{
				vaultdv1.SignatureScheme_SIGNATURE_SCHEME_PSS, vaultdv1.SignatureScheme_SIGNATURE_SCHEME_PSS_SALT_HASH,
				vaultdv1.SignatureScheme_SIGNATURE_SCHEME_PKCS1V15,
			} {
				signed, err := c.Sign(ctx, &vaultdv1.SignRequest{Key: name, Message: message, Scheme: scheme})
				ask := &vaultdv1.VerifyRequest{Key: name, Message: message, Signature: signed.GetSignature(), Scheme: scheme}
				v, verr := c.Verify(ctx, ask)
				if kind != "rsa-2048" {
					wantCode(t, kind+" with "+scheme.String(), err, fault.CodeBadArgument)
					wantCode(t, kind+" verified with "+scheme.String(), verr, fault.CodeBadArgument)
				} else if err != nil || verr != nil || !v.GetValid() {
					t.Errorf("%s with %v: %v, %v, %v", kind, scheme, v, err, verr)
				}
			}
		}

		if _, err := c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: "root/mac", Type: "hmac-sha256"}); err != nil {
			t.Fatal(err)
		}
		mac, err := c.MAC(ctx, &vaultdv1.MACRequest{Key: "root/mac", Message: message})
		if err != nil || len(mac.GetMac()) != 32 {
			t.Fatalf("mac: %v, %v", mac, err)
		}
		if v, err := c.VerifyMAC(ctx, &vaultdv1.VerifyMACRequest{Key: "root/mac", Message: message, Mac: mac.GetMac()}); err != nil || !v.GetValid() {
			t.Errorf("verify mac: %v, %v", v, err)
		}
		if v, err := c.VerifyMAC(ctx, &vaultdv1.VerifyMACRequest{Key: "root/mac", Message: nil, Mac: mac.GetMac()}); err != nil || v.GetValid() {
			t.Errorf("verify mac of another message: %v, %v", v, err)
		}

		for _, name := range []string{"root/a", "root/b"} {
			if _, err := c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: name, Type: "x25519"}); err != nil {
				t.Fatal(err)
			}
		}
		var outputs [2][]byte
		for i, names := range [][2]string{{"root/a", "root/b"}, {"root/b", "root/a"}} {
			peer, err := c.PublicKey(ctx, &vaultdv1.PublicKeyRequest{Name: names[1]})
			if err != nil {
				t.Fatal(err)
			}
			agreed, err := c.Agree(ctx, &vaultdv1.AgreeRequest{Key: names[0], PeerPublicKey: peer.GetPublicKey(), Info: []byte("test"), Length: 40})
			if err != nil {
				t.Fatal(err)
			}
			outputs[i] = agreed.GetOutput()
		}
		if len(outputs[0]) != 40 || !bytes.Equal(outputs[0], outputs[1]) {
			t.Errorf("agreement: %x and %x", outputs[0], outputs[1])
		}
	})
}

func TestOwnersListsAndRevocations(t *testing.T) {
	eachForm(t, func(t *testing.T, _ *daemon, c caller) {
		ctx := t.Context()
		if _, err := c.CreateOwner(ctx, &vaultdv1.CreateOwnerRequest{Name: "service"}); err != nil {
			t.Fatal(err)
		}
		_, err := c.CreateOwner(ctx, &vaultdv1.CreateOwnerRequest{Name: "service"})
		wantCode(t, "second creation", err, fault.CodeOwnerExists)
		for _, name := range []string{"service/one", "service/two", "service/three", "root/one"} {
			if _, err := c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: name, Labels: map[string]string{"n": name[len(name)-1:]}}); err != nil {
				t.Fatal(err)
			}
		}
		var names []string
		token := ""
		for range 10 {
			page, err := c.ListKeys(ctx, &vaultdv1.ListKeysRequest{PageSize: 3, PageToken: token})
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range page.GetKeys() {
				names = append(names, k.GetName())
			}
			if token = page.GetNextPageToken(); token == "" {
				break
			}
		}
		if got := strings.Join(names, " "); got != "root/one service/one service/three service/two" {
			t.Errorf("listed %q", got)
		}
		labelled, err := c.ListKeys(ctx, &vaultdv1.ListKeysRequest{Owner: "service", Labels: map[string]string{"n": "e"}})
		if err != nil || len(labelled.GetKeys()) != 2 {
			t.Errorf("list by label: %v, %v", labelled, err)
		}
		_, err = c.ListKeys(ctx, &vaultdv1.ListKeysRequest{PageToken: "garbage"})
		wantCode(t, "garbage page token", err, fault.CodeBadArgument)

		destroyed, err := c.DestroyKey(ctx, &vaultdv1.DestroyKeyRequest{Name: "service/one", Reason: "done"})
		if err != nil || destroyed.GetKey().GetState() != vaultdv1.KeyState_KEY_STATE_DESTROYED {
			t.Errorf("destroy: %v, %v", destroyed, err)
		}
		_, err = c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: "service/one"})
		wantCode(t, "encrypt with a destroyed key", err, fault.CodeKeyDestroyed)

		revoked, err := c.RevokeOwner(ctx, &vaultdv1.RevokeOwnerRequest{Name: "service", Reason: "left"})
		if err != nil || revoked.GetKeysDestroyed() != 2 || !revoked.GetOwner().GetRevoked() {
			t.Errorf("revoke: %v, %v", revoked, err)
		}
		_, err = c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: "service/new"})
		wantCode(t, "new key of a revoked owner", err, fault.CodeOwnerRevoked)
		check, err := c.CheckRevocation(ctx, &vaultdv1.CheckRevocationRequest{Subject: "service/two"})
		if err != nil || !check.GetRevoked() {
			t.Errorf("check: %v, %v", check, err)
		}
		check, err = c.CheckRevocation(ctx, &vaultdv1.CheckRevocationRequest{Subject: "root/one"})
		if err != nil || check.GetRevoked() {
			t.Errorf("check of a good key: %v, %v", check, err)
		}
		list, err := c.ListRevocations(ctx, &vaultdv1.ListRevocationsRequest{Owner: "service"})
		if err != nil || len(list.GetRevocations()) == 0 {
			t.Errorf("list of revocations: %v, %v", list, err)
		}
		if _, err = c.ReinstateOwner(ctx, &vaultdv1.ReinstateOwnerRequest{Name: "service"}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: "service/new"}); err != nil {
			t.Error(err)
		}
		shown, err := c.ShowOwner(ctx, &vaultdv1.ShowOwnerRequest{Name: "service"})
		if err != nil || shown.GetOwner().GetRevoked() || shown.GetOwner().GetKeys() != 1 {
			t.Errorf("owner: %v, %v", shown, err)
		}
		owners, err := c.ListOwners(ctx, &vaultdv1.ListOwnersRequest{})
		if err != nil || len(owners.GetOwners()) != 2 {
			t.Errorf("owners: %v, %v", owners, err)
		}
	})
}
