package main

import (
	"github.com/spf13/pflag"

	"github.com/vaultd/vaultd/crypto/bip39"
	"github.com/vaultd/vaultd/internal/keyfile"
	"github.com/vaultd/vaultd/internal/secret"
	"github.com/vaultd/vaultd/vault"
)

// slotSecrets are the flags that say where the secret of a key slot is read from.
type slotSecrets struct {
	fd            int
	file, keyFile string
	recovery      bool
}

func (s *slotSecrets) flags(f *pflag.FlagSet) {
	f.IntVar(&s.fd, "password-fd", -1, "read the password from this file `descriptor`")
	f.StringVar(&s.file, "password-file", "", "read the password from this `file`, - for standard input")
	f.BoolVar(&s.recovery, "recovery", false, "what is read are recovery words, and not the password")
	f.StringVar(&s.keyFile, "key-file", "", "open with this key `file` instead of a password")
}

// read returns the secret, nil for none, which the caller wipes.
func (s *slotSecrets) read() (vault.SlotKind, *secret.Bytes, error) {
	if s.keyFile != "" {
		if s.fd >= 0 || s.file != "" || s.recovery {
			return 0, nil, usage("--key-file and a password or recovery words exclude each other")
		}
		key, err := keyfile.Read(s.keyFile)
		if err != nil {
			return 0, nil, usage("--key-file: %v", err)
		}
		return vault.SlotKeyFile, key, nil
	}
	typed, err := readPassword(s.fd, s.file)
	if err != nil || !s.recovery {
		return vault.SlotPassword, typed, err
	}
	if typed == nil {
		return 0, nil, usage("--recovery needs the words, by --password-fd or --password-file")
	}
	defer typed.Wipe()
	b, err := bip39.Decode(typed.Bytes())
	if err != nil {
		return 0, nil, usage("recovery words: %v", err)
	}
	return vault.SlotRecovery, secret.From(b), nil
}
