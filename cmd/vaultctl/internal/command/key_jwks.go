package command

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/stream"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/fault"
)

func (a *app) keyJWKS() *cobra.Command {
	var owner, out string
	cmd := &cobra.Command{
		Use:   "jwks [KEY...]",
		Short: "Print public keys as a JSON Web Key Set",
		Long: strings.TrimSpace(`
Print the public halves of the keys that are named, or of all key pairs of an
owner (yours, unless --owner says otherwise), as a JSON Web Key Set (RFC 7517).
It has every version that is active or expired, so that old signatures can be
checked, and none that is revoked or destroyed. The "kid" of each is its
thumbprint (RFC 7638). Of an owner's keys, those that JWK has no form for are
left out: RSA, ECDSA, Ed25519, P-256, P-384 and X25519 keys have one.`),
		Example: example(`
vaultctl key jwks > jwks.json
vaultctl key jwks signer alice/tokens --out /srv/www/.well-known/jwks.json
vaultctl key jwks --owner billing | jq -r '.keys[].kid'`),
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeKeyFlag,
	}
	cmd.Flags().StringVar(&owner, "owner", "", "keys of this `OWNER`")
	cmd.Flags().StringVar(&out, "out", "", "write to this `FILE` instead of standard output")
	mustCompleteBy(cmd, "owner", a.completeOwner)
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		if owner != "" && len(args) > 0 {
			return fault.E(fault.CodeUsage, "a set is of the keys that are named or of an --owner, not both")
		}
		set := struct {
			Keys []json.RawMessage `json:"keys"`
		}{Keys: []json.RawMessage{}}
		names, err := a.jwksNames(ctx, c, owner, args)
		if err != nil {
			return err
		}
		for _, name := range names {
			keys, err := a.jwksOf(ctx, c, name)
			if len(args) == 0 && (hasCode(err, fault.CodeWrongKeyUsage) || hasCode(err, fault.CodeUnsupportedAlgorithm)) {
				continue
			}
			if err != nil {
				return err
			}
			set.Keys = append(set.Keys, keys...)
		}
		text, err := json.MarshalIndent(set, "", "  ")
		if err != nil {
			return err
		}
		return stream.Write(a.stdout, out, append(text, '\n'))
	})
	return cmd
}

// jwksNames are the keys that are named, or all of an owner.
func (a *app) jwksNames(ctx context.Context, c *client.Client, owner string, args []string) ([]string, error) {
	var names []string
	for _, arg := range args {
		name, err := a.names.Key(arg)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	if len(args) > 0 {
		return names, nil
	}
	if owner == "" {
		own, err := a.names.Key("x")
		if err != nil {
			return nil, err
		}
		owner, _, _ = strings.Cut(own, "/")
	}
	request := &vaultdv1.ListKeysRequest{Owner: owner, PageSize: pageSize}
	for {
		r, err := call(ctx, a, "Listing", c.ListKeys, request)
		if err != nil {
			return nil, err
		}
		for _, k := range r.GetKeys() {
			names = append(names, k.GetName())
		}
		if request.PageToken = r.GetNextPageToken(); request.PageToken == "" {
			return names, nil
		}
	}
}

// jwksOf are the versions of a key, newest first, that others may still rely on.
func (a *app) jwksOf(ctx context.Context, c *client.Client, name string) ([]json.RawMessage, error) {
	shown, err := call(ctx, a, "Reading the key", c.ShowKey, &vaultdv1.ShowKeyRequest{Name: name})
	if err != nil {
		return nil, err
	}
	var keys []json.RawMessage
	versions := shown.GetKey().GetVersions()
	for i := len(versions) - 1; i >= 0; i-- {
		switch versions[i].GetState() {
		case vaultdv1.KeyState_KEY_STATE_REVOKED, vaultdv1.KeyState_KEY_STATE_DESTROYED:
			continue
		}
		r, err := call(ctx, a, "Reading the public key", c.PublicKey, &vaultdv1.PublicKeyRequest{
			Name: name, Version: versions[i].GetNumber(), Format: vaultdv1.PublicKeyFormat_PUBLIC_KEY_FORMAT_JWK,
		})
		if err != nil {
			return nil, err
		}
		keys = append(keys, r.GetPublicKey())
	}
	return keys, nil
}

func hasCode(err error, code fault.Code) bool {
	var e *fault.Error
	return errors.As(err, &e) && e.Code == code
}
