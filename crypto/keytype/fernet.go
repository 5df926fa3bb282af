package keytype

import (
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/vaultd/vaultd/crypto/fernet"
)

// fernetTTL is the lifetime that the original system gives its keys.
const fernetTTL = time.Hour

var typeFernet = &Type{
	Name: "fernet", ID: IDFernet, Bits: 256, DefaultTTL: fernetTTL,
	Uses: UseEncrypt | UseDecrypt, DefaultUses: UseEncrypt | UseDecrypt,
	Generate: generateSymmetric,
}

func init() {
	typeFernet.Parse = parseFernet
	Register(typeFernet)
}

func parseFernet(material []byte) (Key, error) {
	if err := checkSymmetric(typeFernet, material); err != nil {
		return nil, err
	}
	key, err := fernet.NewKey(material)
	if err != nil {
		return nil, ErrMaterial
	}
	return &fernetKey{symmetric: newSymmetric(typeFernet, material), key: key}, nil
}

type fernetKey struct {
	symmetric
	key *fernet.Key
}

var _ TokenSealer = (*fernetKey)(nil)

// Wipe overwrites the signing half and drops the rest.
func (k *fernetKey) Wipe() {
	if k.key != nil {
		k.key.Wipe()
		k.key = nil
	}
}

// SealToken makes a token with a random initialisation vector.
func (k *fernetKey) SealToken(now time.Time, plaintext []byte) ([]byte, error) {
	if k.key == nil {
		return nil, errWiped
	}
	token, err := k.key.Seal(nil, now, rand.Reader, plaintext)
	if errors.Is(err, fernet.ErrClock) {
		return nil, fmt.Errorf("%w: %w", ErrOptions, err)
	}
	return token, err
}

// OpenToken tells a token that is authentic but outside its time to live
// (ErrTokenAge) apart from one that does not authenticate (ErrDecrypt). Both
// are ErrDecrypt to who does not ask for the former.
func (k *fernetKey) OpenToken(now time.Time, ttl time.Duration, token []byte) ([]byte, error) {
	if k.key == nil {
		return nil, errWiped
	}
	plaintext, err := k.key.Open(nil, now, ttl, token)
	switch {
	case err == nil:
		return plaintext, nil
	case errors.Is(err, fernet.ErrExpired), errors.Is(err, fernet.ErrFuture):
		return nil, fmt.Errorf("%w: %w", ErrTokenAge, err)
	default:
		return nil, ErrDecrypt
	}
}
