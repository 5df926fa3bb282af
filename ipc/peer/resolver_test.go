package peer

import (
	"errors"
	"os/user"
	"strings"
	"testing"
	"time"
)

// directory is an account database that the test writes.
type directory struct {
	Resolver
	clock time.Time
	calls int
	name  string
	err   error
	asked func() // while it answers
}

func newDirectory(name string) *directory {
	d := &directory{clock: time.Unix(1_700_000_000, 0), name: name}
	d.now = func() time.Time { return d.clock }
	d.Lookup = func(string) (*user.User, error) {
		d.calls++
		if d.asked != nil {
			d.asked()
		}
		return &user.User{Username: d.name}, d.err
	}
	return d
}

func (d *directory) want(t *testing.T, name string) {
	t.Helper()
	if got, err := d.Name(1000); got != name || err != nil {
		t.Errorf("name %q, %v; want %q", got, err, name)
	}
}

func TestNameIsRememberedForAWhile(t *testing.T) {
	d := newDirectory("alice")
	for range 3 {
		d.want(t, "alice")
	}
	if d.calls != 1 {
		t.Errorf("%d lookups for three questions in a row", d.calls)
	}
	d.err = user.UnknownUserIdError(1000)
	d.want(t, "alice")
	d.clock = d.clock.Add(nameLifetime)
	d.want(t, "")
	d.name, d.err = "bob", nil
	d.want(t, "")
	d.clock = d.clock.Add(missLifetime)
	d.want(t, "bob")
}

func TestLookAsksAnew(t *testing.T) {
	d := newDirectory("alice")
	d.want(t, "alice")
	d.name = "bob"
	if name, err := d.Look(1000); name != "bob" || err != nil {
		t.Errorf("looked up %q, %v", name, err)
	}
	d.want(t, "bob") // and remembers
	if d.calls != 2 {
		t.Errorf("%d lookups", d.calls)
	}
}

// An answer that was under way when the database changed may be the old one.
func TestForgottenAnswersDoNotComeBack(t *testing.T) {
	d := newDirectory("alice")
	d.want(t, "alice")
	d.Forget()
	d.asked = func() { d.Forget() }
	d.want(t, "alice")
	d.asked, d.name = nil, "bob"
	d.want(t, "bob")
}

func TestNoAnswerIsNotNoAccount(t *testing.T) {
	d := newDirectory("alice")
	d.err = errors.New("directory is down")
	if name, err := d.Name(1000); name != "" || !errors.Is(err, d.err) {
		t.Fatalf("name %q, %v from a failed lookup", name, err)
	}
	d.err = nil
	d.want(t, "alice")
}

func TestNameThatIsNoneIsNoAnswer(t *testing.T) {
	for _, name := range []string{"", "\xff", strings.Repeat("a", maxNameLen+1)} {
		if got, err := newDirectory(name).Name(1000); got != "" || err == nil {
			t.Errorf("%q: name %q", name, got)
		}
	}
}

func TestNamesAreBounded(t *testing.T) {
	d := newDirectory("alice")
	for uid := range uint32(3 * maxNames) {
		if _, err := d.Name(uid); err != nil {
			t.Fatal(err)
		}
	}
	if len(d.names) > maxNames {
		t.Errorf("%d names kept", len(d.names))
	}
}
