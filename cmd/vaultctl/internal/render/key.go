package render

import (
	"maps"
	"slices"
	"strings"
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/parse"
)

// Key is a key as JSON shows it.
type Key struct {
	Name        string            `json:"name"`
	ID          string            `json:"id"`
	Type        string            `json:"type"`
	State       string            `json:"state"`
	Version     uint32            `json:"version"`
	Fingerprint string            `json:"fingerprint"` // of the newest version
	Created     *time.Time        `json:"created"`
	Expires     *time.Time        `json:"expires"` // of the newest version; null is never
	TTLSeconds  int64             `json:"ttl_seconds,omitempty"`
	Uses        []string          `json:"uses"`
	Exportable  bool              `json:"exportable"`
	Origin      string            `json:"origin,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Require     []string          `json:"require_context,omitempty"`
	Tracked     bool              `json:"tracked,omitempty"`
	Versions    []KeyVersion      `json:"versions"`
	Revoked     *time.Time        `json:"revoked,omitempty"`
	RevokedBy   string            `json:"revoked_by,omitempty"`
	Reason      string            `json:"revocation_reason,omitempty"`
	ReasonCode  string            `json:"revocation_code,omitempty"`
	Compromised *time.Time        `json:"compromised_at,omitempty"`
	Current     uint32            `json:"current,omitempty"` // the version that protects new data, where that is not the newest
	MinDecrypt  uint32            `json:"min_decrypt_version,omitempty"`
	ProcessTTL  int64             `json:"process_ttl_seconds,omitempty"`
	RotateEvery int64             `json:"rotate_every_seconds,omitempty"`
	NextRotate  *time.Time        `json:"next_rotation,omitempty"`
	Suspensions []Suspension      `json:"suspensions,omitempty"`
	Destruction *Destruction      `json:"destruction,omitempty"`
	Attempts    uint64            `json:"attempts,omitempty"` // refused uses while its destruction is set
}

// Suspension is a pause of a key or version as JSON shows it.
type Suspension struct {
	From   *time.Time `json:"from"`
	Until  *time.Time `json:"until"` // null while it lasts
	By     string     `json:"by,omitempty"`
	Reason string     `json:"reason,omitempty"`
}

// Destruction is one that is set for a time, as JSON shows it.
type Destruction struct {
	At     *time.Time `json:"at"`
	Since  *time.Time `json:"since"`
	By     string     `json:"by,omitempty"`
	Reason string     `json:"reason,omitempty"`
}

func suspensions(all []*vaultdv1.Suspension) (out []Suspension) {
	for _, s := range all {
		out = append(out, Suspension{instant(s.GetFrom()), instant(s.GetUntil()), s.GetBy(), s.GetReason()})
	}
	return out
}

func destruction(d *vaultdv1.Destruction) *Destruction {
	if d == nil {
		return nil
	}
	return &Destruction{instant(d.GetAt()), instant(d.GetSince()), d.GetBy(), d.GetReason()}
}

// KeyVersion is one version of a key as JSON shows it.
type KeyVersion struct {
	Number      uint32     `json:"number"`
	State       string     `json:"state"`
	Fingerprint string     `json:"fingerprint"`
	Created     *time.Time `json:"created"`
	Expires     *time.Time `json:"expires"`
	Destroyed   *time.Time `json:"destroyed,omitempty"`

	NotBefore        *time.Time   `json:"not_before,omitempty"`
	ProcessUntil     *time.Time   `json:"process_until,omitempty"`
	Replaced         *time.Time   `json:"replaced,omitempty"`
	PrivateDestroyed bool         `json:"private_destroyed,omitempty"` // a signing key past its end, which still verifies
	Suspensions      []Suspension `json:"suspensions,omitempty"`
	Destruction      *Destruction `json:"destruction,omitempty"`
}

// NewKey is the JSON view of a key.
func NewKey(k *vaultdv1.Key) Key {
	out := Key{
		Name: k.GetName(), ID: k.GetId(), Type: k.GetType(), State: State(k.GetState()), Version: k.GetVersion(),
		Created: instant(k.GetCreated()), Exportable: k.GetExportable(), Origin: k.GetOrigin(), Labels: k.GetLabels(),
		TTLSeconds: k.GetTtl().GetSeconds(), Uses: uses(k), Versions: []KeyVersion{},
		Require: k.GetRequireContext(), Tracked: k.GetTracked(),
		Revoked: instant(k.GetRevoked()), RevokedBy: k.GetRevokedBy(), Reason: k.GetRevocationReason(),
	}
	out.Suspensions, out.Destruction, out.Attempts = suspensions(k.GetSuspensions()), destruction(k.GetDestruction()), k.GetAttempts()
	out.RotateEvery, out.NextRotate = k.GetRotateEvery().GetSeconds(), instant(k.GetNextRotation())
	out.Compromised, out.ProcessTTL = instant(k.GetCompromisedAt()), k.GetProcessTtl().GetSeconds()
	if k.GetCurrent() != k.GetVersion() {
		out.Current = k.GetCurrent()
	}
	if k.GetMinDecryptVersion() > 1 {
		out.MinDecrypt = k.GetMinDecryptVersion()
	}
	if k.GetReasonCode() != vaultdv1.RevocationReason_REVOCATION_REASON_UNSPECIFIED {
		out.ReasonCode = parse.RevocationReason().Name(k.GetReasonCode())
	}
	if v := Newest(k); v != nil {
		out.Fingerprint, out.Expires = v.GetFingerprint(), instant(v.GetExpires())
	}
	for _, v := range k.GetVersions() {
		out.Versions = append(out.Versions, KeyVersion{
			Number: v.GetNumber(), State: State(v.GetState()), Fingerprint: v.GetFingerprint(),
			Created: instant(v.GetCreated()), Expires: instant(v.GetExpires()), Destroyed: instant(v.GetDestroyed()),
			NotBefore: instant(v.GetNotBefore()), ProcessUntil: instant(v.GetProcessUntil()), Replaced: instant(v.GetReplaced()),
			PrivateDestroyed: v.GetPrivateDestroyed(), Suspensions: suspensions(v.GetSuspensions()), Destruction: destruction(v.GetDestruction()),
		})
	}
	return out
}

// Newest is the key's newest version, nil when it has none.
func Newest(k *vaultdv1.Key) *vaultdv1.KeyVersion {
	if n := len(k.GetVersions()); n > 0 {
		return k.GetVersions()[n-1]
	}
	return nil
}

// State is the word for a key's state.
func State(s vaultdv1.KeyState) string {
	if s == vaultdv1.KeyState_KEY_STATE_EXPIRED {
		return "deactivated"
	}
	return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(s.String(), "KEY_STATE_")), "_", "-")
}

func uses(k *vaultdv1.Key) []string {
	out := make([]string, 0, len(k.GetUses()))
	for _, u := range k.GetUses() {
		out = append(out, parse.UseName(u))
	}
	return out
}

// Key prints one key in full.
func (p *Printer) Key(k *vaultdv1.Key) error {
	return p.Object(NewKey(k), func(t *Table) {
		newest := Newest(k)
		t.Field("Key", k.GetName())
		t.Field("Type", k.GetType())
		t.Field("State", p.stateLine(k))
		t.Field("Uses", strings.Join(uses(k), ", "))
		t.Field("Fingerprint", newest.GetFingerprint())
		t.Field("Created", p.When(k.GetCreated()))
		t.Field("Expires", p.expiry(newest))
		if ttl := k.GetTtl(); ttl != nil {
			t.Field("Lifetime", span(ttl.AsDuration())+" for each new version")
		}
		if every := k.GetRotateEvery(); every != nil {
			t.Field("Rotates", "every "+span(every.AsDuration())+", next "+p.When(k.GetNextRotation()))
		}
		if ttl := k.GetProcessTtl(); ttl != nil {
			t.Field("Opens for", span(ttl.AsDuration())+" from the activation of each version")
		}
		if k.GetMinDecryptVersion() > 1 {
			t.Field("Opens from", "v"+number(k.GetMinDecryptVersion()))
		}
		t.Field("Exportable", yesNo(k.GetExportable()))
		t.Field("Origin", k.GetOrigin())
		for _, name := range slices.Sorted(maps.Keys(k.GetLabels())) {
			t.Field("Label", name+"="+k.GetLabels()[name])
		}
		if required := k.GetRequireContext(); len(required) > 0 {
			t.Field("Requires", "context "+strings.Join(required, ", "))
		}
		if k.GetTracked() {
			t.Field("Tracked", "every ciphertext is registered")
		}
		t.Field("Revoked", p.When(k.GetRevoked()))
		t.Field("Revoked by", k.GetRevokedBy())
		t.Field("Reason", k.GetRevocationReason())
		if code := k.GetReasonCode(); code != vaultdv1.RevocationReason_REVOCATION_REASON_UNSPECIFIED {
			t.Field("Code", parse.RevocationReason().Name(code))
		}
		t.Field("Compromised", p.When(k.GetCompromisedAt()))
		if k.GetAttempts() > 0 {
			t.Field("Attempts", number(uint32(k.GetAttempts()))+" refused, the last at "+p.When(k.GetLastAttempt())) //nolint:gosec // for people
		}
		t.Field("Id", k.GetId())
		defer p.timelineRows(t, k)
		if len(k.GetVersions()) < 2 {
			return
		}
		t.Line("")
		t.Row("VERSION", "STATE", "CREATED", "EXPIRES", "FINGERPRINT")
		for _, v := range k.GetVersions() {
			t.Row(number(v.GetNumber()), State(v.GetState()), p.Until(v.GetCreated()), p.Until(v.GetExpires()), v.GetFingerprint())
		}
	})
}

// KeyList prints many keys, one a row.
func (p *Printer) KeyList(keys []*vaultdv1.Key) error {
	views := make([]Key, len(keys))
	for i, k := range keys {
		views[i] = NewKey(k)
	}
	return p.Object(struct {
		Keys []Key `json:"keys"`
	}{views}, func(t *Table) {
		t.Row("NAME", "TYPE", "STATE", "VERSION", "EXPIRES", "FINGERPRINT")
		for _, k := range keys {
			v := Newest(k)
			t.Row(k.GetName(), k.GetType(), State(k.GetState()), number(k.GetVersion()), p.Until(v.GetExpires()), v.GetFingerprint())
		}
	})
}

func (p *Printer) expiry(v *vaultdv1.KeyVersion) string {
	if v.GetExpires() == nil {
		return "never"
	}
	return p.When(v.GetExpires())
}

// stateLine is the state and what matters about it most.
func (p *Printer) stateLine(k *vaultdv1.Key) string {
	s := State(k.GetState())
	switch k.GetState() {
	case vaultdv1.KeyState_KEY_STATE_PENDING_DESTRUCTION:
		if d := k.GetDestruction(); d != nil {
			return s + ", destroyed " + p.Until(d.GetAt()) + " unless that is cancelled"
		}
	case vaultdv1.KeyState_KEY_STATE_EXPIRED:
		if v := Newest(k); v.GetPrivateDestroyed() {
			return s + ": it verifies, and its private half is destroyed"
		}
	}
	if k.GetCurrent() != 0 && k.GetCurrent() != k.GetVersion() {
		return s + ", by v" + number(k.GetCurrent())
	}
	return s
}
