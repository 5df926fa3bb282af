package ipc

import (
	"bytes"
	"context"
	"crypto"
	"encoding/base64"
	"strings"
	"unsafe"

	"github.com/vaultd/vaultd/crypto/envelope"
	"github.com/vaultd/vaultd/crypto/keytype"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/fault"
)

// The methods in this file are the fast ones. Their requests may point into
// the connection's read buffer, so that nothing of a request may be kept, and
// their answers into the call's scratch space until they are encoded.

// usedName parses the name of the key to use. It is copied: the vault may keep a name.
func usedName(name string) (vault.Name, error) { return vault.ParseName(strings.Clone(name)) }

// Encrypt seals a message.
func (s *service) Encrypt(ctx context.Context, req *vaultdv1.EncryptRequest) (*vaultdv1.EncryptResponse, error) {
	name, err := usedName(req.GetKey())
	if err != nil {
		return nil, err
	}
	bound, err := contextFromProto(req.GetContext())
	if err != nil {
		return nil, err
	}
	c := callFrom(ctx)
	out, version, err := s.vault.Encrypt(vault.Encrypt{
		Key: name, Plaintext: req.GetPlaintext(), Context: bound, Peer: c.asPeer(), Binary: req.GetBinary(),
	}, c.scratch[:0])
	if err != nil {
		return nil, err
	}
	c.scratch = out
	// Decrypt takes the same fields, with the ciphertext in place of the plaintext.
	if err := s.fitsDecrypt(out, req.SizeVT()-len(req.GetPlaintext())); err != nil {
		return nil, err
	}
	resp := &vaultdv1.EncryptResponse{Version: version}
	resp.Ciphertext, resp.CiphertextBinary = inForm(out, req.GetBinary())
	return resp, nil
}

// inForm is a ciphertext as a response has it, in the form that was asked for.
func inForm(ciphertext []byte, binary bool) (string, []byte) {
	if binary {
		return "", ciphertext
	}
	return unsafe.String(unsafe.SliceData(ciphertext), len(ciphertext)), nil
}

// fitsDecrypt refuses a ciphertext that no request could bring back. A vd1 text
// may be sent as bytes, which are fewer. rest is what the request takes beside it.
func (s *service) fitsDecrypt(ciphertext []byte, rest int) error {
	size := len(ciphertext)
	if size <= s.messageSize()/2 {
		return nil
	}
	if text, ok := bytes.CutPrefix(ciphertext, []byte(envelope.TextPrefix)); ok {
		size = base64.RawURLEncoding.DecodedLen(len(text))
	}
	if size+rest+16 > s.messageSize() {
		return fault.E(fault.CodeTooLarge, "the ciphertext would be too large for a request to decrypt it").
			WithHint("encrypt large data with a tool of its own, and keep only that tool's key here")
	}
	return nil
}

// Decrypt opens what Encrypt made.
func (s *service) Decrypt(ctx context.Context, req *vaultdv1.DecryptRequest) (*vaultdv1.DecryptResponse, error) {
	c := callFrom(ctx)
	d := vault.Decrypt{Peer: c.asPeer()}
	var err error
	if req.GetKey() != "" {
		if d.Key, err = usedName(req.GetKey()); err != nil {
			return nil, err
		}
	}
	if d.Ciphertext, d.Binary, err = ciphertextOf(req); err != nil {
		return nil, err
	}
	if d.Context, err = contextFromProto(req.GetContext()); err != nil {
		return nil, err
	}
	if d.MaxAge, err = lifetime("max_age", req.GetMaxAge()); err != nil {
		return nil, err
	}
	if d.Statement, err = s.statement(ctx, req.GetProtectedAt()); err != nil {
		return nil, err
	}
	out, by, err := s.vault.Decrypt(d, c.scratch[:0])
	if err != nil {
		return nil, err
	}
	c.scratch = out
	return &vaultdv1.DecryptResponse{Plaintext: out, Version: by.Version, Key: by.Key.String()}, nil
}

