package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/vaultd/vaultd/internal/config"
	"github.com/vaultd/vaultd/internal/keyfile"
	"github.com/vaultd/vaultd/internal/secret"
	"github.com/vaultd/vaultd/internal/tpm"
	"github.com/vaultd/vaultd/vault"
)

// credentialName is that of the service manager's credential that opens the vault.
const credentialName = "vaultd.unseal"

// secretFound is a secret to try on a slot, or on all of a kind where slot is empty. Who
// has tried it wipes it.
type secretFound struct {
	slot   string
	secret *secret.Bytes
}

// source is where the daemon finds secrets for slots of a kind.
type source struct {
	kind vault.SlotKind
	find func(c config.Unseal, slots []vault.SlotInfo) ([]secretFound, error)
}

// sources has every name that [unseal] sources can have.
var sources = map[string]source{
	config.SourceCredential: {vault.SlotCredential, credential},
	config.SourceTPM:        {vault.SlotTPM, tpmItself},
	config.SourceKeyFile:    {vault.SlotKeyFile, keyInFile},
}

// credential is what the service manager has put into a directory of the service's
// own. Only the manager writes there, and says who may read it by access lists, so
// that modes are not looked at.
func credential(config.Unseal, []vault.SlotInfo) ([]secretFound, error) {
	dir := os.Getenv("CREDENTIALS_DIRECTORY")
	if dir == "" {
		return nil, errors.New("the service manager has passed no credential " + credentialName +
			"; see 'vaultctl slot add credential --help'")
	}
	path := filepath.Join(dir, credentialName)
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("the service manager has not passed the credential: %w", err)
	}
	defer f.Close()
	return one(keyfile.Bytes(path, f))
}

// keyInFile is the key file of the configuration.
func keyInFile(c config.Unseal, _ []vault.SlotInfo) ([]secretFound, error) {
	if c.KeyFile == "" {
		return nil, errors.New("there is a key slot for a key file, but [unseal] key_file names none")
	}
	return one(keyfile.Read(c.KeyFile))
}

// tpmItself names the slots that the TPM opens without a PIN; the server asks the TPM.
func tpmItself(_ config.Unseal, slots []vault.SlotInfo) (found []secretFound, err error) {
	for _, s := range slots {
		if info, err := tpm.Inspect(s.Params); err == nil && info.PIN {
			continue
		}
		found = append(found, secretFound{slot: s.Name, secret: secret.New(0)})
	}
	if len(found) == 0 {
		return nil, errors.New("the TPM wants a PIN; 'vaultctl unseal --slot " + slots[0].Name + "' asks for it")
	}
	return found, nil
}

// one is a secret that any slot of its kind may open with.
func one(key *secret.Bytes, err error) ([]secretFound, error) {
	if err != nil {
		return nil, err
	}
	return []secretFound{{secret: key}}, nil
}
