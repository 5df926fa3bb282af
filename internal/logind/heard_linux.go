package logind

import (
	"maps"
	"slices"
	"sync"

	"github.com/godbus/dbus/v5"
)

// Names on the bus, as org.freedesktop.login1(5) and the D-Bus specification have them.
const (
	busName     = "org.freedesktop.DBus"
	name        = "org.freedesktop.login1"
	manager     = name + ".Manager"
	user        = name + ".User"
	session     = name + ".Session"
	sessions    = "/org/freedesktop/login1/session"
	properties  = "org.freedesktop.DBus.Properties"
	ownerChange = busName + ".NameOwnerChanged"
)

// maxLocked bounds the sessions that were locked and not looked at yet.
const maxLocked = 64

// heard is what the bus told and was not answered yet: never more than this,
// whatever is sent. Anybody on the bus may send anything to this connection; the
// sender alone can't be forged.
type heard struct {
	news chan struct{} // holds one

	mu     sync.Mutex // guards what follows
	owner  string     // of logind's name; empty until it is known
	sleep  bool       // the machine goes to sleep
	woke   bool       // and this is over
	look   bool       // sessions came or went
	lost   bool       // logind's name has another owner
	locked map[dbus.ObjectPath]bool
}

func newHeard() *heard {
	return &heard{news: make(chan struct{}, 1), locked: make(map[dbus.ObjectPath]bool)}
}

// trust has signals of that sender believed from now on.
func (h *heard) trust(owner string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.owner = owner
}

// take is what was heard since it was called last.
func (h *heard) take() (sleep, woke, look, lost bool, locked []dbus.ObjectPath) {
	h.mu.Lock()
	defer h.mu.Unlock()
	sleep, woke, look, lost = h.sleep, h.woke, h.look, h.lost
	locked = slices.Collect(maps.Keys(h.locked))
	h.sleep, h.woke, h.look, h.lost = false, false, false, false
	clear(h.locked)
	return sleep, woke, look, lost, locked
}

// DeliverSignal implements dbus.SignalHandler.
func (h *heard) DeliverSignal(_, _ string, s *dbus.Signal) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case s.Sender == busName && s.Name == ownerChange:
		changed, _ := first[string](s)
		if changed != name {
			return
		}
		h.lost = true
	case h.owner == "" || s.Sender != h.owner:
		return
	case s.Name == manager+".PrepareForSleep":
		begins, ok := first[bool](s)
		switch {
		case !ok:
			return
		case begins:
			h.sleep, h.woke = true, false
		default:
			h.woke = true
		}
	case s.Name == manager+".SessionRemoved", s.Name == manager+".UserRemoved":
		h.look = true
	case s.Name == session+".Lock", s.Name == properties+".PropertiesChanged" && showsLocked(s):
		if len(h.locked) < maxLocked {
			h.locked[s.Path] = true
		}
	default:
		return
	}
	select {
	case h.news <- struct{}{}:
	default:
	}
}

// showsLocked reports whether properties of a session changed to locked.
func showsLocked(s *dbus.Signal) bool {
	if of, _ := first[string](s); of != session || len(s.Body) < 2 {
		return false
	}
	changed, _ := s.Body[1].(map[string]dbus.Variant)
	locked, _ := changed["LockedHint"].Value().(bool)
	return locked
}

// first is the first argument of a signal, if it has that type.
func first[T any](s *dbus.Signal) (v T, ok bool) {
	if len(s.Body) == 0 {
		return v, false
	}
	v, ok = s.Body[0].(T)
	return v, ok
}
