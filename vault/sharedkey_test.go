package vault_test

import (
	"slices"
	"testing"

	"github.com/vaultd/vaultd/crypto/keytype"
	"github.com/vaultd/vaultd/vault"
)

// Two vaults that hold the same key under ids of their own read each other's
// ciphertexts, when the key is named: a session key from an exchange would be
// of no use otherwise.
func TestCopiesOfAKeyReadEachOther(t *testing.T) {
	here, there := newRig(t), newRig(t)
	here.createWith(vault.CreateKey{Name: here.name("alice/data"), Exportable: true})
	if _, err := here.RotateKey(ctx, vault.RotateKey{Name: here.name("alice/data")}); err != nil {
		t.Fatal(err)
	}
	out, err := here.ExportKey(ctx, vault.ExportKey{Name: here.name("alice/data"), Format: vault.FormatRaw})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := there.ImportKey(ctx, vault.ImportKey{
		Name: there.name("bob/copy"), Type: "xaes-256-gcm", Material: out.Material, Format: vault.FormatRaw,
	}); err != nil {
		t.Fatal(err)
	}
	// Version 2 here is version 1 there.
	there.mustDecrypt("bob/copy", here.encrypt("alice/data", "to bob", "a=b"), "to bob", "a=b")
	answer := there.encrypt("bob/copy", "to alice")
	here.mustDecrypt("alice/data", answer, "to alice")

	// Unnamed, nobody knows whose it is; changed or out of context, nobody takes it.
	_, err = here.decrypt("", answer)
	here.wantCode(err, vault.CodeInvalidCiphertext)
	_, err = here.decrypt("alice/data", answer, "a=b")
	here.wantCode(err, vault.CodeInvalidCiphertext)
	forged := append([]byte{}, answer...)
	if forged[len(forged)-3]++; forged[len(forged)-3] > 'z' {
		forged[len(forged)-3] = 'a'
	}
	_, err = here.decrypt("alice/data", forged)
	here.wantCode(err, vault.CodeInvalidCiphertext)

	// A revoked copy reads nothing, and a key of this vault's alone is not tried.
	here.create("alice/own", "xaes-256-gcm")
	own := here.encrypt("alice/own", "mine")
	_, err = here.decrypt("alice/data", own)
	here.wantCode(err, vault.CodeIncorrectKey)
	_, err = here.decrypt("alice/own", answer)
	here.wantCode(err, vault.CodeIncorrectKey)
	if _, err := here.RevokeKey(ctx, vault.RevokeKey{Name: here.name("alice/data")}); err != nil {
		t.Fatal(err)
	}
	_, err = here.decrypt("alice/data", answer)
	here.wantCode(err, vault.CodeRevoked)
}

// The type in the header counts, even where two types share an algorithm.
func TestCopyOfAnotherTypeReadsNothing(t *testing.T) {
	here, there := newRig(t), newRig(t)
	material := []byte("an unencrypted key of 32 bytes .")
	for r, typ := range map[*rig]string{here: "xaes-256-gcm", there: "aes-256-gcm"} {
		if _, ok := keytype.Lookup(typ); !ok {
			t.Fatal(typ)
		}
		if _, err := r.ImportKey(ctx, vault.ImportKey{
			Name: r.name("alice/key"), Type: typ, Material: slices.Clone(material), Format: vault.FormatRaw,
		}); err != nil {
			t.Fatal(err)
		}
	}
	_, err := there.decrypt("alice/key", here.encrypt("alice/key", "hello"))
	there.wantCode(err, vault.CodeInvalidCiphertext)
}
