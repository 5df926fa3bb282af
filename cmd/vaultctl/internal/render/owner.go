package render

import (
	"strconv"
	"strings"
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
)

// Owner is an owner as JSON shows it.
type Owner struct {
	Name      string     `json:"name"`
	State     string     `json:"state"` // "active" or "revoked"
	Keys      uint64     `json:"keys"`
	Created   *time.Time `json:"created"`
	Revoked   *time.Time `json:"revoked,omitempty"`
	RevokedBy string     `json:"revoked_by,omitempty"`
	Reason    string     `json:"revocation_reason,omitempty"`
}

// NewOwner is the JSON view of an owner.
func NewOwner(o *vaultdv1.Owner) Owner {
	return Owner{
		Name: o.GetName(), State: ownerState(o), Keys: o.GetKeys(), Created: instant(o.GetCreated()),
		Revoked: instant(o.GetRevokedAt()), RevokedBy: o.GetRevokedBy(), Reason: o.GetReason(),
	}
}

// Owner prints one owner in full.
func (p *Printer) Owner(o *vaultdv1.Owner) error {
	return p.Object(NewOwner(o), func(t *Table) { p.ownerFields(t, o) })
}

// RevokedOwner prints an owner that was just revoked and what went with it.
func (p *Printer) RevokedOwner(o *vaultdv1.Owner, destroyed uint64) error {
	return p.Object(struct {
		Owner
		KeysDestroyed uint64 `json:"keys_destroyed"`
	}{NewOwner(o), destroyed}, func(t *Table) {
		p.ownerFields(t, o)
		t.Field("Destroyed", strconv.FormatUint(destroyed, 10)+" keys")
	})
}

func (p *Printer) ownerFields(t *Table, o *vaultdv1.Owner) {
	t.Field("Owner", o.GetName())
	t.Field("State", ownerState(o))
	t.Field("Keys", strconv.FormatUint(o.GetKeys(), 10))
	t.Field("Created", p.When(o.GetCreated()))
	t.Field("Revoked", p.When(o.GetRevokedAt()))
	t.Field("Revoked by", o.GetRevokedBy())
	t.Field("Reason", o.GetReason())
}

// OwnerList prints many owners, one a row.
func (p *Printer) OwnerList(owners []*vaultdv1.Owner) error {
	views := make([]Owner, len(owners))
	for i, o := range owners {
		views[i] = NewOwner(o)
	}
	return p.Object(struct {
		Owners []Owner `json:"owners"`
	}{views}, func(t *Table) {
		t.Row("NAME", "STATE", "KEYS", "CREATED")
		for _, o := range owners {
			t.Row(o.GetName(), ownerState(o), strconv.FormatUint(o.GetKeys(), 10), p.Until(o.GetCreated()))
		}
	})
}

func ownerState(o *vaultdv1.Owner) string {
	if o.GetRevoked() {
		return "revoked"
	}
	return "active"
}

// Revocation is one entry of the revocation list as JSON shows it.
type Revocation struct {
	Kind         string     `json:"kind"` // "key", "owner" or "destroyed"
	Name         string     `json:"name"`
	KeyID        string     `json:"key_id,omitempty"`
	Fingerprints []string   `json:"fingerprints"`
	Time         *time.Time `json:"time"`
	By           string     `json:"by,omitempty"`
	Reason       string     `json:"reason,omitempty"`
	Reinstated   bool       `json:"reinstated"`
}

// NewRevocations are the JSON views of entries of the revocation list.
func NewRevocations(list []*vaultdv1.Revocation) []Revocation {
	views := make([]Revocation, len(list))
	for i, r := range list {
		views[i] = Revocation{
			Kind: r.GetKind(), Name: r.GetName(), KeyID: r.GetKeyId(), Fingerprints: append([]string{}, r.GetFingerprints()...),
			Time: instant(r.GetTime()), By: r.GetBy(), Reason: r.GetReason(), Reinstated: r.GetReinstated(),
		}
	}
	return views
}

// RevocationList prints entries of the revocation list, one a row.
func (p *Printer) RevocationList(list []*vaultdv1.Revocation) error {
	return p.Object(struct {
		Revocations []Revocation `json:"revocations"`
	}{NewRevocations(list)}, func(t *Table) { p.revocations(t, list) })
}

// RevocationCheck prints whether subject is revoked and the entries that say so.
func (p *Printer) RevocationCheck(subject string, r *vaultdv1.CheckRevocationResponse) error {
	return p.Object(struct {
		Subject     string       `json:"subject"`
		Revoked     bool         `json:"revoked"`
		Revocations []Revocation `json:"revocations"`
	}{subject, r.GetRevoked(), NewRevocations(r.GetRevocations())}, func(t *Table) {
		if !r.GetRevoked() {
			t.Line("%s is not revoked", subject)
			return
		}
		t.Line("%s is revoked", subject)
		t.Line("")
		p.revocations(t, r.GetRevocations())
	})
}

func (p *Printer) revocations(t *Table, list []*vaultdv1.Revocation) {
	t.Row("KIND", "NAME", "WHEN", "BY", "REASON", "FINGERPRINTS")
	for _, r := range list {
		kind := r.GetKind()
		if r.GetReinstated() {
			kind += " (reinstated)"
		}
		t.Row(kind, r.GetName(), p.Until(r.GetTime()), r.GetBy(), r.GetReason(), strings.Join(r.GetFingerprints(), " "))
	}
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func number(n uint32) string { return strconv.FormatUint(uint64(n), 10) }
