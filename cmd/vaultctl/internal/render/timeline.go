package render

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
)

// event is one thing that happened to a key, or is set to.
type event struct {
	at   time.Time
	what string
}

// maxEvents bounds a timeline: what is to come, and the newest of the past.
const maxEvents = 12

// timeline is the life of a key in order, the past and what is set to come.
func timeline(k *vaultdv1.Key) []event {
	var all []event
	add := func(ts *timestamppb.Timestamp, format string, args ...any) {
		if ts != nil {
			all = append(all, event{ts.AsTime(), fmt.Sprintf(format, args...)})
		}
	}
	for _, v := range k.GetVersions() {
		n := v.GetNumber()
		add(v.GetCreated(), "v%d created", n)
		add(v.GetNotBefore(), "v%d active", n)
		end := "v%d expires"
		if v.GetPrivateDestroyed() {
			end = "v%d expires; its private half is destroyed"
		}
		if v.GetState() != vaultdv1.KeyState_KEY_STATE_DESTROYED || v.GetDestroyed().AsTime().After(v.GetExpires().AsTime()) {
			add(v.GetExpires(), end, n)
			add(v.GetProcessUntil(), "v%d opens nothing any more", n)
		}
		if v.GetState() == vaultdv1.KeyState_KEY_STATE_DESTROYED {
			add(v.GetDestroyed(), "v%d destroyed", n)
		} else if d := v.GetDestruction(); d != nil {
			add(d.GetAt(), "v%d destroyed%s", n, why(d.GetBy(), d.GetReason()))
		}
		all = appendPauses(all, fmt.Sprintf("v%d", n), v.GetSuspensions())
	}
	all = appendPauses(all, "key", k.GetSuspensions())
	if d := k.GetDestruction(); d != nil {
		add(d.GetSince(), "destruction set%s", why(d.GetBy(), d.GetReason()))
		add(d.GetAt(), "key destroyed")
	}
	add(k.GetCompromisedAt(), "key compromised")
	add(k.GetRevoked(), "key revoked%s", why(k.GetRevokedBy(), k.GetRevocationReason()))
	slices.SortStableFunc(all, func(a, b event) int { return a.at.Compare(b.at) })
	return all
}

func appendPauses(all []event, what string, pauses []*vaultdv1.Suspension) []event {
	for _, s := range pauses {
		all = append(all, event{s.GetFrom().AsTime(), what + " suspended" + why(s.GetBy(), s.GetReason())})
		if s.GetUntil() != nil {
			all = append(all, event{s.GetUntil().AsTime(), what + " resumed"})
		}
	}
	return all
}

func why(by, reason string) string {
	s := ""
	if by != "" {
		s = " by " + by
	}
	if reason != "" {
		s += ": " + reason
	}
	return s
}

// timelineRows prints it, with a line between what was and what is to come.
func (p *Printer) timelineRows(t *Table, k *vaultdv1.Key) {
	all := timeline(k)
	if len(all) < 2 {
		return
	}
	now := p.Now()
	coming, _ := slices.BinarySearchFunc(all, now, func(e event, at time.Time) int {
		if e.at.After(at) {
			return 1
		}
		return -1
	})
	first := max(0, min(coming-1, len(all)-maxEvents))
	t.Line("")
	t.Row("", "WHEN", "WHAT")
	for i, e := range all[first:min(len(all), first+maxEvents)] {
		mark := "past"
		if first+i >= coming {
			mark = "next"
		}
		t.Row(mark, fmt.Sprintf("%s (%s)", e.at.Local().Format("2006-01-02 15:04:05 MST"), Relative(e.at.Sub(now))), strings.TrimSpace(e.what))
	}
}
