package ipc_test

import (
	"fmt"
	"path/filepath"
	"testing"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault/audit"
)

// TestEveryUseIsRecordedWithTheKeysFingerprint: a record of what was done with
// a key names the version by number and fingerprint.
func TestEveryUseIsRecordedWithTheKeysFingerprint(t *testing.T) {
	for _, f := range formsToTest() {
		t.Run(f.name, func(t *testing.T) {
			log, set := withAudit(t, filepath.Join(t.TempDir(), "audit"))
			d := start(t, set)
			c, ctx := f.dial(t, d), t.Context()
			must := func(_ any, err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			prints := map[string][]string{} // by name, then by version
			note := func(k *vaultdv1.Key) {
				prints[k.GetName()] = nil
				for _, v := range k.GetVersions() {
					prints[k.GetName()] = append(prints[k.GetName()], v.GetFingerprint())
				}
			}
			for name, kind := range map[string]string{
				"aead": "xaes-256-gcm", "fernet": "fernet", "sign": "ed25519", "mac": "hmac-sha256", "agree": "x25519", "peer": "ed25519",
			} {
				must(c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: "root/" + name, Type: kind, Exportable: name == "aead"}))
			}
			oldText, err := c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: "root/aead", Plaintext: []byte("x")})
			must(nil, err)
			oldSignature, err := c.Sign(ctx, &vaultdv1.SignRequest{Key: "root/sign", Message: []byte("x")})
			must(nil, err)
			for _, name := range []string{"aead", "sign", "mac", "fernet", "agree", "peer"} {
				rotated, err := c.RotateKey(ctx, &vaultdv1.RotateKeyRequest{Name: "root/" + name})
				must(nil, err)
				note(rotated.GetKey())
			}
			if err := log.Flush(); err != nil {
				t.Fatal(err)
			}
			before := log.Head().Size

			must(c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: "root/aead", Plaintext: []byte("x")}))
			must(c.Decrypt(ctx, &vaultdv1.DecryptRequest{Key: "root/aead", Ciphertext: oldText.GetCiphertext()}))
			must(c.Decrypt(ctx, &vaultdv1.DecryptRequest{Ciphertext: oldText.GetCiphertext()}))
			token, err := c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: "root/fernet", Plaintext: []byte("x")})
			must(nil, err)
			must(c.Decrypt(ctx, &vaultdv1.DecryptRequest{Key: "root/fernet", Ciphertext: token.GetCiphertext()}))
			must(c.Sign(ctx, &vaultdv1.SignRequest{Key: "root/sign", Message: []byte("x")}))
			must(c.Verify(ctx, &vaultdv1.VerifyRequest{Key: "root/sign", Message: []byte("x"), Signature: oldSignature.GetSignature()}))
			must(c.Verify(ctx, &vaultdv1.VerifyRequest{Key: "root/sign", Message: []byte("y"), Signature: oldSignature.GetSignature()}))
			mac, err := c.MAC(ctx, &vaultdv1.MACRequest{Key: "root/mac", Message: []byte("x")})
			must(nil, err)
			must(c.VerifyMAC(ctx, &vaultdv1.VerifyMACRequest{Key: "root/mac", Message: []byte("x"), Mac: mac.GetMac()}))
			public, err := c.PublicKey(ctx, &vaultdv1.PublicKeyRequest{Name: "root/agree", Version: 1})
			must(nil, err)
			must(c.Agree(ctx, &vaultdv1.AgreeRequest{Key: "root/agree", PeerPublicKey: public.GetPublicKey()}))
			must(c.ExportKey(ctx, &vaultdv1.ExportKeyRequest{Name: "root/aead", Version: 1}))
			must(c.ShowKey(ctx, &vaultdv1.ShowKeyRequest{Name: "root/mac"}))
			must(c.DestroyKey(ctx, &vaultdv1.DestroyKeyRequest{Name: "root/aead", Version: 1}))
			_, _ = c.Decrypt(ctx, &vaultdv1.DecryptRequest{Ciphertext: oldText.GetCiphertext()}) // destroyed
			must(c.RevokeKey(ctx, &vaultdv1.RevokeKeyRequest{Name: "root/mac"}))

			// Both sides of an exchange in one vault.
			offer, err := c.OfferExchange(ctx, &vaultdv1.OfferExchangeRequest{
				SigningKey: "root/sign", SessionKey: "root/offered", PeerFingerprint: prints["root/peer"][1],
			})
			must(nil, err)
			accepted, err := c.AcceptExchange(ctx, &vaultdv1.AcceptExchangeRequest{
				Message: offer.GetMessage(), SigningKey: "root/peer", SessionKey: "root/accepted", PeerFingerprint: prints["root/sign"][1],
			})
			must(nil, err)
			finished, err := c.FinishExchange(ctx, &vaultdv1.FinishExchangeRequest{Message: accepted.GetMessage()})
			must(nil, err)
			note(finished.GetSession())

			if err := log.Flush(); err != nil {
				t.Fatal(err)
			}
			want := []struct {
				action, key string
				version     uint32 // 0: nothing but the name
			}{
				{"key.encrypt", "aead", 2},
				{"key.decrypt", "aead", 1},
				{"key.decrypt", "aead", 1},
				{"key.encrypt", "fernet", 2},
				{"key.decrypt", "fernet", 2},
				{"key.sign", "sign", 2},
				{"key.verify", "sign", 1},
				{"key.verify", "sign", 0}, // no version verifies it
				{"key.mac", "mac", 2},
				{"key.verify_mac", "mac", 2},
				{"key.public", "agree", 1},
				{"key.agree", "agree", 2},
				{"key.export", "aead", 1},
				{"key.show", "mac", 2},
				{"key.destroy", "aead", 1},
				{"key.decrypt", "aead", 0},
				{"key.revoke", "mac", 2},
				{"exchange.offer", "sign", 2},
				{"exchange.accept", "peer", 2},
				{"exchange.finish", "offered", 1},
			}
			i := 0
			for e, err := range log.Read(audit.Filter{From: before}) {
				if err != nil {
					t.Fatal(err)
				}
				if e.Outcome == audit.Begun {
					if e.Key.Version != 0 || e.Key.Fingerprint != "" {
						t.Errorf("begun with a version: %s", e.Line)
					}
					continue
				}
				if i == len(want) {
					t.Fatalf("a record too much: %s", e.Line)
				}
				w := want[i]
				i++
				fingerprint := ""
				if w.version != 0 {
					fingerprint = prints["root/"+w.key][w.version-1]
				}
				got := fmt.Sprint(e.Action, " ", e.Owner, "/", e.Key.Name, " ", e.Key.Version, " ", e.Key.Fingerprint)
				if want := fmt.Sprint(w.action, " root/", w.key, " ", w.version, " ", fingerprint); got != want {
					t.Errorf("recorded %s\nwant     %s", got, want)
				}
			}
			if i != len(want) {
				t.Errorf("%d records, want %d", i, len(want))
			}
		})
	}
}
