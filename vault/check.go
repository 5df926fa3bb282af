package vault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/vaultd/vaultd/internal/secret"
	"github.com/vaultd/vaultd/vault/store"
)

// CheckOptions says what Check looks at. Without a password it checks
// structure only: lengths, checksums, and that copies agree.
type CheckOptions struct {
	Dir        string
	AnchorPath string
	Password   []byte
	With       SlotSecret   // the secret of another key slot, instead of a password
	Log        *slog.Logger // nil: no log
}

func (o CheckOptions) secret() SlotSecret {
	if len(o.With.Secret) > 0 {
		return o.With
	}
	return SlotSecret{Kind: SlotPassword, Secret: o.Password}
}

// What a check finds, as the store reports it.
type (
	// Finding is one thing that a check noticed.
	Finding = store.Finding
	// Severity ranks findings.
	Severity = store.Severity
)

// The severities.
const (
	SeverityNote   = store.Note   // nothing wrong
	SeverityDamage = store.Damage // a copy is bad; another has everything
	SeverityLoss   = store.Loss   // no copy verifies
)

// CheckReport is what a check found.
type CheckReport struct {
	Findings []Finding
	Complete bool   // everything was checked, with the key
	Clean    bool   // the vault was sealed in order when it was last used
	Records  int    // live records, if Complete
	Sequence uint64 // last commit, if Complete
}

// OK reports whether no damage is left.
func (r *CheckReport) OK() bool {
	for _, f := range r.Findings {
		if f.Severity > SeverityNote && !f.Repaired {
			return false
		}
	}
	return true
}

// Check examines a vault that nobody has open and changes nothing. With the
// password it also opens every key's material and compares it with what the
// vault knows of the key. The error
// says that the check could not be made: not_initialized, wrong_password,
// store_in_use, unsafe_permissions; damage is in the report.
func Check(ctx context.Context, o CheckOptions) (*CheckReport, error) {
	return check(ctx, o, false)
}

// Repair is Check that restores what a good copy is left of: a header from
// its backup and a backup from its header, and in the store likewise. It needs
// the password, so that only what is authentic is copied. A header restored
// from an older backup brings an older password back; the anchor notices that
// at unseal, and only an administrator can accept it.
func Repair(ctx context.Context, o CheckOptions) (*CheckReport, error) {
	if len(o.secret().Secret) == 0 {
		return nil, E(CodeBadArgument, "a repair needs the password, or the secret of another key slot")
	}
	return check(ctx, o, true)
}

func check(ctx context.Context, o CheckOptions, repair bool) (*CheckReport, error) {
	if err := ctx.Err(); err != nil {
		return nil, E(CodeTimeout, "the check was given up").Because(err)
	}
	c := &headerCheck{files: headerFiles{dir: o.Dir}, with: o.secret()}
	if err := c.read(); err != nil {
		return nil, err
	}
	lock, err := store.LockDir(o.Dir)
	if err != nil {
		return nil, storeError(err)
	}
	defer lock.Close()
	root, err := c.open()
	if err != nil {
		return nil, err
	}
	defer root.Wipe()
	so := store.CheckOptions{Dir: o.Dir, Lock: lock, AnchorPath: o.AnchorPath, Log: o.Log, Repair: repair && root != nil}
	if c.chosen != nil {
		so.VaultID, so.HeaderHash, so.HeaderEpoch = c.chosen.vaultID, c.chosen.hash(), c.chosen.epoch
	}
	var records *recordCheck
	if root != nil {
		so.RootKey = root.Bytes()
		records = newRecordCheck(c.chosen.vaultID)
		so.Visit = records.visit
		if repair {
			if err := c.mend(); err != nil {
				return nil, fmt.Errorf("repair the header: %w", err)
			}
		}
	}
	r, err := store.Check(so)
	switch {
	case errors.Is(err, store.ErrNoStore):
		r = &store.Report{Complete: root != nil}
		c.find("store", SeverityLoss, "it is gone")
	case errors.Is(err, store.ErrWrongKey):
		r = &store.Report{}
		c.find("keyring", SeverityLoss, "it does not open under this vault's root key")
	case err != nil:
		return nil, storeError(err)
	}
	findings := append(c.findings, r.Findings...)
	if records != nil {
		findings = append(findings, records.finish(ctx)...)
		if err := ctx.Err(); err != nil {
			return nil, E(CodeTimeout, "the check was given up").Because(err)
		}
	}
	return &CheckReport{
		Findings: findings,
		Complete: r.Complete, Clean: r.Clean, Records: r.Records, Sequence: r.Seq,
	}, nil
}

