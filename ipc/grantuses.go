package ipc

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
)

// useStore keeps the uses of grants in the vault.
type useStore struct {
	vault *vault.Vault
	saved []vault.Kept
}

// LoadUses returns what the vault was unsealed with.
func (s *useStore) LoadUses() ([]policy.Use, error) {
	uses := make([]policy.Use, len(s.saved))
	for i, saved := range s.saved {
		if err := json.Unmarshal(saved.Body, &uses[i]); err != nil || uses[i].Grant != saved.ID {
			return nil, fault.E(fault.CodeStoreCorrupt, "the uses of grant %s can't be read", saved.ID)
		}
	}
	return uses, nil
}

// SaveUses makes uses durable.
func (s *useStore) SaveUses(uses []policy.Use) error {
	records := make([]vault.Kept, len(uses))
	for i, u := range uses {
		body, err := json.Marshal(u)
		if err != nil {
			return fmt.Errorf("encode uses: %w", err)
		}
		records[i] = vault.Kept{ID: u.Grant, Body: body}
	}
	return s.vault.SaveGrantUses(context.Background(), records)
}
