package exchange

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"fmt"
	"io"

	"github.com/vaultd/vaultd/crypto/ffdh"
	"github.com/vaultd/vaultd/crypto/kdf"
	"github.com/vaultd/vaultd/crypto/keyenc"
)

// CompatInfo is the info of HKDF unless told otherwise.
const CompatInfo = "handshake data"

// compatSignatureLabel is the PEM label of the signature block.
const compatSignatureLabel = "EXCHANGE SIGNATURE"

// maxCompatInfo bounds the info of HKDF, in bytes.
const maxCompatInfo = 1024

// CompatOptions are one side's choices in the compatibility protocol.
type CompatOptions struct {
	// SPKI of one's own signing key, which is RSA, and its Signer.
	SPKI []byte
	Sign Signer
	// PeerSPKI is the peer's signing key, which is RSA too. An offer doesn't need it.
	PeerSPKI []byte
	// Info of HKDF; nil is CompatInfo.
	Info []byte
	// Group of an offer; nil is ffdh.FFDHE2048. An answer is in the group of the offer.
	Group *ffdh.Group
	// Form of the public key in an offer. An answer is in the form of the
	// offer. A program that signs or verifies what its own library writes,
	// instead of the bytes of the message, needs the form of that library.
	Form   ffdh.Form
	Random io.Reader
}

// CompatOffer makes a Diffie-Hellman key and a message with its public half:
// the PEM of the SubjectPublicKeyInfo as pyca/cryptography writes it, and a
// PEM block "EXCHANGE SIGNATURE" with the RSA-PSS signature (SHA-256,
// MGF1-SHA-256, longest salt) over exactly the bytes of the first block, from
// the first dash to the last line feed.
func CompatOffer(o CompatOptions) (text []byte, p *CompatPending, err error) {
	group := o.Group
	if group == nil {
		group = ffdh.FFDHE2048()
	}
	return o.compatMessage(group, o.Form)
}

// CompatAccept verifies the peer's message, makes its own and derives the
// session key, all at once: this protocol has no confirmation. The caller
// wipes the key.
func CompatAccept(text []byte, o CompatOptions) (reply, sessionKey []byte, err error) {
	m, err := parseCompat(text)
	if err != nil {
		return nil, nil, err
	}
	if err := m.verify(o.PeerSPKI); err != nil {
		return nil, nil, err
	}
	reply, p, err := o.compatMessage(m.public.Group(), m.form)
	if err != nil {
		return nil, nil, err
	}
	defer p.Wipe()
	sessionKey, err = p.Finish(text, o.PeerSPKI, o.Info)
	if err != nil {
		return nil, nil, err
	}
	return reply, sessionKey, nil
}

func (o *CompatOptions) compatMessage(group *ffdh.Group, form ffdh.Form) ([]byte, *CompatPending, error) {
	if _, err := parseRSA(o.SPKI); err != nil {
		return nil, nil, err
	}
	key, err := group.GenerateKey(o.Random)
	if err != nil {
		return nil, nil, err
	}
	text := keyenc.EncodePEM(keyenc.LabelPublic, key.Public().SPKI(form))
	signature, err := signWith(o.Sign, o.SPKI, text)
	if err != nil {
		key.Wipe()
		return nil, nil, err
	}
	return append(text, keyenc.EncodePEM(compatSignatureLabel, signature)...), &CompatPending{key: key}, nil
}

// CompatPending is a compatibility exchange that waits for the peer's message.
// It holds the Diffie-Hellman private key.
type CompatPending struct {
	key *ffdh.PrivateKey
}

