package ipc

import (
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
)

// wipe overwrites what is secret in a message.
func wipe(v message) { eachSecret(v, func(b *[]byte) { clear(*b) }) }

// blank overwrites what is secret in a message and takes it out.
func blank(v message) { eachSecret(v, func(b *[]byte) { clear(*b); *b = nil }) }

// eachSecret visits what is secret in a message. A test walks the message types
// and fails for a secret that is not here.
func eachSecret(v message, visit func(*[]byte)) {
	switch m := v.(type) {
	case *vaultdv1.EncryptRequest:
		visit(&m.Plaintext)
	case *vaultdv1.DecryptResponse:
		visit(&m.Plaintext)
	case *vaultdv1.AgreeResponse:
		visit(&m.Output)
	case *vaultdv1.EncapsulateResponse:
		visit(&m.Output)
	case *vaultdv1.DecapsulateResponse:
		visit(&m.Output)
	case *vaultdv1.ExportKeyRequest:
		visit(&m.Passphrase)
	case *vaultdv1.ExportKeyResponse:
		visit(&m.Material)
	case *vaultdv1.ImportKeyRequest:
		visit(&m.Material)
		visit(&m.Passphrase)
	case *vaultdv1.InitRequest:
		visit(&m.Password)
	case *vaultdv1.UnsealRequest:
		visit(&m.Password)
	case *vaultdv1.ChangePasswordRequest:
		visit(&m.OldPassword)
		visit(&m.NewPassword)
	}
}
