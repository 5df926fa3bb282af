package exchange

import (
	"errors"
	"testing"
	"time"
)

func TestTimes(t *testing.T) {
	accept := func(now time.Time, change ...func(*OfferOptions)) error {
		r := newRun(t)
		r.doOffer(t, change...)
		_, _, err := Accept(r.offer, acceptOptions(r.bob, r.alice, func(o *AcceptOptions) { o.Now = now }))
		return err
	}
	hour := func(o *OfferOptions) { o.Validity = time.Hour }
	for name, c := range map[string]struct {
		err, want error
	}{
		"last second":            {accept(testTime.Add(time.Hour-time.Second), hour), nil},
		"too late":               {accept(testTime.Add(time.Hour), hour), ErrExpired},
		"day by default":         {accept(testTime.Add(DefaultValidity)), ErrExpired},
		"clock a little behind":  {accept(testTime.Add(-MaxClockSkew)), nil},
		"clock too far behind":   {accept(testTime.Add(-MaxClockSkew - time.Second)), ErrNotYetValid},
		"responder without time": {accept(time.Time{}), ErrOptions},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("offer, %s: got %v, want %v", name, c.err, c.want)
		}
	}

	r := newRun(t)
	r.doOffer(t, hour)
	endless := resignOffer(t, r.offer, r.alice, func(f *fields) {
		f[tagExpires] = u64(testTime.Add(MaxValidity + time.Second).Unix())
	})
	if _, _, err := Accept(endless, acceptOptions(r.bob, r.alice)); !errors.Is(err, ErrFormat) {
		t.Errorf("offer that is open too long: %v", err)
	}
	r.doAccept(t)
	for name, c := range map[string]struct {
		now  time.Time
		want error
	}{
		"too late": {testTime.Add(time.Hour), ErrExpired}, "clock behind": {testTime.Add(-time.Hour), ErrNotYetValid},
	} {
		if _, _, err := r.pendingA.Confirm(r.accept, c.now, r.alice.sign); !errors.Is(err, c.want) {
			t.Errorf("accept, %s: got %v, want %v", name, err, c.want)
		}
	}
	r.doConfirm(t)
	for name, c := range map[string]struct {
		now  time.Time
		want error
	}{
		"too late": {testTime.Add(time.Hour), ErrExpired}, "clock behind": {testTime.Add(-time.Hour), ErrNotYetValid},
	} {
		if _, err := r.pendingB.Finish(r.confirm, c.now); !errors.Is(err, c.want) {
			t.Errorf("confirm, %s: got %v, want %v", name, err, c.want)
		}
	}
}

func TestSessionThatWouldBeExpiredIsRefused(t *testing.T) {
	r := newRun(t)
	r.doOffer(t, func(o *OfferOptions) { o.Terms.Lifetime = 10 * time.Minute })
	r.doAccept(t)
	if _, _, err := r.pendingA.Confirm(r.accept, testTime.Add(11*time.Minute), r.alice.sign); !errors.Is(err, ErrExpired) {
		t.Errorf("initiator: %v", err)
	}
	r.doConfirm(t)
	if _, err := r.pendingB.Finish(r.confirm, testTime.Add(11*time.Minute)); !errors.Is(err, ErrExpired) {
		t.Errorf("responder: %v", err)
	}
	// A peer can't stretch the lifetime that was offered, nor lift it.
	other := newRun(t)
	other.doOffer(t)
	other.doAccept(t)
	for _, expires := range []int64{0, testTime.Add(time.Minute + time.Hour + time.Second).Unix()} {
		stretched := resignAccept(t, other.offer, other.accept, other.bob, nil, func(f *fields) { f[tagSessionExpires] = u64(expires) })
		if _, _, err := other.pendingA.Confirm(stretched, testTime.Add(time.Minute), other.alice.sign); !errors.Is(err, ErrFormat) {
			t.Errorf("session until %d: %v", expires, err)
		}
	}
}
