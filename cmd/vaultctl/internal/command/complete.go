package command

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/autostart"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
)

// completionPatience is how long a user who pressed Tab is kept waiting.
const completionPatience = 300 * time.Millisecond

// keyTypes are the types that a key can be created with, for completion and
// help. The daemon decides what it knows.
var keyTypes = []string{
	"xaes-256-gcm", "aes-256-gcm", "chacha20-poly1305", "fernet", "hmac-sha256",
	"aes-256-siv", "aes-256-kwp",
	"rsa-2048", "rsa-3072", "rsa-4096", "ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519",
	"x25519", "p256", "p384", "ffdh-2048", "ml-kem-768", "hpke-x25519", "hpke-mlkem768-x25519",
	"hkdf-sha256", "hkdf-sha384", "hkdf-sha512",
}

type completion = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective)

// completeKey completes key names for the first argument. It asks a daemon that
// runs, and never starts one.
func (a *app) completeKey(_ *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completeKeyFlag(nil, nil, begun)
}

func (a *app) completeKeyFlag(_ *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
	request := &vaultdv1.ListKeysRequest{PageSize: 1000}
	own := ""
	if owner, _, full := strings.Cut(begun, "/"); full {
		request.Owner = owner
	} else if name, err := a.names.Owner(); err == nil {
		request.Owner, own = name, name+"/"
	}
	var names []string
	a.glance(func(ctx context.Context, c *client.Client) {
		if r, err := c.ListKeys(ctx, request); err == nil {
			for _, k := range r.GetKeys() {
				names = append(names, strings.TrimPrefix(k.GetName(), own)+"\t"+k.GetType())
			}
		}
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) completeOwner(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	a.glance(func(ctx context.Context, c *client.Client) {
		if r, err := c.ListOwners(ctx, &vaultdv1.ListOwnersRequest{PageSize: 1000}); err == nil {
			for _, o := range r.GetOwners() {
				names = append(names, o.GetName())
			}
		}
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}

// glance asks a running daemon something, briefly.
func (a *app) glance(ask func(context.Context, *client.Client)) {
	ctx, cancel := context.WithTimeout(context.Background(), completionPatience)
	defer cancel()
	target := autostart.Find(a.socket, a.getenv)
	if !target.Running(ctx) {
		return
	}
	c, err := client.Dial(ctx, client.WithSocket(target.Socket))
	if err != nil {
		return
	}
	defer c.Close()
	ask(ctx, c)
}

// mustComplete makes a flag complete to fixed words. It panics when there is no
// such flag, which is a mistake in this package.
func mustComplete(cmd *cobra.Command, flag string, words ...string) {
	mustCompleteBy(cmd, flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

func mustCompleteBy(cmd *cobra.Command, flag string, f completion) {
	if err := cmd.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(err)
	}
}
