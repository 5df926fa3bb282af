package client

import (
	"context"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
)

// Status tells how the vault is. Everybody may ask.
func (c *Client) Status(ctx context.Context, req *vaultdv1.StatusRequest) (*vaultdv1.StatusResponse, error) {
	resp := new(vaultdv1.StatusResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_STATUS, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Init makes a new vault and leaves it unsealed.
func (c *Client) Init(ctx context.Context, req *vaultdv1.InitRequest) (*vaultdv1.InitResponse, error) {
	resp := new(vaultdv1.InitResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_INIT, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Unseal opens the vault with a password, or the secret of another key slot.
func (c *Client) Unseal(ctx context.Context, req *vaultdv1.UnsealRequest) (*vaultdv1.UnsealResponse, error) {
	resp := new(vaultdv1.UnsealResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_UNSEAL, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Seal wipes every key from memory and closes the store.
func (c *Client) Seal(ctx context.Context, req *vaultdv1.SealRequest) (*vaultdv1.SealResponse, error) {
	resp := new(vaultdv1.SealResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_SEAL, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ChangePassword replaces the password; no data is rewritten.
func (c *Client) ChangePassword(ctx context.Context, req *vaultdv1.ChangePasswordRequest) (*vaultdv1.ChangePasswordResponse, error) {
	resp := new(vaultdv1.ChangePasswordResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_CHANGE_PASSWORD, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// AddSlot adds a way to open the vault; it takes the secret of one that there is.
func (c *Client) AddSlot(ctx context.Context, req *vaultdv1.AddSlotRequest) (*vaultdv1.AddSlotResponse, error) {
	resp := new(vaultdv1.AddSlotResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_ADD_SLOT, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ListSlots lists the ways to open the vault, sealed or not.
func (c *Client) ListSlots(ctx context.Context, req *vaultdv1.ListSlotsRequest) (*vaultdv1.ListSlotsResponse, error) {
	resp := new(vaultdv1.ListSlotsResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_LIST_SLOTS, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// RemoveSlot removes a way to open the vault; it takes the secret of another.
func (c *Client) RemoveSlot(ctx context.Context, req *vaultdv1.RemoveSlotRequest) (*vaultdv1.RemoveSlotResponse, error) {
	resp := new(vaultdv1.RemoveSlotResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_REMOVE_SLOT, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// EnterShare gives one share of a set; the one that completes it unseals the vault.
func (c *Client) EnterShare(ctx context.Context, req *vaultdv1.EnterShareRequest) (*vaultdv1.EnterShareResponse, error) {
	resp := new(vaultdv1.EnterShareResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_ENTER_SHARE, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ResetShares has the daemon forget the shares that were entered.
func (c *Client) ResetShares(ctx context.Context, req *vaultdv1.ResetSharesRequest) (*vaultdv1.ResetSharesResponse, error) {
	resp := new(vaultdv1.ResetSharesResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_RESET_SHARES, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// CreateKey generates a key.
func (c *Client) CreateKey(ctx context.Context, req *vaultdv1.CreateKeyRequest) (*vaultdv1.CreateKeyResponse, error) {
	resp := new(vaultdv1.CreateKeyResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_CREATE_KEY, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ShowKey tells everything about a key but its material.
func (c *Client) ShowKey(ctx context.Context, req *vaultdv1.ShowKeyRequest) (*vaultdv1.ShowKeyResponse, error) {
	resp := new(vaultdv1.ShowKeyResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_SHOW_KEY, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ListKeys lists one page of keys, by owner and name. A listed key shows its newest version only.
func (c *Client) ListKeys(ctx context.Context, req *vaultdv1.ListKeysRequest) (*vaultdv1.ListKeysResponse, error) {
	resp := new(vaultdv1.ListKeysResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_LIST_KEYS, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// PublicKey is the public half of a key.
func (c *Client) PublicKey(ctx context.Context, req *vaultdv1.PublicKeyRequest) (*vaultdv1.PublicKeyResponse, error) {
	resp := new(vaultdv1.PublicKeyResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_PUBLIC_KEY, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// RotateKey generates a new version of a key; older ones still open what they sealed.
func (c *Client) RotateKey(ctx context.Context, req *vaultdv1.RotateKeyRequest) (*vaultdv1.RotateKeyResponse, error) {
	resp := new(vaultdv1.RotateKeyResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_ROTATE_KEY, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ImportKey stores key material from elsewhere.
func (c *Client) ImportKey(ctx context.Context, req *vaultdv1.ImportKeyRequest) (*vaultdv1.ImportKeyResponse, error) {
	resp := new(vaultdv1.ImportKeyResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_IMPORT_KEY, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ExportKey hands out private material of a key that was made exportable.
func (c *Client) ExportKey(ctx context.Context, req *vaultdv1.ExportKeyRequest) (*vaultdv1.ExportKeyResponse, error) {
	resp := new(vaultdv1.ExportKeyResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_EXPORT_KEY, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// DestroyKey destroys one version of a key or all of them, for ever.
func (c *Client) DestroyKey(ctx context.Context, req *vaultdv1.DestroyKeyRequest) (*vaultdv1.DestroyKeyResponse, error) {
	resp := new(vaultdv1.DestroyKeyResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_DESTROY_KEY, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// RevokeKey refuses every use of a key from now on.
func (c *Client) RevokeKey(ctx context.Context, req *vaultdv1.RevokeKeyRequest) (*vaultdv1.RevokeKeyResponse, error) {
	resp := new(vaultdv1.RevokeKeyResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_REVOKE_KEY, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// SuspendKey pauses a key: it protects nothing until it is resumed.
func (c *Client) SuspendKey(ctx context.Context, req *vaultdv1.SuspendKeyRequest) (*vaultdv1.SuspendKeyResponse, error) {
	resp := new(vaultdv1.SuspendKeyResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_SUSPEND_KEY, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ResumeKey ends a suspension.
func (c *Client) ResumeKey(ctx context.Context, req *vaultdv1.ResumeKeyRequest) (*vaultdv1.ResumeKeyResponse, error) {
	resp := new(vaultdv1.ResumeKeyResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_RESUME_KEY, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// UpdateKey changes the periods of a version and the labels of its key.
func (c *Client) UpdateKey(ctx context.Context, req *vaultdv1.UpdateKeyRequest) (*vaultdv1.UpdateKeyResponse, error) {
	resp := new(vaultdv1.UpdateKeyResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_UPDATE_KEY, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// CancelDestruction calls off a destruction that was set, and leaves the key suspended.
func (c *Client) CancelDestruction(ctx context.Context, req *vaultdv1.CancelDestructionRequest) (*vaultdv1.CancelDestructionResponse, error) {
	resp := new(vaultdv1.CancelDestructionResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_CANCEL_DESTRUCTION, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// TrimKey destroys the versions below min_decrypt_version for good.
func (c *Client) TrimKey(ctx context.Context, req *vaultdv1.TrimKeyRequest) (*vaultdv1.TrimKeyResponse, error) {
	resp := new(vaultdv1.TrimKeyResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_TRIM_KEY, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// KeyStates is the table that decides what can be done with a key. Everybody may ask.
func (c *Client) KeyStates(ctx context.Context, req *vaultdv1.KeyStatesRequest) (*vaultdv1.KeyStatesResponse, error) {
	resp := new(vaultdv1.KeyStatesResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_KEY_STATES, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Scrub rewrites the store, so that nothing destroyed is left in its files.
func (c *Client) Scrub(ctx context.Context, req *vaultdv1.ScrubRequest) (*vaultdv1.ScrubResponse, error) {
	resp := new(vaultdv1.ScrubResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_SCRUB, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Encrypt seals a message under a key and binds it to a context.
func (c *Client) Encrypt(ctx context.Context, req *vaultdv1.EncryptRequest) (*vaultdv1.EncryptResponse, error) {
	resp := new(vaultdv1.EncryptResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_ENCRYPT, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Decrypt opens what Encrypt made.
func (c *Client) Decrypt(ctx context.Context, req *vaultdv1.DecryptRequest) (*vaultdv1.DecryptResponse, error) {
	resp := new(vaultdv1.DecryptResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_DECRYPT, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Sign signs a message or a digest.
func (c *Client) Sign(ctx context.Context, req *vaultdv1.SignRequest) (*vaultdv1.SignResponse, error) {
	resp := new(vaultdv1.SignResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_SIGN, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Verify checks a signature. A wrong one is an answer, not an error.
func (c *Client) Verify(ctx context.Context, req *vaultdv1.VerifyRequest) (*vaultdv1.VerifyResponse, error) {
	resp := new(vaultdv1.VerifyResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_VERIFY, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// MAC authenticates a message.
func (c *Client) MAC(ctx context.Context, req *vaultdv1.MACRequest) (*vaultdv1.MACResponse, error) {
	resp := new(vaultdv1.MACResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_MAC, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// VerifyMAC checks a MAC. A wrong one is an answer, not an error.
func (c *Client) VerifyMAC(ctx context.Context, req *vaultdv1.VerifyMACRequest) (*vaultdv1.VerifyMACResponse, error) {
	resp := new(vaultdv1.VerifyMACResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_VERIFY_MAC, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Agree runs a key agreement and derives bytes from the shared secret.
func (c *Client) Agree(ctx context.Context, req *vaultdv1.AgreeRequest) (*vaultdv1.AgreeResponse, error) {
	resp := new(vaultdv1.AgreeResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_AGREE, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Rewrap encrypts anew what a ciphertext holds, without showing it.
func (c *Client) Rewrap(ctx context.Context, req *vaultdv1.RewrapRequest) (*vaultdv1.RewrapResponse, error) {
	resp := new(vaultdv1.RewrapResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_REWRAP, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// GenerateDataKey makes a key for use outside the vault, wrapped under one of the vault.
func (c *Client) GenerateDataKey(ctx context.Context, req *vaultdv1.GenerateDataKeyRequest) (*vaultdv1.GenerateDataKeyResponse, error) {
	resp := new(vaultdv1.GenerateDataKeyResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_GENERATE_DATA_KEY, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Random gives random bytes.
func (c *Client) Random(ctx context.Context, req *vaultdv1.RandomRequest) (*vaultdv1.RandomResponse, error) {
	resp := new(vaultdv1.RandomResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_RANDOM, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Derive derives bytes from a derivation key (HKDF, RFC 5869): the same ones for the same request.
func (c *Client) Derive(ctx context.Context, req *vaultdv1.DeriveRequest) (*vaultdv1.DeriveResponse, error) {
	resp := new(vaultdv1.DeriveResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_DERIVE, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Batch performs several requests. Each has a result or an error of its own, in
// order; the error of the call is about the batch as a whole.
func (c *Client) Batch(ctx context.Context, req *vaultdv1.BatchRequest) (*vaultdv1.BatchResponse, error) {
	resp := new(vaultdv1.BatchResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_BATCH, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Forget drops the registration of ciphertexts that are not needed any more.
func (c *Client) Forget(ctx context.Context, req *vaultdv1.ForgetRequest) (*vaultdv1.ForgetResponse, error) {
	resp := new(vaultdv1.ForgetResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_FORGET, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// KeyCensus tells how many registered ciphertexts need which version of a key.
func (c *Client) KeyCensus(ctx context.Context, req *vaultdv1.KeyCensusRequest) (*vaultdv1.KeyCensusResponse, error) {
	resp := new(vaultdv1.KeyCensusResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_KEY_CENSUS, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// OfferExchange begins a key exchange: its message is for the peer.
func (c *Client) OfferExchange(ctx context.Context, req *vaultdv1.OfferExchangeRequest) (*vaultdv1.OfferExchangeResponse, error) {
	resp := new(vaultdv1.OfferExchangeResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_OFFER_EXCHANGE, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// AcceptExchange answers a peer's offer.
func (c *Client) AcceptExchange(ctx context.Context, req *vaultdv1.AcceptExchangeRequest) (*vaultdv1.AcceptExchangeResponse, error) {
	resp := new(vaultdv1.AcceptExchangeResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_ACCEPT_EXCHANGE, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// FinishExchange takes the next message of an exchange, and stores the session key when it was the last.
func (c *Client) FinishExchange(ctx context.Context, req *vaultdv1.FinishExchangeRequest) (*vaultdv1.FinishExchangeResponse, error) {
	resp := new(vaultdv1.FinishExchangeResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_FINISH_EXCHANGE, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// CreateOwner makes a namespace for something that is no OS user.
func (c *Client) CreateOwner(ctx context.Context, req *vaultdv1.CreateOwnerRequest) (*vaultdv1.CreateOwnerResponse, error) {
	resp := new(vaultdv1.CreateOwnerResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_CREATE_OWNER, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ShowOwner describes an owner.
func (c *Client) ShowOwner(ctx context.Context, req *vaultdv1.ShowOwnerRequest) (*vaultdv1.ShowOwnerResponse, error) {
	resp := new(vaultdv1.ShowOwnerResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_SHOW_OWNER, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// SetAlias makes an alias of a key, or moves it to another key in one step.
func (c *Client) SetAlias(ctx context.Context, req *vaultdv1.SetAliasRequest) (*vaultdv1.SetAliasResponse, error) {
	resp := new(vaultdv1.SetAliasResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_SET_ALIAS, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ListAliases lists one page of aliases.
func (c *Client) ListAliases(ctx context.Context, req *vaultdv1.ListAliasesRequest) (*vaultdv1.ListAliasesResponse, error) {
	resp := new(vaultdv1.ListAliasesResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_LIST_ALIASES, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// RemoveAlias removes an alias and leaves its key as it is.
func (c *Client) RemoveAlias(ctx context.Context, req *vaultdv1.RemoveAliasRequest) (*vaultdv1.RemoveAliasResponse, error) {
	resp := new(vaultdv1.RemoveAliasResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_REMOVE_ALIAS, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ListOwners lists one page of owners.
func (c *Client) ListOwners(ctx context.Context, req *vaultdv1.ListOwnersRequest) (*vaultdv1.ListOwnersResponse, error) {
	resp := new(vaultdv1.ListOwnersResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_LIST_OWNERS, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// RevokeOwner destroys all of an owner's keys and refuses new ones.
func (c *Client) RevokeOwner(ctx context.Context, req *vaultdv1.RevokeOwnerRequest) (*vaultdv1.RevokeOwnerResponse, error) {
	resp := new(vaultdv1.RevokeOwnerResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_REVOKE_OWNER, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ReinstateOwner lets a revoked owner have new keys; the old ones stay destroyed.
func (c *Client) ReinstateOwner(ctx context.Context, req *vaultdv1.ReinstateOwnerRequest) (*vaultdv1.ReinstateOwnerResponse, error) {
	resp := new(vaultdv1.ReinstateOwnerResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_REINSTATE_OWNER, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ListRevocations lists one page of what was revoked or destroyed.
func (c *Client) ListRevocations(ctx context.Context, req *vaultdv1.ListRevocationsRequest) (*vaultdv1.ListRevocationsResponse, error) {
	resp := new(vaultdv1.ListRevocationsResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_LIST_REVOCATIONS, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// CheckRevocation tells whether a key, an owner or a fingerprint is revoked.
func (c *Client) CheckRevocation(ctx context.Context, req *vaultdv1.CheckRevocationRequest) (*vaultdv1.CheckRevocationResponse, error) {
	resp := new(vaultdv1.CheckRevocationResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_CHECK_REVOCATION, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// WhoAmI tells what the daemon knows of the caller.
func (c *Client) WhoAmI(ctx context.Context, req *vaultdv1.WhoAmIRequest) (*vaultdv1.WhoAmIResponse, error) {
	resp := new(vaultdv1.WhoAmIResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_WHO_AM_I, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Can tells whether something would be allowed, and why. Only administrators
// may ask about somebody else.
func (c *Client) Can(ctx context.Context, req *vaultdv1.CanRequest) (*vaultdv1.CanResponse, error) {
	resp := new(vaultdv1.CanResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_CAN, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Explain tells why a request was denied, by the decision id in its error.
func (c *Client) Explain(ctx context.Context, req *vaultdv1.ExplainRequest) (*vaultdv1.ExplainResponse, error) {
	resp := new(vaultdv1.ExplainResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_EXPLAIN, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// AddGrant adds a grant to those kept in the vault.
func (c *Client) AddGrant(ctx context.Context, req *vaultdv1.AddGrantRequest) (*vaultdv1.AddGrantResponse, error) {
	resp := new(vaultdv1.AddGrantResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_ADD_GRANT, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ShowGrant shows a grant in force, whether from the vault or a policy file.
func (c *Client) ShowGrant(ctx context.Context, req *vaultdv1.ShowGrantRequest) (*vaultdv1.ShowGrantResponse, error) {
	resp := new(vaultdv1.ShowGrantResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_SHOW_GRANT, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ListGrants lists one page of the grants in force.
func (c *Client) ListGrants(ctx context.Context, req *vaultdv1.ListGrantsRequest) (*vaultdv1.ListGrantsResponse, error) {
	resp := new(vaultdv1.ListGrantsResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_LIST_GRANTS, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// RemoveGrant removes a grant from the vault. Those of policy files are not the
// vault's to remove.
func (c *Client) RemoveGrant(ctx context.Context, req *vaultdv1.RemoveGrantRequest) (*vaultdv1.RemoveGrantResponse, error) {
	resp := new(vaultdv1.RemoveGrantResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_REMOVE_GRANT, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ListPrincipals lists one page of the accounts that the vault knows.
func (c *Client) ListPrincipals(ctx context.Context, req *vaultdv1.ListPrincipalsRequest) (*vaultdv1.ListPrincipalsResponse, error) {
	resp := new(vaultdv1.ListPrincipalsResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_LIST_PRINCIPALS, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// AdoptPrincipal ends the quarantine of a uid: its account of now is the principal.
func (c *Client) AdoptPrincipal(ctx context.Context, req *vaultdv1.AdoptPrincipalRequest) (*vaultdv1.AdoptPrincipalResponse, error) {
	resp := new(vaultdv1.AdoptPrincipalResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_ADOPT_PRINCIPAL, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// RetirePrincipal ends a principal for good.
func (c *Client) RetirePrincipal(ctx context.Context, req *vaultdv1.RetirePrincipalRequest) (*vaultdv1.RetirePrincipalResponse, error) {
	resp := new(vaultdv1.RetirePrincipalResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_RETIRE_PRINCIPAL, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ListApprovals lists requests under four eyes: all to administrators, else the caller's own.
func (c *Client) ListApprovals(ctx context.Context, req *vaultdv1.ListApprovalsRequest) (*vaultdv1.ListApprovalsResponse, error) {
	resp := new(vaultdv1.ListApprovalsResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_LIST_APPROVALS, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// AwaitApproval waits a moment for the decision on a request under four eyes.
func (c *Client) AwaitApproval(ctx context.Context, req *vaultdv1.AwaitApprovalRequest) (*vaultdv1.AwaitApprovalResponse, error) {
	resp := new(vaultdv1.AwaitApprovalResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_AWAIT_APPROVAL, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Approve lets somebody else's request under four eyes be made once.
func (c *Client) Approve(ctx context.Context, req *vaultdv1.ApproveRequest) (*vaultdv1.ApproveResponse, error) {
	resp := new(vaultdv1.ApproveResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_APPROVE, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Reject refuses somebody else's request under four eyes.
func (c *Client) Reject(ctx context.Context, req *vaultdv1.RejectRequest) (*vaultdv1.RejectResponse, error) {
	resp := new(vaultdv1.RejectResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_REJECT, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ReadEvents reads what happened to the keys that the caller may show, and waits
// for it if asked.
func (c *Client) ReadEvents(ctx context.Context, req *vaultdv1.ReadEventsRequest) (*vaultdv1.ReadEventsResponse, error) {
	resp := new(vaultdv1.ReadEventsResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_READ_EVENTS, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ReadAudit reads records of the audit log.
func (c *Client) ReadAudit(ctx context.Context, req *vaultdv1.ReadAuditRequest) (*vaultdv1.ReadAuditResponse, error) {
	resp := new(vaultdv1.ReadAuditResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_READ_AUDIT, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// CheckpointAudit signs the audit log as it is now.
func (c *Client) CheckpointAudit(ctx context.Context, req *vaultdv1.CheckpointAuditRequest) (*vaultdv1.CheckpointAuditResponse, error) {
	resp := new(vaultdv1.CheckpointAuditResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_CHECKPOINT_AUDIT, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ProveAudit proves that a record is in the audit log.
func (c *Client) ProveAudit(ctx context.Context, req *vaultdv1.ProveAuditRequest) (*vaultdv1.ProveAuditResponse, error) {
	resp := new(vaultdv1.ProveAuditResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_PROVE_AUDIT, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// BeginBackup begins a backup; ReadBackup gives it, on the same connection.
func (c *Client) BeginBackup(ctx context.Context, req *vaultdv1.BeginBackupRequest) (*vaultdv1.BeginBackupResponse, error) {
	resp := new(vaultdv1.BeginBackupResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_BEGIN_BACKUP, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ReadBackup reads the next part of a backup.
func (c *Client) ReadBackup(ctx context.Context, req *vaultdv1.ReadBackupRequest) (*vaultdv1.ReadBackupResponse, error) {
	resp := new(vaultdv1.ReadBackupResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_READ_BACKUP, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Check verifies the vault while it is used, some more with each call.
func (c *Client) Check(ctx context.Context, req *vaultdv1.CheckRequest) (*vaultdv1.CheckResponse, error) {
	resp := new(vaultdv1.CheckResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_CHECK, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// ListBackups lists the backups that the vault remembers having made.
func (c *Client) ListBackups(ctx context.Context, req *vaultdv1.ListBackupsRequest) (*vaultdv1.ListBackupsResponse, error) {
	resp := new(vaultdv1.ListBackupsResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_LIST_BACKUPS, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Encapsulate makes a shared key for the holder of an ML-KEM key and derives from it. The
// caller wipes the output.
func (c *Client) Encapsulate(ctx context.Context, req *vaultdv1.EncapsulateRequest) (*vaultdv1.EncapsulateResponse, error) {
	resp := new(vaultdv1.EncapsulateResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_ENCAPSULATE, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// Decapsulate derives the output of an encapsulation again. The caller wipes it.
func (c *Client) Decapsulate(ctx context.Context, req *vaultdv1.DecapsulateRequest) (*vaultdv1.DecapsulateResponse, error) {
	resp := new(vaultdv1.DecapsulateResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_DECAPSULATE, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// CreateCSR makes a request for a certificate that a key signs.
func (c *Client) CreateCSR(ctx context.Context, req *vaultdv1.CreateCSRRequest) (*vaultdv1.CreateCSRResponse, error) {
	resp := new(vaultdv1.CreateCSRResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_CREATE_CSR, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// CreateCertificate makes a certificate that a key signs for itself.
func (c *Client) CreateCertificate(ctx context.Context, req *vaultdv1.CreateCertificateRequest) (*vaultdv1.CreateCertificateResponse, error) {
	resp := new(vaultdv1.CreateCertificateResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_CREATE_CERTIFICATE, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// WrapKey encrypts an exportable key under another one.
func (c *Client) WrapKey(ctx context.Context, req *vaultdv1.WrapKeyRequest) (*vaultdv1.WrapKeyResponse, error) {
	resp := new(vaultdv1.WrapKeyResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_WRAP_KEY, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}

// UnwrapKey makes a key of a wrapped one, without showing it.
func (c *Client) UnwrapKey(ctx context.Context, req *vaultdv1.UnwrapKeyRequest) (*vaultdv1.UnwrapKeyResponse, error) {
	resp := new(vaultdv1.UnwrapKeyResponse)
	if err := c.call(ctx, vaultdv1.Method_METHOD_UNWRAP_KEY, req, resp); err != nil {
		return nil, err
	}
	return resp, nil
}
