package ipc

import (
	"crypto/rand"
	"encoding/json"
	"io"
	"strings"

	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
)

// newGrant reads a new grant, gives it an id and checks it.
func newGrant(text string) (policy.Grant, error) {
	g, err := parseGrant(text)
	if err != nil {
		return g, err
	}
	if err := findProcess(&g); err != nil {
		return g, err
	}
	var id [policy.IDSize]byte
	_, _ = rand.Read(id[:]) // never fails
	g.ID = policy.FormatID(id)
	if flaws := g.Validate(); len(flaws) > 0 {
		return g, flawed(flaws)
	}
	return g, nil
}

// parseGrant reads the JSON of a new grant strictly.
func parseGrant(text string) (policy.Grant, error) {
	var g policy.Grant
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&g); err != nil {
		return g, fault.E(fault.CodeBadArgument, "the grant is not in the JSON of a grant: %v", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return g, fault.E(fault.CodeBadArgument, "there is more than one grant")
	}
	if g.ID != "" || g.Source != (policy.Source{}) {
		return g, fault.E(fault.CodeBadArgument, "a new grant has no id and no source: the daemon gives it both")
	}
	return g, nil
}

// flawed is everything that is wrong with a grant in one error.
func flawed(flaws []*policy.Flaw) error {
	texts := make([]string, len(flaws))
	for i, f := range flaws {
		texts[i] = f.What
		if f.Field != "" {
			texts[i] = f.Field + ": " + f.What
		}
	}
	return fault.E(fault.CodeBadArgument, "%s", strings.Join(texts, "; "))
}
