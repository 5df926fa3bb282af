package vault

import (
	"errors"
	"fmt"

	"github.com/vaultd/vaultd/crypto/certificate"
	"github.com/vaultd/vaultd/crypto/envelope"
	"github.com/vaultd/vaultd/crypto/keytype"
)

// cryptoError turns an error of package crypto into the one that a user sees.
func cryptoError(err error) error {
	var domain *Error
	switch {
	case errors.As(err, &domain):
		return err
	case errors.Is(err, keytype.ErrTokenAge):
		return E(CodeExpired, "the token is older than the age that was asked for, or from the future").Because(err)
	case errors.Is(err, keytype.ErrDecrypt), errors.Is(err, envelope.ErrMalformed):
		return ErrInvalidCiphertext.Because(err)
	case errors.Is(err, keytype.ErrVerify):
		return ErrInvalidSignature.Because(err)
	case errors.Is(err, keytype.ErrPeerKey):
		return E(CodeInvalidPeerKey, "%v", err).Because(err)
	case errors.Is(err, keytype.ErrOptions), errors.Is(err, certificate.ErrName):
		return E(CodeBadArgument, "%v", err).Because(err)
	}
	return fmt.Errorf("use a key: %w", err)
}
