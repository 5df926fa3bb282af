package vault_test

import (
	"testing"
	"time"

	"github.com/vaultd/vaultd/vault"
)

// Setting the clock back brings no expired key back, in one run or across runs.
func TestClockSetBackUnexpiresNothing(t *testing.T) {
	r := newRig(t)
	r.createWith(vault.CreateKey{Name: r.name("alice/k"), TTL: time.Hour})
	r.clock.Advance(2 * time.Hour)
	expired := func() {
		t.Helper()
		_, _, err := r.Encrypt(vault.Encrypt{Key: r.name("alice/k")}, nil)
		r.wantCode(err, vault.CodeExpired)
	}
	expired()
	r.create("alice/other", "") // any change notes the time
	if r.Status().ClockRegressed {
		t.Error("a clock that runs on is reported")
	}
	r.clock.Advance(-90 * time.Minute)
	expired()
	if s := r.Status(); !s.ClockRegressed || len(s.Warnings) == 0 {
		t.Errorf("status %+v", s)
	}
	r.reopen()
	expired()
	if !r.Status().ClockRegressed {
		t.Error("a restart forgets the time")
	}
	info := r.create("alice/new", "fernet")
	if want := r.clock.Now().Add(90 * time.Minute); !info.Created.Equal(want) {
		t.Errorf("created %s, the latest time seen is %s", info.Created, want)
	}
	r.clock.Advance(90 * time.Minute)
	if r.Status().ClockRegressed {
		t.Error("a clock that caught up is still reported")
	}
}

// A small step back, as of NTP, is nothing to report.
func TestSmallStepBackIsTolerated(t *testing.T) {
	r := newRig(t)
	r.create("alice/k", "")
	r.clock.Advance(-time.Minute)
	r.encrypt("alice/k", "x")
	if r.Status().ClockRegressed {
		t.Error("a minute is reported")
	}
}

// A machine that does not know the date makes no record that cannot be read.
func TestImpossibleClocks(t *testing.T) {
	for _, now := range []time.Time{{}, time.Unix(0, 0), time.Unix(-1e9, 0), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)} {
		r := newRig(t)
		r.clock.Advance(now.Sub(r.clock.Now()))
		for now.After(r.clock.Now()) || now.Before(r.clock.Now()) { // durations end at 292 years
			r.clock.Advance(now.Sub(r.clock.Now()))
		}
		r.createWith(vault.CreateKey{Name: r.name("alice/k"), TTL: vault.MaxTTL})
		c := r.encrypt("alice/k", "x")
		r.reopen()
		r.mustDecrypt("", c, "x")
	}
}
