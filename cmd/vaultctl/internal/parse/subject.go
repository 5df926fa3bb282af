package parse

import (
	"strings"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault/fault"
)

// Subject reads a distinguished name such as "CN=web.example,O=Example,C=AQ". A
// backslash takes the meaning from a comma. Empty text is the empty name.
func Subject(text string) (*vaultdv1.CertificateName, error) {
	name := new(vaultdv1.CertificateName)
	if text == "" {
		return name, nil
	}
	for _, part := range splitSubject(text) {
		key, value, ok := strings.Cut(part, "=")
		value = strings.TrimSpace(value)
		if !ok || value == "" {
			return nil, badSubject(part)
		}
		single := func(field *string) error {
			if *field != "" {
				return badSubject(part)
			}
			*field = value
			return nil
		}
		var err error
		switch strings.ToUpper(strings.TrimSpace(key)) {
		case "CN":
			err = single(&name.CommonName)
		case "SERIALNUMBER":
			err = single(&name.SerialNumber)
		case "O":
			name.Organization = append(name.Organization, value)
		case "OU":
			name.OrganizationalUnit = append(name.OrganizationalUnit, value)
		case "C":
			name.Country = append(name.Country, value)
		case "ST":
			name.Province = append(name.Province, value)
		case "L":
			name.Locality = append(name.Locality, value)
		default:
			err = badSubject(part)
		}
		if err != nil {
			return nil, err
		}
	}
	return name, nil
}

func badSubject(part string) error {
	return fault.E(fault.CodeBadArgument, "%.80q is no part of a subject", part).
		WithHint(`write it like "CN=web.example,O=Example,C=AQ", of CN, O, OU, C, ST, L and serialNumber`)
}

// splitSubject splits at commas that no backslash stands before.
func splitSubject(text string) []string {
	var parts []string
	var part strings.Builder
	escaped := false
	for _, r := range text {
		switch {
		case escaped:
			part.WriteRune(r)
			escaped = false
		case r == '\\':
			escaped = true
		case r == ',':
			parts = append(parts, part.String())
			part.Reset()
		default:
			part.WriteRune(r)
		}
	}
	return append(parts, part.String())
}
