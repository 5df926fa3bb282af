package ipc

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
)

// clock is a time that stands still until it is moved.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func approvalsAt(c *clock) *approvals {
	a := newApprovals()
	a.now = c.now
	return a
}

func newClock() *clock { return &clock{at: time.Date(2027, 1, 1, 12, 0, 0, 0, time.UTC)} }

// requestOf is the n-th request of a user.
func requestOf(uid uint32, n byte) approval {
	return approval{asked: asked{uid: uid, method: 22, sum: [32]byte{n}}, who: &policy.Principal{UID: uid}}
}

func mustFile(t *testing.T, a *approvals, p approval) approval {
	t.Helper()
	filed, err := a.file(p, false)
	if err != nil {
		t.Fatal(err)
	}
	return filed
}

var carol = &policy.Principal{UID: 3, User: "carol"}

func mustDecide(t *testing.T, a *approvals, id, state string) {
	t.Helper()
	if _, err := a.decide(id, state, carol, "carol"); err != nil {
		t.Fatal(err)
	}
}

func wantFault(t *testing.T, what string, err error, code fault.Code) {
	t.Helper()
	if !errors.Is(err, fault.E(code, "")) {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

func everyone(*approval) bool { return true }

func TestApprovalCountsOnceForExactlyOneRequest(t *testing.T) {
	a := approvalsAt(newClock())
	first := mustFile(t, a, requestOf(1, 1))
	if again := mustFile(t, a, requestOf(1, 1)); again.id != first.id || again.state != approvalWaiting {
		t.Errorf("the same request is %+v, and was %+v", again, first)
	}
	if other := mustFile(t, a, requestOf(2, 1)); other.id == first.id {
		t.Error("two users share a request")
	}
	if _, ok := a.take(requestOf(1, 1).asked); ok {
		t.Error("taken before it was approved")
	}
	mustDecide(t, a, first.id, approvalApproved)
	for _, other := range []approval{requestOf(1, 2), requestOf(2, 1), {asked: asked{uid: 1, method: 23, sum: [32]byte{1}}}} {
		if _, ok := a.take(other.asked); ok {
			t.Errorf("%+v passes by another's approval", other.asked)
		}
	}
	got, ok := a.take(requestOf(1, 1).asked)
	if !ok || got.id != first.id || got.decidedBy != "carol" {
		t.Fatalf("%+v, %v", got, ok)
	}
	if _, ok := a.take(requestOf(1, 1).asked); ok {
		t.Error("taken twice")
	}
	if again := mustFile(t, a, requestOf(1, 1)); again.id == first.id || again.state != approvalWaiting {
		t.Errorf("after its use: %+v", again)
	}
}

// Of any number of repeats at the same moment one passes.
func TestRacingRepeatsGetOnePass(t *testing.T) {
	a := approvalsAt(newClock())
	for round := range 50 {
		p := mustFile(t, a, requestOf(1, byte(round)))
		mustDecide(t, a, p.id, approvalApproved)
		var passed atomic.Int32
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if _, ok := a.take(p.asked); ok {
					passed.Add(1)
					return
				}
				_, _ = a.file(requestOf(1, byte(round)), false)
				a.waiting()
			})
		}
		all.Wait()
		if n := passed.Load(); n != 1 {
			t.Fatalf("%d passed", n)
		}
		for _, left := range a.list(everyone) {
			a.mu.Lock()
			a.forget(a.all[left.id])
			a.mu.Unlock()
		}
	}
}

func TestWhoMayDecide(t *testing.T) {
	a := approvalsAt(newClock())
	p := mustFile(t, a, requestOf(3, 1)) // carol's own
	_, err := a.decide(p.id, approvalApproved, carol, "carol")
	wantFault(t, "her own", err, fault.CodePermissionDenied)
	_, err = a.decide(p.id, approvalRejected, carol, "carol")
	wantFault(t, "her own, rejected", err, fault.CodePermissionDenied)
	_, err = a.decide("0000000000000000", approvalApproved, carol, "carol")
	wantFault(t, "no request", err, fault.CodeApprovalNotFound)
	if n := a.waiting(); n != 1 {
		t.Errorf("%d wait", n)
	}
}

