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
	case *vaultdv1.GenerateDataKeyResponse:
		visit(&m.Plaintext)
	case *vaultdv1.RandomResponse:
		visit(&m.Output)
	case *vaultdv1.DeriveResponse:
		visit(&m.Output)
	case *vaultdv1.BatchRequest:
		for _, item := range m.GetItems() {
			if _, req := itemOf(item); req != nil {
				eachSecret(req, visit)
			}
		}
	case *vaultdv1.BatchResponse:
		for _, result := range m.GetResults() {
			if resp := answerIn(result); resp != nil {
				eachSecret(resp, visit)
			}
		}
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
		eachSecret(m.GetWith(), visit)
	case *vaultdv1.ChangePasswordRequest:
		visit(&m.OldPassword)
		visit(&m.NewPassword)
		eachSecret(m.GetWith(), visit)
	case *vaultdv1.AddSlotRequest:
		visit(&m.Secret)
		eachSecret(m.GetWith(), visit)
		eachSecret(m.GetTpm(), visit)
	case *vaultdv1.EnterShareRequest:
		visit(&m.Share)
	case *vaultdv1.RemoveSlotRequest:
		eachSecret(m.GetWith(), visit)
	case *vaultdv1.TPMBinding:
		if m != nil {
			visit(&m.Pin)
		}
	case *vaultdv1.SlotSecret:
		if m != nil {
			visit(&m.Secret)
		}
	}
}
