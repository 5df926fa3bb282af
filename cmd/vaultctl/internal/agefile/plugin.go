package agefile

import (
	"flag"

	"filippo.io/age"
	"filippo.io/age/plugin"

	"github.com/vaultd/vaultd/vault/fault"
)

// PluginName is the name of the program that age runs for recipients
// "age1vaultd1…" and identities "AGE-PLUGIN-VAULTD-1…".
const PluginName = "age-plugin-" + pluginID

const pluginID = "vaultd"

// maxName bounds the name of a key in a recipient, before the daemon looks at it.
const maxName = 1024

// Names are the recipient and the identity that stand for a key with age. They
// are its name in another encoding and no secret.
func Names(key string) (recipient, identity string) {
	return plugin.EncodeRecipient(pluginID, []byte(key)), plugin.EncodeIdentity(pluginID, []byte(key))
}

// Plugin speaks age's plugin protocol on standard input and output, and
// returns the exit status. A recipient or identity is made for the name of a
// key; that of an identity is empty for 'age -j vaultd', for files whose
// header names the key.
func Plugin(args []string, recipient func(key string) age.Recipient, identity func(key string) age.Identity) (int, error) {
	p, err := plugin.New(pluginID)
	if err != nil {
		return 0, err
	}
	flags := flag.NewFlagSet(PluginName, flag.ContinueOnError)
	p.RegisterFlags(flags)
	if err := flags.Parse(args); err != nil {
		return 0, fault.E(fault.CodeUsage, "%v", err).WithHint("the age program runs %s", PluginName)
	}
	toKey := func(data []byte) (age.Recipient, error) {
		if len(data) == 0 || len(data) > maxName {
			return nil, errName
		}
		return recipient(string(data)), nil
	}
	p.HandleRecipient(toKey)
	p.HandleIdentityAsRecipient(toKey)
	p.HandleIdentity(func(data []byte) (age.Identity, error) {
		if len(data) > maxName {
			return nil, errName
		}
		return identity(string(data)), nil
	})
	return p.Main(), nil
}

var errName = fault.E(fault.CodeBadArgument, "this names no key").WithHint("'vaultctl key age KEY' prints what names one")