func TestRejectedStaysRejected(t *testing.T) {
	c := newClock()
	a := approvalsAt(c)
	p := mustFile(t, a, requestOf(1, 1))
	mustDecide(t, a, p.id, approvalApproved)
	mustDecide(t, a, p.id, approvalRejected) // carol has changed her mind
	if _, ok := a.take(p.asked); ok {
		t.Error("a rejected request passes")
	}
	_, err := a.decide(p.id, approvalApproved, carol, "carol")
	wantFault(t, "approve afterwards", err, fault.CodeApprovalRejected)
	if again := mustFile(t, a, requestOf(1, 1)); again.id != p.id || again.state != approvalRejected {
		t.Errorf("made again: %+v", again)
	}
	c.pass(approvalLasts)
	if again := mustFile(t, a, requestOf(1, 1)); again.state != approvalWaiting || again.id == p.id {
		t.Errorf("made again after an hour: %+v", again)
	}
}

func TestApprovalsExpire(t *testing.T) {
	c := newClock()
	a := approvalsAt(c)
	p := mustFile(t, a, requestOf(1, 1))
	c.pass(approvalWaits - time.Nanosecond)
	mustDecide(t, a, p.id, approvalApproved) // and an hour to use it, from here
	c.pass(approvalLasts - time.Nanosecond)
	mustDecide(t, a, p.id, approvalApproved) // changes nothing
	if n := len(a.list(everyone)); n != 1 {
		t.Fatalf("%d approvals", n)
	}
	c.pass(time.Nanosecond)
	if _, ok := a.take(p.asked); ok {
		t.Error("used after its hour")
	}
	p = mustFile(t, a, requestOf(1, 1))
	c.pass(approvalWaits)
	_, err := a.decide(p.id, approvalApproved, carol, "carol")
	wantFault(t, "after its hour", err, fault.CodeApprovalNotFound)
	if n := a.waiting(); n != 0 {
		t.Errorf("%d wait", n)
	}
	if len(a.all)+len(a.same) != 0 {
		t.Errorf("%d and %d are kept", len(a.all), len(a.same))
	}
}

func TestApprovalsAreBounded(t *testing.T) {
	a := approvalsAt(newClock())
	for n := range maxApprovalsPerUser {
		mustFile(t, a, requestOf(1, byte(n)))
	}
	_, err := a.file(requestOf(1, 99), true)
	wantFault(t, "one more of a user", err, fault.CodeQuotaExceeded)
	mustFile(t, a, requestOf(1, 0)) // that is there already
	for n := maxApprovalsPerUser; n < maxApprovals-adminApprovals; n++ {
		mustFile(t, a, requestOf(uint32(100+n), 0))
	}
	_, err = a.file(requestOf(2, 0), false)
	wantFault(t, "one more", err, fault.CodeBusy)
	for n := range adminApprovals {
		if _, err := a.file(requestOf(uint32(1000+n), 0), true); err != nil {
			t.Fatalf("an administrator's: %v", err)
		}
	}
	_, err = a.file(requestOf(2, 0), true)
	wantFault(t, "one more of an administrator", err, fault.CodeBusy)
}