// sealedRequest is a request with a ciphertext to open.
type sealedRequest interface {
	GetKey() string
	GetCiphertext() string
	GetCiphertextBinary() []byte
}

// ciphertextOf is the one ciphertext of a request, and whether it is binary.
func ciphertextOf(req sealedRequest) ([]byte, bool, error) {
	text, binary := req.GetCiphertext(), req.GetCiphertextBinary()
	switch {
	case text != "" && len(binary) > 0:
		return nil, false, fault.E(fault.CodeBadArgument, "the ciphertext is given twice, as text and as bytes")
	case text == "" && len(binary) == 0:
		return nil, false, fault.E(fault.CodeBadArgument, "there is no ciphertext")
	case text != "":
		return unsafe.Slice(unsafe.StringData(text), len(text)), false, nil
	}
	return binary, true, nil
}

// signOptions reads hash and scheme. What a key type cannot do it refuses itself.
func signOptions(hash vaultdv1.HashAlgorithm, scheme vaultdv1.SignatureScheme, prehashed bool, bound []byte) (keytype.SignOptions, error) {
	o := keytype.SignOptions{Prehashed: prehashed, Context: string(bound)}
	switch hash {
	case vaultdv1.HashAlgorithm_HASH_ALGORITHM_UNSPECIFIED:
	case vaultdv1.HashAlgorithm_HASH_ALGORITHM_SHA256:
		o.Hash = crypto.SHA256
	case vaultdv1.HashAlgorithm_HASH_ALGORITHM_SHA384:
		o.Hash = crypto.SHA384
	case vaultdv1.HashAlgorithm_HASH_ALGORITHM_SHA512:
		o.Hash = crypto.SHA512
	default:
		return o, fault.E(fault.CodeUnsupportedAlgorithm, "unknown hash algorithm %d", hash)
	}
	switch scheme {
	case vaultdv1.SignatureScheme_SIGNATURE_SCHEME_UNSPECIFIED:
	case vaultdv1.SignatureScheme_SIGNATURE_SCHEME_PSS:
		o.PSS = true
	case vaultdv1.SignatureScheme_SIGNATURE_SCHEME_PSS_SALT_HASH:
		o.PSS, o.SaltHash = true, true
	case vaultdv1.SignatureScheme_SIGNATURE_SCHEME_PKCS1V15:
		o.PKCS1v15 = true
	case vaultdv1.SignatureScheme_SIGNATURE_SCHEME_ECDSA_DER:
		o.DER = true
	case vaultdv1.SignatureScheme_SIGNATURE_SCHEME_ECDSA_RAW:
		o.Raw = true
	case vaultdv1.SignatureScheme_SIGNATURE_SCHEME_ED25519PH:
		o.Ed25519ph = true
	default:
		return o, fault.E(fault.CodeUnsupportedAlgorithm, "unknown signature scheme %d", scheme)
	}
	return o, nil
}

// Sign signs a message or a digest.
func (s *service) Sign(_ context.Context, req *vaultdv1.SignRequest) (*vaultdv1.SignResponse, error) {
	name, err := usedName(req.GetKey())
	if err != nil {
		return nil, err
	}
	o, err := signOptions(req.GetHash(), req.GetScheme(), req.GetPrehashed(), req.GetSignatureContext())
	if err != nil {
		return nil, err
	}
	signature, version, err := s.vault.Sign(name, req.GetMessage(), o)
	if err != nil {
		return nil, err
	}
	return &vaultdv1.SignResponse{Signature: signature, Version: version}, nil
}

