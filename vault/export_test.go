package vault

import (
	"crypto"
	"testing"

	"github.com/vaultd/vaultd/crypto/kdf"
)

// OnHeaderStep has fn called after each step of replacing the header files.
func (v *Vault) OnHeaderStep(fn func(step string)) { v.files.reached = fn }

// CheapKDF is kdf.Derive with the same bounds and a ten-thousandth of the
// iterations. Tests unseal hundreds of times.
func CheapKDF(password []byte, p kdf.Params) ([]byte, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	return kdf.PBKDF2(crypto.SHA256, password, p.Salt, p.Iterations/10_000, kdf.DerivedSize)
}

func init() { deriveSlotKey = CheapKDF }

// realKDF has the rest of a test derive keys as the program does.
func realKDF(t *testing.T) {
	deriveSlotKey = kdf.Derive
	t.Cleanup(func() { deriveSlotKey = CheapKDF })
}