func TestAwaitIsToldAtOnce(t *testing.T) {
	a := approvalsAt(newClock())
	p := mustFile(t, a, requestOf(1, 1))
	now, ok := a.await(t.Context(), p.id, 0, everyone)
	if !ok || now.state != approvalWaiting {
		t.Fatalf("%+v, %v", now, ok)
	}
	answers := make(chan approval)
	for range 3 {
		go func() {
			got, _ := a.await(context.Background(), p.id, time.Minute, everyone)
			answers <- got
		}()
	}
	other := mustFile(t, a, requestOf(2, 1))
	mustDecide(t, a, other.id, approvalApproved) // is none of theirs
	mustDecide(t, a, p.id, approvalApproved)
	for range 3 {
		if got := <-answers; got.state != approvalApproved || got.decidedBy != "carol" {
			t.Errorf("told %+v", got)
		}
	}
	if _, ok := a.await(t.Context(), p.id, time.Minute, func(*approval) bool { return false }); ok {
		t.Error("told to who may not see it")
	}
	if _, ok := a.await(t.Context(), "none", time.Minute, everyone); ok {
		t.Error("told of none")
	}
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	third := mustFile(t, a, requestOf(3, 1))
	if got, ok := a.await(stopped, third.id, time.Minute, everyone); !ok || got.state != approvalWaiting {
		t.Errorf("%+v, %v", got, ok)
	}
}

// What is secret is no part of what makes two requests the same, all else is.
func TestIdentityLeavesSecretsOut(t *testing.T) {
	who := &policy.Principal{UID: 1}
	sum := func(m message) asked {
		t.Helper()
		bare := proto.Clone(m.(proto.Message))
		blank(bare.(message))
		same, err := identify(who, methodByNumber(uint16(vaultdv1.Method_METHOD_EXPORT_KEY)), bare, "")
		if err != nil {
			t.Fatal(err)
		}
		return same
	}
	one := &vaultdv1.ExportKeyRequest{Name: "alice/k", Version: 1, Passphrase: []byte("correct horse")}
	if sum(one) != sum(&vaultdv1.ExportKeyRequest{Name: "alice/k", Version: 1, Passphrase: []byte("x")}) ||
		sum(one) != sum(&vaultdv1.ExportKeyRequest{Name: "alice/k", Version: 1}) {
		t.Error("the passphrase makes another request")
	}
	if string(one.GetPassphrase()) != "correct horse" {
		t.Errorf("the request was touched: %q", one.GetPassphrase())
	}
	for _, other := range []*vaultdv1.ExportKeyRequest{
		{Name: "alice/k", Version: 2},
		{Name: "alice/k"},
		{Name: "alice/l", Version: 1},
		{Name: "alice/k", Version: 1, Format: vaultdv1.PrivateKeyFormat_PRIVATE_KEY_FORMAT_RAW},
	} {
		if sum(one) == sum(other) {
			t.Errorf("%v is the same", other)
		}
	}
	unknown := proto.Clone(one).(*vaultdv1.ExportKeyRequest)
	unknown.ProtoReflect().SetUnknown(protoreflect.RawFields{0xa0, 0x06, 0x01})
	if sum(one) == sum(unknown) {
		t.Error("a field that the daemon does not know makes no difference")
	}
}

// A second administrator sees what it approves.
func TestDetailsHideNothing(t *testing.T) {
	s := &service{}
	for _, c := range []struct {
		reason, want string
	}{
		{"left", `{"name":"alice/k","reason":"left"}`},
		{"a\u202eb\u200b\x1b[2J\u0085\U000e0001", `{"name":"alice/k","reason":"a\u202eb\u200b\u001b[2J\u0085\udb40\udc01"}`},
		{`","name":"alice/other`, `{"name":"alice/k","reason":"\",\"name\":\"alice/other"}`},
		{"größer \U0001f511", "{\"name\":\"alice/k\",\"reason\":\"größer \U0001f511\"}"},
	} {
		got, err := s.details(&vaultdv1.DestroyKeyRequest{Name: "alice/k", Reason: c.reason})
		if err != nil || got != c.want {
			t.Errorf("%q: %s, %v; want %s", c.reason, got, err, c.want)
		}
	}
	_, err := s.details(&vaultdv1.DestroyKeyRequest{Name: "alice/k", Reason: fmt.Sprintf("%04096d", 0)})
	wantFault(t, "what is too long to read", err, fault.CodeTooLarge)
}
