package main

import (
	"github.com/spf13/pflag"

	"github.com/vaultd/vaultd/crypto/bip39"
	"github.com/vaultd/vaultd/crypto/shares"
	"github.com/vaultd/vaultd/internal/keyfile"
	"github.com/vaultd/vaultd/internal/secret"
	"github.com/vaultd/vaultd/vault"
)

// slotSecrets are the flags that say where the secret of a key slot is read from.
type slotSecrets struct {
	fd            int
	file, keyFile string
	recovery      bool
	shareFiles    []string
}

func (s *slotSecrets) flags(f *pflag.FlagSet) {
	f.IntVar(&s.fd, "password-fd", -1, "read the password from this file `descriptor`")
	f.StringVar(&s.file, "password-file", "", "read the password from this `file`, - for standard input")
	f.BoolVar(&s.recovery, "recovery", false, "what is read are recovery words, and not the password")
	f.StringArrayVar(&s.shareFiles, "share-file", nil, "open with the share in this `file` instead of a password; give as many as it takes")
	f.StringVar(&s.keyFile, "key-file", "", "open with this key `file` instead of a password")
}

// read returns the secret, nil for none, which the caller wipes.
func (s *slotSecrets) read() (vault.SlotKind, *secret.Bytes, error) {
	if len(s.shareFiles) > 0 {
		if s.fd >= 0 || s.file != "" || s.recovery || s.keyFile != "" {
			return 0, nil, usage("--share-file and every other secret exclude each other")
		}
		whole, err := s.combine()
		return vault.SlotShares, whole, err
	}
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

// combine reads the shares and puts them together.
func (s *slotSecrets) combine() (*secret.Bytes, error) {
	var read []shares.Share
	defer func() {
		for i := range read {
			read[i].Wipe()
		}
	}()
	for _, file := range s.shareFiles {
		text, err := readPassword(-1, file)
		if err != nil {
			return nil, err
		}
		share, err := shares.Parse(text.Bytes())
		text.Wipe()
		if err != nil {
			return nil, usage("--share-file %s: %v", file, err)
		}
		read = append(read, share)
	}
	whole, err := shares.Combine(read)
	if err != nil {
		return nil, usage("--share-file: %v", err)
	}
	return secret.From(whole), nil
}
