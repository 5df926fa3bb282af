package certificate

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"io"
	"time"

	"github.com/vaultd/vaultd/crypto/keytype"
)

// Signing is what signs, and how. RSA keys sign by PKCS #1 v1.5, which every
// verifier knows, unless PSS asks for that.
type Signing struct {
	Key    keytype.Signer
	Hash   crypto.Hash // zero is the type's default
	PSS    bool        // RSA only
	Random io.Reader
}

// Usage is what a certificate is for (RFC 5280, section 4.2.1.12).
type Usage uint8

// The usages. The numbers are those of the API.
const (
	UsageServer       Usage = 1
	UsageClient       Usage = 2
	UsageCodeSigning  Usage = 3
	UsageEmail        Usage = 4
	UsageTimeStamping Usage = 5
)

var extended = map[Usage]x509.ExtKeyUsage{
	UsageServer: x509.ExtKeyUsageServerAuth, UsageClient: x509.ExtKeyUsageClientAuth,
	UsageCodeSigning: x509.ExtKeyUsageCodeSigning, UsageEmail: x509.ExtKeyUsageEmailProtection,
	UsageTimeStamping: x509.ExtKeyUsageTimeStamping,
}

// Request makes a request for a certificate and returns its DER. Errors: ErrName,
// and keytype.ErrOptions for what the key does not sign with.
func Request(s Signing, subject Subject, names Names) ([]byte, error) {
	if subject.empty() && names.count() == 0 {
		return nil, fmt.Errorf("%w: neither subject nor alternative name", ErrName)
	}
	name, err := subject.name()
	if err != nil {
		return nil, err
	}
	parsed, err := names.parse()
	if err != nil {
		return nil, err
	}
	signer, algorithm, err := s.signer()
	if err != nil {
		return nil, err
	}
	t := &x509.CertificateRequest{
		Subject: name, SignatureAlgorithm: algorithm,
		DNSNames: names.DNS, EmailAddresses: names.Email, URIs: parsed.uris,
	}
	for _, ip := range parsed.ips {
		t.IPAddresses = append(t.IPAddresses, ip.AsSlice())
	}
	return x509.CreateCertificateRequest(s.Random, t, signer)
}

// SelfSigned is a certificate that a key signs for itself.
type SelfSigned struct {
	Subject   Subject
	Names     Names
	NotBefore time.Time
	NotAfter  time.Time
	Authority bool // may sign other certificates
	Usages    []Usage
}

// Create makes a self-signed certificate and returns its DER. Errors as for
// Request.
func Create(s Signing, c SelfSigned) ([]byte, error) {
	if c.Subject.empty() {
		return nil, fmt.Errorf("%w: a self-signed certificate needs a subject: it is its issuer", ErrName)
	}
	name, err := c.Subject.name()
	if err != nil {
		return nil, err
	}
	parsed, err := c.Names.parse()
	if err != nil {
		return nil, err
	}
	signer, algorithm, err := s.signer()
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		Subject: name, SignatureAlgorithm: algorithm, NotBefore: c.NotBefore, NotAfter: c.NotAfter,
		DNSNames: c.Names.DNS, EmailAddresses: c.Names.Email, URIs: parsed.uris,
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true, IsCA: c.Authority,
	}
	for _, ip := range parsed.ips {
		t.IPAddresses = append(t.IPAddresses, ip.AsSlice())
	}
	if c.Authority {
		t.KeyUsage |= x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	}
	for _, u := range c.Usages {
		usage, ok := extended[u]
		if !ok {
			return nil, fmt.Errorf("%w: unknown usage %d", ErrName, u)
		}
		t.ExtKeyUsage = append(t.ExtKeyUsage, usage)
	}
	return x509.CreateCertificate(s.Random, t, t, signer.Public(), signer)
}

// algorithms are those that keys of a type sign certificates with, by hash.
type algorithms struct {
	rsa      bool
	fallback crypto.Hash // unless another is asked for
	byHash   map[crypto.Hash]x509.SignatureAlgorithm
}

var (
	rsaPKCS1 = map[crypto.Hash]x509.SignatureAlgorithm{
		crypto.SHA256: x509.SHA256WithRSA, crypto.SHA384: x509.SHA384WithRSA, crypto.SHA512: x509.SHA512WithRSA,
	}
	rsaPSS = map[crypto.Hash]x509.SignatureAlgorithm{
		crypto.SHA256: x509.SHA256WithRSAPSS, crypto.SHA384: x509.SHA384WithRSAPSS, crypto.SHA512: x509.SHA512WithRSAPSS,
	}
	ecdsa = map[crypto.Hash]x509.SignatureAlgorithm{
		crypto.SHA256: x509.ECDSAWithSHA256, crypto.SHA384: x509.ECDSAWithSHA384, crypto.SHA512: x509.ECDSAWithSHA512,
	}
)

// signer finds the algorithm. A type that is not here signs no certificates.
func (s *Signing) signer() (*signer, x509.SignatureAlgorithm, error) {
	kind := s.Key.Type()
	var a algorithms
	switch kind.ID {
	case keytype.IDRSA2048, keytype.IDRSA3072, keytype.IDRSA4096:
		a = algorithms{true, crypto.SHA256, rsaPKCS1}
		if s.PSS {
			a.byHash = rsaPSS
		}
	case keytype.IDECDSAP256:
		a = algorithms{false, crypto.SHA256, ecdsa}
	case keytype.IDECDSAP384:
		a = algorithms{false, crypto.SHA384, ecdsa}
	case keytype.IDECDSAP521:
		a = algorithms{false, crypto.SHA512, ecdsa}
	case keytype.IDEd25519:
		a = algorithms{false, 0, map[crypto.Hash]x509.SignatureAlgorithm{0: x509.PureEd25519}}
	default:
		return nil, 0, fmt.Errorf("%w: keys of type %s sign no certificates", keytype.ErrOptions, kind.Name)
	}
	hash := s.Hash
	if hash == 0 {
		hash = a.fallback
	}
	algorithm, ok := a.byHash[hash]
	if !ok || s.PSS && !a.rsa {
		return nil, 0, fmt.Errorf("%w: a key of type %s does not sign certificates in this way", keytype.ErrOptions, kind.Name)
	}
	public, err := x509.ParsePKIXPublicKey(s.Key.Public())
	if err != nil {
		return nil, 0, err
	}
	return &signer{key: s.Key, public: public, rsa: a.rsa, pss: s.PSS}, algorithm, nil
}

// signer shows a key to the standard library, which asks for its public half and
// for signatures.
type signer struct {
	key    keytype.Signer
	public crypto.PublicKey
	rsa    bool
	pss    bool
}

func (s *signer) Public() crypto.PublicKey { return s.public }

func (s *signer) Sign(random io.Reader, message []byte, o crypto.SignerOpts) ([]byte, error) {
	hash := o.HashFunc()
	if hash == 0 { // Ed25519 signs the message itself
		return s.key.Sign(random, message, keytype.SignOptions{})
	}
	options := keytype.SignOptions{Hash: hash, Prehashed: true}
	if s.rsa {
		options.PKCS1v15, options.SaltHash = !s.pss, s.pss
	}
	return s.key.Sign(random, message, options)
}
