package store

import (
	"fmt"
	"log/slog"
)

// ReadAll shows o.Visit every live record of a closed store, in no order, and
// returns the number of its last commit. It goes by the journal, either copy of which
// is enough, and changes nothing. Errors: ErrNoStore, ErrPermissions, ErrWrongKey,
// an *ErrCorrupt.
func ReadAll(o CheckOptions) (seq uint64, err error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Repair = false
	if err := checkDir(o.Dir); err != nil {
		return 0, err
	}
	if found, err := findStore(o.Dir); err != nil {
		return 0, err
	} else if !found {
		return 0, fmt.Errorf("%w: %s", ErrNoStore, o.Dir)
	}
	c := &checker{o: o, report: new(Report)}
	if c.root, err = deriveKeys(o.RootKey, o.VaultID); err != nil {
		return 0, err
	}
	defer c.root.wipe()
	if err := c.keyring(); err != nil {
		return 0, err
	}
	if c.ring == nil {
		return 0, corrupt(fileKeyring, "no copy is left")
	}
	defer c.ring.keys.wipe()
	if _, err := c.attestation(); err != nil {
		return 0, err
	}
	x, at, err := c.journals()
	if err != nil {
		return 0, err
	}
	if x == nil {
		return 0, corrupt(journalNames(c.ring.generation)[0], "no copy is whole")
	}
	before := len(c.report.Findings)
	if err := c.visit(x, at); err != nil {
		return 0, err
	}
	if len(c.report.Findings) > before {
		return 0, corrupt(at.file, "%s", c.report.Findings[before].What)
	}
	return x.state.seq, nil
}
