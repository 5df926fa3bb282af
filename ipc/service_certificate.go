package ipc

import (
	"context"

	"github.com/vaultd/vaultd/crypto/certificate"
	"github.com/vaultd/vaultd/crypto/keyenc"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/fault"
)

// Labels of what is answered in PEM (RFC 7468).
const (
	labelCSR         = "CERTIFICATE REQUEST"
	labelCertificate = "CERTIFICATE"
)

// CreateCSR makes a request for a certificate.
func (s *service) CreateCSR(ctx context.Context, req *vaultdv1.CreateCSRRequest) (*vaultdv1.CreateCSRResponse, error) {
	c, err := certificateOf(req)
	if err != nil {
		return nil, err
	}
	der, version, err := s.vault.CreateCSR(ctx, c)
	if err != nil {
		return nil, err
	}
	return &vaultdv1.CreateCSRResponse{Csr: keyenc.EncodePEM(labelCSR, der), Version: version}, nil
}

// CreateCertificate makes a self-signed certificate.
func (s *service) CreateCertificate(ctx context.Context, req *vaultdv1.CreateCertificateRequest) (*vaultdv1.CreateCertificateResponse, error) {
	c, err := certificateOf(req)
	if err != nil {
		return nil, err
	}
	validity, err := lifetime("validity", req.GetValidity())
	if err != nil {
		return nil, err
	}
	ask := vault.CreateCertificate{CreateCSR: c, Validity: validity, Authority: req.GetAuthority()}
	for _, u := range req.GetUsages() {
		if _, known := vaultdv1.CertificateUsage_name[int32(u)]; !known || u == 0 {
			return nil, fault.E(fault.CodeBadArgument, "unknown certificate usage %d", u)
		}
		ask.Usages = append(ask.Usages, certificate.Usage(u)) //nolint:gosec // known
	}
	der, version, err := s.vault.CreateCertificate(ctx, ask)
	if err != nil {
		return nil, err
	}
	return &vaultdv1.CreateCertificateResponse{Certificate: keyenc.EncodePEM(labelCertificate, der), Version: version}, nil
}

// certificateOf reads what both requests have in common.
func certificateOf(req interface {
	GetKey() string
	GetSubject() *vaultdv1.CertificateName
	GetNames() *vaultdv1.AlternativeNames
	GetHash() vaultdv1.HashAlgorithm
	GetScheme() vaultdv1.SignatureScheme
},
) (vault.CreateCSR, error) {
	name, err := vault.ParseName(req.GetKey())
	if err != nil {
		return vault.CreateCSR{}, err
	}
	o, err := signOptions(req.GetHash(), req.GetScheme(), false, nil)
	if err != nil {
		return vault.CreateCSR{}, err
	}
	if o.PSS && !o.SaltHash {
		return vault.CreateCSR{}, fault.E(fault.CodeBadArgument, "the salt of a certificate's signature is as long as the digest").
			WithHint("use the scheme pss-salt-hash")
	}
	subject, names := req.GetSubject(), req.GetNames()
	return vault.CreateCSR{
		Key: name, Hash: o.Hash, PSS: o.PSS,
		Subject: certificate.Subject{
			CommonName: subject.GetCommonName(), SerialNumber: subject.GetSerialNumber(),
			Organization: subject.GetOrganization(), OrganizationalUnit: subject.GetOrganizationalUnit(),
			Country: subject.GetCountry(), Province: subject.GetProvince(), Locality: subject.GetLocality(),
		},
		Names: certificate.Names{DNS: names.GetDns(), IP: names.GetIp(), Email: names.GetEmail(), URI: names.GetUri()},
	}, nil
}