// Verify checks a signature.
func (s *service) Verify(ctx context.Context, req *vaultdv1.VerifyRequest) (*vaultdv1.VerifyResponse, error) {
	name, err := usedName(req.GetKey())
	if err != nil {
		return nil, err
	}
	o, err := signOptions(req.GetHash(), req.GetScheme(), req.GetPrehashed(), req.GetSignatureContext())
	if err != nil {
		return nil, err
	}
	st, err := s.statement(ctx, req.GetProtectedAt())
	if err != nil {
		return nil, err
	}
	valid, version, err := s.vault.VerifyStated(name, req.GetVersion(), req.GetMessage(), req.GetSignature(), o, st)
	if err != nil {
		return nil, err
	}
	return &vaultdv1.VerifyResponse{Valid: valid, Version: version}, nil
}

// MAC authenticates a message.
func (s *service) MAC(ctx context.Context, req *vaultdv1.MACRequest) (*vaultdv1.MACResponse, error) {
	name, err := usedName(req.GetKey())
	if err != nil {
		return nil, err
	}
	c := callFrom(ctx)
	mac, version, err := s.vault.MAC(name, req.GetMessage(), c.scratch[:0])
	if err != nil {
		return nil, err
	}
	c.scratch = mac
	return &vaultdv1.MACResponse{Mac: mac, Version: version}, nil
}

// VerifyMAC checks a MAC.
func (s *service) VerifyMAC(ctx context.Context, req *vaultdv1.VerifyMACRequest) (*vaultdv1.VerifyMACResponse, error) {
	name, err := usedName(req.GetKey())
	if err != nil {
		return nil, err
	}
	st, err := s.statement(ctx, req.GetProtectedAt())
	if err != nil {
		return nil, err
	}
	valid, version, err := s.vault.VerifyMACStated(name, req.GetVersion(), req.GetMessage(), req.GetMac(), st)
	if err != nil {
		return nil, err
	}
	return &vaultdv1.VerifyMACResponse{Valid: valid, Version: version}, nil
}

// Agree derives bytes from a key agreement.
func (s *service) Agree(_ context.Context, req *vaultdv1.AgreeRequest) (*vaultdv1.AgreeResponse, error) {
	name, err := usedName(req.GetKey())
	if err != nil {
		return nil, err
	}
	length, err := count("length", req.GetLength())
	if err != nil {
		return nil, err
	}
	out, version, err := s.vault.Agree(vault.Agree{
		Key: name, Peer: req.GetPeerPublicKey(), Salt: req.GetSalt(), Info: req.GetInfo(), Length: length,
		Version: req.GetVersion(),
	})
	if err != nil {
		return nil, err
	}
	return &vaultdv1.AgreeResponse{Output: out, Version: version}, nil
}

// Encapsulate derives bytes from a new shared key.
func (s *service) Encapsulate(_ context.Context, req *vaultdv1.EncapsulateRequest) (*vaultdv1.EncapsulateResponse, error) {
	name, err := usedName(req.GetKey())
	if err != nil {
		return nil, err
	}
	length, err := count("length", req.GetLength())
	if err != nil {
		return nil, err
	}
	e, err := s.vault.Encapsulate(vault.Encapsulate{Key: name, Salt: req.GetSalt(), Info: req.GetInfo(), Length: length})
	if err != nil {
		return nil, err
	}
	return &vaultdv1.EncapsulateResponse{Output: e.Output, Ciphertext: e.Ciphertext, Version: e.Version}, nil
}

// Decapsulate derives the bytes of an encapsulation again.
func (s *service) Decapsulate(_ context.Context, req *vaultdv1.DecapsulateRequest) (*vaultdv1.DecapsulateResponse, error) {
	name, err := usedName(req.GetKey())
	if err != nil {
		return nil, err
	}
	length, err := count("length", req.GetLength())
	if err != nil {
		return nil, err
	}
	out, version, err := s.vault.Decapsulate(
		vault.Encapsulate{Key: name, Salt: req.GetSalt(), Info: req.GetInfo(), Length: length}, req.GetCiphertext(), req.GetVersion())
	if err != nil {
		return nil, err
	}
	return &vaultdv1.DecapsulateResponse{Output: out, Version: version}, nil
}
