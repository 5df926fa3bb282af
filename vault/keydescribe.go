package vault

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/vaultd/vaultd/crypto/keytype"
)

// info describes the key at a time.
func (k *key) info(now time.Time) KeyInfo {
	k.mu.RLock()
	defer k.mu.RUnlock()
	r := k.rec
	newest := uint32(len(r.versions))
	i := KeyInfo{
		Name: k.name, ID: k.id, Type: k.typ.Name, Uses: r.uses, Exportable: r.exportable,
		Created: r.created, TTL: r.ttl, Origin: r.origin, Version: newest, State: k.stateOfAll(now),
		Current:  k.current(now),
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
		i.Versions[n] = k.versionInfo(n+1, now)
	}
	if l := r.life; l != nil {
		i.MinDecryptVersion, i.ProcessTTL, i.Destruction = max(l.minDecrypt, 1), l.processTTL, l.ending.info()
		i.Suspensions = suspensionInfos(l.suspensions)
	} else {
		i.MinDecryptVersion = 1
	}
	if s := r.rotation; s != nil {
		i.RotateEvery, i.NextRotation = s.every, s.next
	}
	if t := k.revoked; t != nil {
		i.Revoked, i.RevokedBy, i.RevocationReason = t.time, t.by, t.reason
		i.ReasonCode, i.Compromised = t.code, t.compromised
	}
	if n := k.attempts.Load(); n > 0 {
		i.Attempts, i.LastAttempt = n, time.UnixMicro(k.lastAttempt.Load()).UTC()
	}
	return i
}

// versionInfo describes one version. The caller holds k.mu.
func (k *key) versionInfo(number uint32, now time.Time) VersionInfo {
	v := &k.rec.versions[number-1]
	i := VersionInfo{
		Number: number, State: k.state(number, now), Created: v.created, Expires: v.notAfter,
		Destroyed: v.destroyed, Fingerprint: v.fingerprint,
	}
	i.PrivateDestroyed = i.State != StateDestroyed && k.privateGone(number, now)
	if number < uint32(len(k.rec.versions)) && k.current(now) > number {
		i.Replaced = k.rec.versions[number].activation()
	}
	if l := v.life; l != nil {
		i.NotBefore, i.ProcessUntil, i.Destruction = l.notBefore, l.processUntil, l.ending.info()
		i.Suspensions = suspensionInfos(l.suspensions)
	}
	return i
}

func (e *ending) info() *Destruction {
	if e == nil {
		return nil
	}
	return &Destruction{At: e.at, Since: e.since, By: e.by, Reason: e.reason}
}

func suspensionInfos(all []suspension) []Suspension {
	var infos []Suspension
	for i := range all {
		s := &all[i]
		infos = append(infos, Suspension{From: s.from, Until: s.until, Through: s.through, By: s.by, Reason: s.reason})
	}
	return infos
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
