package certificate

import (
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrName says that a subject or alternative name is none. Everything that the
// package refuses but for the key and its options is one.
var ErrName = errors.New("not a name for a certificate")

// Bounds. Those of the subject are the upper bounds of RFC 5280, appendix A.1.
const (
	maxNames      = 100
	maxName       = 253
	maxURI        = 1024
	maxAttribute  = 64
	maxAttributes = 16
)

// Subject is a distinguished name. All of it may be empty.
type Subject struct {
	CommonName         string
	SerialNumber       string
	Organization       []string
	OrganizationalUnit []string
	Country            []string // two letters
	Province           []string
	Locality           []string
}

func (s *Subject) empty() bool {
	return s.CommonName == "" && s.SerialNumber == "" &&
		len(s.Organization)+len(s.OrganizationalUnit)+len(s.Country)+len(s.Province)+len(s.Locality) == 0
}

func (s *Subject) name() (pkix.Name, error) {
	var all []string
	for _, list := range [][]string{s.Organization, s.OrganizationalUnit, s.Country, s.Province, s.Locality} {
		all = append(all, list...)
	}
	if len(all) > maxAttributes {
		return pkix.Name{}, fmt.Errorf("%w: a subject of more than %d parts", ErrName, maxAttributes)
	}
	if s.CommonName != "" {
		all = append(all, s.CommonName)
	}
	if s.SerialNumber != "" {
		all = append(all, s.SerialNumber)
	}
	for _, value := range all {
		if value == "" || utf8.RuneCountInString(value) > maxAttribute || !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl) {
			return pkix.Name{}, fmt.Errorf("%w: a part of a subject has 1 to %d printable characters, not %.80q", ErrName, maxAttribute, value)
		}
	}
	for _, c := range s.Country {
		if len(c) != 2 || c[0] < 'A' || c[0] > 'Z' || c[1] < 'A' || c[1] > 'Z' {
			return pkix.Name{}, fmt.Errorf("%w: a country is two capital letters, not %.80q", ErrName, c)
		}
	}
	return pkix.Name{
		CommonName: s.CommonName, SerialNumber: s.SerialNumber,
		Organization: s.Organization, OrganizationalUnit: s.OrganizationalUnit,
		Country: s.Country, Province: s.Province, Locality: s.Locality,
	}, nil
}

// Names are the subject's alternative names (RFC 5280, section 4.2.1.6).
type Names struct {
	DNS   []string
	IP    []string
	Email []string
	URI   []string
}

// parsedNames are Names that can't be wrong.
type parsedNames struct {
	ips  []netip.Addr
	uris []*url.URL
}

func (n *Names) count() int { return len(n.DNS) + len(n.IP) + len(n.Email) + len(n.URI) }

func (n *Names) parse() (parsedNames, error) {
	var p parsedNames
	if n.count() > maxNames {
		return p, fmt.Errorf("%w: more than %d alternative names", ErrName, maxNames)
	}
	for _, name := range n.DNS {
		if !validDNS(name) {
			return p, fmt.Errorf("%w: %.80q is no DNS name", ErrName, name)
		}
	}
	for _, text := range n.IP {
		ip, err := netip.ParseAddr(text)
		if err != nil || ip.Zone() != "" {
			return p, fmt.Errorf("%w: %.80q is no IP address", ErrName, text)
		}
		p.ips = append(p.ips, ip.Unmap())
	}
	for _, address := range n.Email {
		local, host, ok := strings.Cut(address, "@")
		if !ok || local == "" || len(address) > maxName || notPrintable(local) || !validDNS(host) {
			return p, fmt.Errorf("%w: %.80q is no e-mail address", ErrName, address)
		}
	}
	for _, text := range n.URI {
		u, err := url.Parse(text)
		if err != nil || u.Scheme == "" || !validHost(u) || len(text) > maxURI || u.String() != text || notPrintable(text) {
			return p, fmt.Errorf("%w: %.80q is no absolute URI", ErrName, text)
		}
		p.uris = append(p.uris, u)
	}
	return p, nil
}

// notPrintable reports whether text has other characters than printable ASCII, or
// spaces.
func notPrintable(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// validHost takes a host as readers of certificates do, and none for a URI that
// has no place for one, such as a URN.
func validHost(u *url.URL) bool {
	if u.Host == "" {
		return u.Opaque != ""
	}
	_, err := netip.ParseAddr(u.Hostname())
	return err == nil || validDNS(u.Hostname()) && !strings.HasPrefix(u.Hostname(), "*")
}

// validDNS takes names as hosts have them, also with underscores, and with one
// star as the first label.
func validDNS(name string) bool {
	if len(name) > maxName {
		return false
	}
	for i, label := range strings.Split(name, ".") {
		if i == 0 && label == "*" && strings.Contains(name, ".") {
			continue
		}
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}
