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
		_, _, err := r.Encrypt(r.name("alice/k"), nil, nil, nil, false)
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

// The time is noted even when nothing is changed.
func TestTimeIsNotedWhileIdle(t *testing.T) {
	r := newRig(t)
	r.close()
	r.opts.NoteEvery = 20 * time.Millisecond
	r.open()
	r.unseal()
	r.createWith(vault.CreateKey{Name: r.name("alice/k"), TTL: time.Hour})
	before := r.Status().Sequence
	r.clock.Advance(2 * time.Hour)
	deadline := time.Now().Add(10 * time.Second)
	for r.Status().Sequence == before {
		if time.Now().After(deadline) {
			t.Fatal("the time was not noted")
		}
		time.Sleep(5 * time.Millisecond)
	}
	r.clock.Advance(-2 * time.Hour)
	r.reopen()
	_, _, err := r.Encrypt(r.name("alice/k"), nil, nil, nil, false)
	r.wantCode(err, vault.CodeExpired)
}
