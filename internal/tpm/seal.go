package tpm

import (
	"crypto/rand"
	"encoding/base64"
	"slices"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
	"golang.org/x/crypto/argon2"

	"github.com/vaultd/vaultd/internal/secret"
)

// Bounds of what is sealed and of PINs. The TPM bounds guesses, so that a PIN
// can be shorter than a password.
const (
	SecretLen = 32
	MinPIN    = 4
	MaxPIN    = 64

	// A PIN costs something even to who has taken the TPM apart: Argon2id (RFC
	// 9106) with these passes and KiB, some 50 ms. Version 1 of the blob means them.
	pinPasses = 3
	pinMemory = 16 << 10
)

// DefaultPCRs is what a secret is bound to when nothing else is asked: whether
// Secure Boot was on, and whose signatures it took (PCR 7).
func DefaultPCRs() []int { return []int{7} }

// Options say what a secret is bound to beside the TPM.
type Options struct {
	PCRs []int  // DefaultPCRs when empty; 0 to 15
	PIN  []byte // none when empty; otherwise MinPIN to MaxPIN bytes
}

// Seal wraps data, SecretLen bytes, under the TPM at device, and opens it again
// before it returns, so that no blob is handed out that can't be opened.
func Seal(device string, data []byte, o Options) (sealed []byte, err error) {
	defer fence(&err)
	p, err := o.blob()
	if err != nil {
		return nil, err
	}
	if len(data) != SecretLen {
		return nil, ErrOptions
	}
	t, err := open(device)
	if err != nil {
		return nil, err
	}
	defer t.close()
	if err := p.seal(t, data, o.PIN); err != nil {
		return nil, err
	}
	sealed = p.append(nil)
	if p, err = parseBlob(sealed); err != nil {
		return nil, err
	}
	back, err := p.unseal(t, o.PIN)
	if err != nil {
		return nil, err
	}
	defer back.Wipe()
	if !back.Equal(data) {
		return nil, ErrDevice
	}
	return sealed, nil
}

// blob checks the options and begins a blob of them.
func (o Options) blob() (*blob, error) {
	p := &blob{pin: len(o.PIN) > 0}
	if p.pin && (len(o.PIN) < MinPIN || len(o.PIN) > MaxPIN) {
		return nil, ErrOptions
	}
	pcrs := o.PCRs
	if len(pcrs) == 0 {
		pcrs = DefaultPCRs()
	}
	for _, i := range pcrs {
		if i < 0 || i > maxPCR {
			return nil, ErrOptions
		}
		p.mask |= 1 << i
	}
	_, err := rand.Read(p.salt[:])
	return p, err
}

func (p *blob) seal(t transport.TPM, data, pin []byte) error {
	srk, err := openParent(t)
	if err != nil {
		return err
	}
	defer srk.close(t)
	if p.values, err = readPCRs(t, p.pcrs()); err != nil {
		return err
	}
	policy, err := policyDigest(p.pcrs(), p.values, p.pin)
	if err != nil {
		return err
	}
	auth := p.authValue(pin)
	defer secret.Wipe(auth)
	data = slices.Clone(data) // the sealing encrypts it in place
	defer secret.Wipe(data)
	made, err := tpm2.Create{
		ParentHandle: srk.auth(tpm2.HMAC(tpm2.TPMAlgSHA256, 16, srk.salted(tpm2.AESEncryption(128, tpm2.EncryptInOut))...)),
		InSensitive: tpm2.TPM2BSensitiveCreate{Sensitive: &tpm2.TPMSSensitiveCreate{
			UserAuth: tpm2.TPM2BAuth{Buffer: auth},
			Data:     tpm2.NewTPMUSensitiveCreate(&tpm2.TPM2BSensitiveData{Buffer: data}),
		}},
		InPublic: tpm2.New2B(template(p.pin, policy)),
	}.Execute(t)
	if err != nil {
		return translate(err)
	}
	copy(p.parent[:], srk.name.Buffer)
	p.area, p.private = made.OutPublic.Bytes(), made.OutPrivate.Buffer
	return nil
}

// authValue is what the TPM takes for the PIN: 192 bits as 32 letters, the most it
// takes. Zero bytes would be a risk: go-tpm v0.9.8 ends an authorization value at
// the first one, where a TPM strips those at the end alone.
func (p *blob) authValue(pin []byte) []byte {
	if !p.pin {
		return nil
	}
	key := argon2.IDKey(pin, p.salt[:], pinPasses, pinMemory, 1, 24)
	defer secret.Wipe(key)
	return base64.RawStdEncoding.AppendEncode(nil, key)
}
