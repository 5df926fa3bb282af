package certificate_test

import (
	"crypto/rand"
	"crypto/x509"
	"fmt"

	"github.com/vaultd/vaultd/crypto/certificate"
	"github.com/vaultd/vaultd/crypto/keytype"
)

func ExampleRequest() {
	kind, _ := keytype.Lookup("ed25519")
	material, err := kind.Generate(rand.Reader)
	if err != nil {
		panic(err)
	}
	key, err := kind.Parse(material)
	if err != nil {
		panic(err)
	}
	der, err := certificate.Request(certificate.Signing{Key: key.(keytype.Signer), Random: rand.Reader},
		certificate.Subject{CommonName: "web.example"}, certificate.Names{DNS: []string{"web.example"}})
	if err != nil {
		panic(err)
	}
	csr, err := x509.ParseCertificateRequest(der)
	fmt.Println(csr.Subject, csr.DNSNames, err, csr.CheckSignature())
	// Output: CN=web.example [web.example] <nil> <nil>
}