// Finish verifies the peer's message against peerSPKI, its RSA signing key,
// and derives the session key: HKDF-SHA-256 over the 256 bytes of the shared
// secret without a salt; nil info is CompatInfo. The 32 bytes are a Fernet key
// before its base64. The caller wipes them, and p. It returns ErrFormat,
// ErrSignature, ErrSigningKey, ErrReflected for one's own public key, ErrGroup,
// or ErrPeerKey.
func (p *CompatPending) Finish(text, peerSPKI, info []byte) ([]byte, error) {
	if p.key == nil {
		return nil, ErrFinished
	}
	if info == nil {
		info = []byte(CompatInfo)
	}
	if len(info) > maxCompatInfo {
		return nil, fmt.Errorf("%w: info of %d bytes", ErrOptions, len(info))
	}
	m, err := parseCompat(text)
	if err != nil {
		return nil, err
	}
	if m.public.Equal(p.key.Public()) {
		return nil, ErrReflected
	}
	if err := m.verify(peerSPKI); err != nil {
		return nil, err
	}
	if m.public.Group() != p.key.Group() {
		return nil, fmt.Errorf("own key %v, peer's key %v: %w", p.key.Group(), m.public.Group(), ErrGroup)
	}
	secret, err := p.key.Agree(m.public)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPeerKey, err)
	}
	defer clear(secret)
	return kdf.HKDF(crypto.SHA256, secret, nil, info, SessionKeySize)
}

// Wipe overwrites the private key and ends the exchange.
func (p *CompatPending) Wipe() {
	if p.key != nil {
		p.key.Wipe()
	}
	p.key = nil
}

// Marshal encodes the state, which is a private key: seal it before it is
// stored, and wipe it.
func (p *CompatPending) Marshal() ([]byte, error) {
	if p.key == nil {
		return nil, ErrFinished
	}
	return p.key.PKCS8(ffdh.PKCS3), nil
}

// UnmarshalCompatPending reads what Marshal wrote; everything else is ErrState.
func UnmarshalCompatPending(b []byte) (*CompatPending, error) {
	key, err := ffdh.ParsePKCS8(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrState, err)
	}
	return &CompatPending{key: key}, nil
}

// compatMessage is a message of the compatibility protocol.
type compatMessage struct {
	signed    []byte
	public    *ffdh.PublicKey
	form      ffdh.Form
	signature []byte
}

// parseCompat takes a message apart. CRLF becomes LF first, since mail may have
// made it so and pyca/cryptography never writes it; beyond that the public
// key must be written the one way in which it is signed.
func parseCompat(text []byte) (*compatMessage, error) {
	if len(text) > MaxMessage {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrFormat, MaxMessage)
	}
	text = bytes.TrimSpace(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")))
	at := bytes.Index(text, []byte("-----BEGIN "+compatSignatureLabel+"-----\n"))
	if at < 0 {
		return nil, fmt.Errorf("%w: no block %q after the public key", ErrFormat, compatSignatureLabel)
	}
	m := &compatMessage{signed: text[:at:at]}
	label, der, err := keyenc.DecodePEM(m.signed)
	if err != nil {
		return nil, fmt.Errorf("%w: public key: %w", ErrFormat, err)
	}
	if label != keyenc.LabelPublic || !bytes.Equal(keyenc.EncodePEM(label, der), m.signed) {
		return nil, fmt.Errorf("%w: public key is not in the one encoding that is signed", ErrFormat)
	}
	if m.public, m.form, err = ffdh.ParseSPKIForm(der); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPeerKey, err)
	}
	if label, m.signature, err = keyenc.DecodePEM(text[at:]); err != nil || label != compatSignatureLabel || len(m.signature) > maxSignature {
		return nil, fmt.Errorf("%w: signature block", ErrFormat)
	}
	return m, nil
}

func (m *compatMessage) verify(peerSPKI []byte) error {
	k, err := parseRSA(peerSPKI)
	if err != nil {
		return err
	}
	if !verifyPSS(k, m.signed, m.signature) {
		return ErrSignature
	}
	return nil
}

// parseRSA reads a signing key and refuses all but RSA.
func parseRSA(spki []byte) (*rsa.PublicKey, error) {
	public, err := parseSigningKey(spki)
	if err != nil {
		return nil, err
	}
	k, ok := public.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%w: the compatibility protocol signs with RSA only", ErrSigningKey)
	}
	return k, nil
}
