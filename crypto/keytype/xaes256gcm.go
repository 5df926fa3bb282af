package keytype

import "github.com/vaultd/vaultd/crypto/xaes"

// The AES types are both XAES-256-GCM (C2SP). "aes-256-gcm" is there under
// the name that people look for: plain AES-256-GCM with random nonces would
// have to stop after 2^32 messages, and a key that counts its messages can
// be restored from a backup and count them twice.
var (
	typeXAES256GCM = &Type{
		Name: "xaes-256-gcm", ID: IDXAES256GCM, Bits: 256,
		Uses: UseEncrypt | UseDecrypt, DefaultUses: UseEncrypt | UseDecrypt,
		Generate: generateSymmetric,
	}
	typeAES256GCM = &Type{
		Name: "aes-256-gcm", ID: IDAES256GCM, Bits: 256,
		Uses: UseEncrypt | UseDecrypt, DefaultUses: UseEncrypt | UseDecrypt,
		Generate: generateSymmetric,
	}
)

func init() {
	for _, t := range []*Type{typeXAES256GCM, typeAES256GCM} {
		t.Parse = func(material []byte) (Key, error) { return parseXAES(t, material) }
		Register(t)
	}
}

func parseXAES(t *Type, material []byte) (Key, error) {
	if err := checkSymmetric(t, material); err != nil {
		return nil, err
	}
	c, err := xaes.New(material)
	if err != nil {
		return nil, ErrMaterial
	}
	return &extended{symmetric: newSymmetric(t, material), aead: c, seal: c.SealRandom, wipe: c.Wipe, max: xaes.MaxPlaintext}, nil
}
