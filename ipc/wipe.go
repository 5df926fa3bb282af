package ipc

import (
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
)

// wipe overwrites what is secret in a message. A test walks the message types
// and fails for a secret that is not here.
func wipe(v message) {
	switch m := v.(type) {
	case *vaultdv1.EncryptRequest:
		clear(m.Plaintext)
	case *vaultdv1.DecryptResponse:
		clear(m.Plaintext)
	case *vaultdv1.AgreeResponse:
		clear(m.Output)
	case *vaultdv1.ExportKeyRequest:
		clear(m.Passphrase)
	case *vaultdv1.ExportKeyResponse:
		clear(m.Material)
	case *vaultdv1.ImportKeyRequest:
		clear(m.Material)
		clear(m.Passphrase)
	case *vaultdv1.InitRequest:
		clear(m.Password)
	case *vaultdv1.UnsealRequest:
		clear(m.Password)
	case *vaultdv1.ChangePasswordRequest:
		clear(m.OldPassword)
		clear(m.NewPassword)
	}
}
