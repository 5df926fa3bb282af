package vault

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/vaultd/vaultd/crypto/keytype"
)

// whole is the state of the key as a whole, as far as it is more than that of
// its versions: revoked, or destroyed altogether. The caller holds k.mu.
func (k *key) whole() KeyState {
	switch {
	case k.rec.allDestroyed():
		return StateDestroyed
	case k.revoked != nil:
		return StateRevoked
	}
	return StateActive
}

// state is that of version number at a time. The caller holds k.mu.
func (k *key) state(number uint32, now time.Time) KeyState {
	v := &k.rec.versions[number-1]
	switch {
	case !v.destroyed.IsZero():
		return StateDestroyed
	case k.revoked != nil:
		return StateRevoked
	case !v.notAfter.IsZero() && !now.Before(v.notAfter):
		return StateExpired
	}
	return StateActive
}

// stateOfAll is the key's state at a time: of the newest version, or of the
// whole key when that is revoked or destroyed. The caller holds k.mu.
func (k *key) stateOfAll(now time.Time) KeyState {
	if s := k.whole(); s != StateActive {
		return s
	}
	return k.state(uint32(len(k.rec.versions)), now)
}

// info describes the key at a time.
func (k *key) info(now time.Time) KeyInfo {
	k.mu.RLock()
	defer k.mu.RUnlock()
	r := k.rec
	newest := uint32(len(r.versions))
	i := KeyInfo{
		Name: k.name, ID: k.id, Type: k.typ.Name, Uses: r.uses, Exportable: r.exportable,
		Created: r.created, TTL: r.ttl, Origin: r.origin, Version: newest, State: k.stateOfAll(now),
		Versions: make([]VersionInfo, newest), RequireContext: requirementTexts(r.required),
		Tracked: r.tracked,
	}
	if len(r.labels) > 0 {
		i.Labels = make(map[string]string, len(r.labels))
		for _, l := range r.labels {
			i.Labels[l.key] = l.value
		}
	}
	for n := range newest {
		v := &r.versions[n]
		i.Versions[n] = VersionInfo{
			Number: n + 1, State: k.state(n+1, now), Created: v.created, Expires: v.notAfter,
			Destroyed: v.destroyed, Fingerprint: v.fingerprint,
		}
	}
	if t := k.revoked; t != nil {
		i.Revoked, i.RevokedBy, i.RevocationReason = t.time, t.by, t.reason
	}
	return i
}

// hasLabels reports whether the key has all of want.
func (k *keyRecord) hasLabels(want []label) bool {
	for _, l := range want {
		if !slices.Contains(k.labels, l) {
			return false
		}
	}
	return true
}

// sortLabels checks labels and puts them in order.
func sortLabels(m map[string]string) ([]label, error) {
	if len(m) > MaxLabels {
		return nil, E(CodeBadArgument, "a key has at most %d labels", MaxLabels)
	}
	labels := make([]label, 0, len(m))
	for name, value := range m {
		if name == "" || len(name) > MaxLabelKeyLen || len(value) > MaxLabelValueLen || !printable(name) || !printable(value) {
			return nil, E(CodeBadArgument, "label %q: a name has 1 to %d bytes, a value up to %d, of printable UTF-8",
				clip(name), MaxLabelKeyLen, MaxLabelValueLen)
		}
		labels = append(labels, label{name, value})
	}
	slices.SortFunc(labels, func(a, b label) int { return strings.Compare(a.key, b.key) })
	return labels, nil
}

// printable refuses control characters, which could forge lines in a listing.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 })
}

// CheckReason bounds a reason that is kept.
func CheckReason(reason string) error {
	if len(reason) > MaxReasonLen || !printable(reason) {
		return E(CodeBadArgument, "a reason has up to %d bytes of printable UTF-8", MaxReasonLen)
	}
	return nil
}

// checkTombstone bounds what a tombstone tells.
func checkTombstone(by, reason string) error {
	if len(by) > 255 || !printable(by) {
		return E(CodeBadArgument, "who asks is named by up to 255 bytes of printable UTF-8")
	}
	return CheckReason(reason)
}

var useNouns = []struct {
	use  keytype.Use
	name string
}{
	{keytype.UseEncrypt, "encrypt"},
	{keytype.UseDecrypt, "decrypt"},
	{keytype.UseSign, "sign"},
	{keytype.UseVerify, "verify"},
	{keytype.UseMAC, "mac"},
	{keytype.UseVerifyMAC, "verify macs"},
	{keytype.UseAgree, "agree on keys"},
	{keytype.UseDerive, "derive"},
	{keytype.UseWrap, "wrap keys"},
	{keytype.UseUnwrap, "unwrap keys"},
	{keytype.UseEncapsulate, "encapsulate keys"},
	{keytype.UseDecapsulate, "decapsulate keys"},
}

// useNames lists uses for a message.
func useNames(u keytype.Use) string {
	var names []string
	for _, n := range useNouns {
		if u&n.use != 0 {
			names = append(names, n.name)
		}
	}
	if len(names) == 0 {
		return "do that"
	}
	return strings.Join(names, ", ")
}

func typeNames() string {
	var names []string
	for _, t := range keytype.All() {
		names = append(names, t.Name)
	}
	return strings.Join(names, ", ")
}
