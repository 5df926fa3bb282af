package agefile

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"filippo.io/age"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault/fault"
)

// refusing is a vault that answers everything by the book and opens nothing.
type refusing struct{ asked int }

func (r *refusing) Decrypt(_ context.Context, q *vaultdv1.DecryptRequest) (*vaultdv1.DecryptResponse, error) {
	r.asked++
	if len(q.GetCiphertextBinary()) == 0 || len(q.GetCiphertextBinary()) > maxWrapped {
		panic("out of bounds")
	}
	return nil, fault.ErrInvalidCiphertext
}

func (r *refusing) Agree(_ context.Context, q *vaultdv1.AgreeRequest) (*vaultdv1.AgreeResponse, error) {
	r.asked++
	if len(q.GetPeerPublicKey()) != len(x25519SPKI)+32 || len(q.GetSalt()) != 64 {
		panic("out of bounds")
	}
	return &vaultdv1.AgreeResponse{Output: make([]byte, 32), Version: q.GetVersion()}, nil
}

func (r *refusing) PublicKey(_ context.Context, q *vaultdv1.PublicKeyRequest) (*vaultdv1.PublicKeyResponse, error) {
	r.asked++
	version := q.GetVersion()
	if version == 0 {
		version = 1000
	}
	return &vaultdv1.PublicKeyResponse{PublicKey: append(bytes.Clone(x25519SPKI), make([]byte, 32)...), Version: version, Type: typeX25519}, nil
}

func TestAHeaderAsksForSoMuchAndNoMore(t *testing.T) {
	for _, s := range []*age.Stanza{
		{Type: stanzaType, Args: []string{stanzaVersion}, Body: []byte("no ciphertext")},
		{Type: "X25519", Args: []string{"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}, Body: make([]byte, 32)},
	} {
		stanzas := make([]*age.Stanza, 10_000)
		for i := range stanzas {
			stanzas[i] = s
		}
		v := &refusing{}
		_, err := (&Identity{Ctx: t.Context(), Vault: v, Key: "alice/dh"}).Unwrap(stanzas)
		if !errors.Is(err, fault.ErrInvalidCiphertext) || v.asked > maxTries {
			t.Errorf("%s: %v after %d questions", s.Type, err, v.asked)
		}
	}
}

func TestAmongOthersNoneOfMineIsNoError(t *testing.T) {
	mine := []*age.Stanza{{Type: stanzaType, Args: []string{stanzaVersion}, Body: []byte("no ciphertext")}}
	theirs := []*age.Stanza{{Type: "ssh-ed25519", Args: []string{"a", "b"}, Body: make([]byte, 32)}}
	for _, stanzas := range [][]*age.Stanza{mine, theirs, append(mine, theirs...)} {
		_, err := (&Identity{Ctx: t.Context(), Vault: &refusing{}, Among: true}).Unwrap(stanzas)
		if !errors.Is(err, age.ErrIncorrectIdentity) {
			t.Errorf("%v", err)
		}
	}
}

func FuzzUnwrap(f *testing.F) {
	f.Add([]byte("age-encryption.org/v1\n-> vaultd 1\nAAAA\n--- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n0123456789abcdef"))
	f.Add([]byte("age-encryption.org/v1\n-> X25519 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n--- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n0123456789abcdef"))
	f.Add([]byte("-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n-----END AGE ENCRYPTED FILE-----\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		v := &refusing{}
		if _, err := opened(file, &Identity{Ctx: t.Context(), Vault: v, Key: "alice/dh"}); !errors.Is(err, fault.ErrInvalidCiphertext) {
			t.Errorf("%q: %v", file, err)
		}
		if v.asked > maxTries {
			t.Errorf("%d questions", v.asked)
		}
	})
}