// headerCheck looks at the two header files.
type headerCheck struct {
	files headerFiles
	with  SlotSecret

	main, backup headerCopy
	chosen       *header // the one to go by; nil when neither can be used
	findings     []Finding
	// toMend maps a file to the finding that is settled when it is made anew
	// from chosen.
	toMend map[string]int
}

func (c *headerCheck) find(file string, severity Severity, what string) int {
	c.findings = append(c.findings, Finding{File: file, Offset: -1, What: what, Severity: severity})
	return len(c.findings) - 1
}

// read takes both copies and reports what is wrong with them. Which one to go
// by is not final until the password has authenticated it.
func (c *headerCheck) read() error {
	if incomplete, err := store.Incomplete(c.files.dir); err != nil || incomplete {
		return ErrNotInitialized
	}
	c.main, c.backup = c.files.read(headerName), c.files.read(headerBackupName)
	c.toMend = make(map[string]int)
	for _, found := range []headerCopy{c.main, c.backup} {
		if errors.Is(found.err, errHeaderNewer) { // nothing of it is repaired
			return newerFormat(found.err.Error())
		}
	}
	if errors.Is(c.main.err, fs.ErrNotExist) && errors.Is(c.backup.err, fs.ErrNotExist) {
		if _, err := store.Check(store.CheckOptions{Dir: c.files.dir}); err != nil {
			return ErrNotInitialized
		}
	}
	switch {
	case c.main.err != nil && c.backup.err != nil:
		c.find(headerName, SeverityLoss, "neither it nor its backup can be read: without one of them nothing opens the vault")
	case c.main.err != nil:
		c.chosen = c.backup.header
		c.toMend[headerName] = c.find(headerName, SeverityDamage, describeCopy(c.main.err))
	case c.backup.err != nil:
		c.chosen = c.main.header
		c.toMend[headerBackupName] = c.find(headerBackupName, SeverityDamage, describeCopy(c.backup.err))
	case c.backup.header.epoch > c.main.header.epoch:
		c.chosen = c.backup.header
		c.toMend[headerName] = c.find(headerName, SeverityDamage, "it is older than its backup: it was put back")
	default:
		c.chosen = c.main.header
		if c.main.header.hash() != c.backup.header.hash() {
			c.toMend[headerBackupName] = c.find(headerBackupName, SeverityNote, "it is older than the header; replacing it was interrupted")
		}
	}
	return nil
}

func describeCopy(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "missing"
	case errors.Is(err, errHeaderBytes):
		return "damaged"
	}
	return "cannot be read"
}

// open authenticates the chosen header with the secret of a slot. It returns nil
// where there is no secret, or no header to try it on.
func (c *headerCheck) open() (*secret.Bytes, error) {
	if len(c.with.Secret) == 0 || c.chosen == nil {
		return nil, nil
	}
	slots, err := c.chosen.candidates(c.with)
	if err != nil {
		return nil, err
	}
	kind := slots[0].kind
	if err := kind.checkSecret(c.with.Secret); err != nil {
		return nil, err
	}
	root, _, err := unwrapAny(c.chosen.vaultID, slots, c.with.Secret)
	if errors.Is(err, errSlotSecret) {
		return nil, kind.wrong()
	}
	if err == nil {
		if err = c.chosen.verify(root.Bytes()); err == nil {
			return root, nil
		}
		root.Wipe()
	}
	if errors.Is(err, errHeaderBytes) {
		c.find(headerName, SeverityLoss, "its checksum is right but it is not authentic: it was forged")
		return nil, nil
	}
	return nil, err
}

// mend makes the other copy anew from the one that was authenticated.
func (c *headerCheck) mend() error {
	for file, finding := range c.toMend {
		if err := c.files.put(file, c.chosen.encoded); err != nil {
			return err
		}
		c.findings[finding].Repaired = true
	}
	return nil
}
