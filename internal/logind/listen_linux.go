package logind

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
)

// connection is one connection to the bus, and what is remembered while it lasts.
type connection struct {
	*Watcher
	bus   *dbus.Conn
	heard *heard
	delay *os.File // makes sleep wait; nil without
}

// listen hears from logind until that is no longer possible, and says why.
func (w *Watcher) listen(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // closes the connection
	late := time.AfterFunc(callTime, cancel)
	c := &connection{Watcher: w, heard: newHeard()}
	if err := c.connect(ctx); err != nil {
		return err
	}
	late.Stop()
	defer c.bus.Close()
	defer c.release()
	if err := c.subscribe(ctx); err != nil {
		return err
	}
	delayed := c.inhibit(ctx)
	if err := c.lookAtUser(ctx); err != nil {
		return err
	}
	w.health(delayed)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		look := false
		select {
		case <-c.bus.Context().Done():
			return errors.New("the connection to the system's D-Bus ended")
		case <-tick.C:
			look = true
		case <-c.heard.news:
		}
		if err := c.answer(ctx, look); err != nil {
			return err
		}
	}
}

// connect opens a connection. Addresses of other kinds would start programs or
// reach beyond the machine.
func (c *connection) connect(ctx context.Context) error {
	if a := os.Getenv("DBUS_SYSTEM_BUS_ADDRESS"); a != "" && (!strings.HasPrefix(a, "unix:") || strings.Contains(a, ";")) {
		return errors.New("DBUS_SYSTEM_BUS_ADDRESS is no Unix socket")
	}
	bus, err := dbus.ConnectSystemBus(dbus.WithContext(ctx), dbus.WithSignalHandler(c.heard))
	if err != nil {
		return fmt.Errorf("connect to the system's D-Bus: %w", err)
	}
	c.bus = bus
	return nil
}

// subscribe asks for the signals first and for logind's address after that, so
// that no change of it is missed.
func (c *connection) subscribe(ctx context.Context) error {
	wanted := [][]dbus.MatchOption{{
		dbus.WithMatchSender(busName), dbus.WithMatchInterface(busName),
		dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, name),
	}}
	from := func(of, member string, more ...dbus.MatchOption) {
		wanted = append(wanted, append(more, dbus.WithMatchSender(name), dbus.WithMatchInterface(of), dbus.WithMatchMember(member)))
	}
	if c.events.Sleep != nil {
		from(manager, "PrepareForSleep")
	}
	if c.events.Logout != nil {
		from(manager, "SessionRemoved")
		from(manager, "UserRemoved")
	}
	if c.events.Lock != nil {
		from(session, "Lock")
		from(properties, "PropertiesChanged", dbus.WithMatchPathNamespace(sessions), dbus.WithMatchArg(0, session))
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	for _, options := range wanted {
		if err := c.bus.AddMatchSignalContext(ctx, options...); err != nil {
			return fmt.Errorf("listen on the system's D-Bus: %w", err)
		}
	}
	var owner string
	if err := c.bus.BusObject().CallWithContext(ctx, busName+".GetNameOwner", 0, name).Store(&owner); err != nil {
		return fmt.Errorf("look for logind: %w", err)
	}
	c.heard.trust(owner)
	return nil
}

// answer does what is to be done about what was heard.
func (c *connection) answer(ctx context.Context, look bool) error {
	sleep, woke, changed, lost, locked := c.heard.take()
	if sleep && c.events.Sleep != nil {
		c.events.Sleep()
		c.release()
	}
	if woke {
		c.health(c.inhibit(ctx))
	}
	if look || changed {
		if err := c.lookAtUser(ctx); err != nil {
			return err
		}
	}
	for _, path := range locked {
		if c.events.Lock != nil && c.owns(ctx, path) {
			c.events.Lock()
			break
		}
	}
	if lost {
		return errors.New("logind was restarted, or ended")
	}
	return nil
}

// lookAtUser tells of a user who had a session before and has none now.
func (c *connection) lookAtUser(ctx context.Context) error {
	if c.events.Logout == nil {
		return nil
	}
	now, err := c.presence(ctx)
	if err != nil {
		return err
	}
	if c.last == present && now == absent {
		defer c.events.Logout()
	}
	if now != unknown {
		c.last = now
	}
	return nil
}

// call asks logind, and starts none where there is none.
func (c *connection) call(ctx context.Context, path dbus.ObjectPath, method string, args ...any) *dbus.Call {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	return c.bus.Object(name, path).CallWithContext(ctx, method, dbus.FlagNoAutoStart, args...)
}

const root = dbus.ObjectPath("/org/freedesktop/login1")

// inhibit has the next sleep wait for this process. Until release, that is: a lock
// that was not given leaves it to chance who is first.
func (c *connection) inhibit(ctx context.Context) error {
	if c.events.Sleep == nil {
		return nil
	}
	c.release()
	var fd dbus.UnixFD
	err := c.call(ctx, root, manager+".Inhibit", "sleep", "vaultd", "keys are wiped from memory first", "delay").Store(&fd)
	if err != nil {
		return fmt.Errorf("sleep does not wait for the vault to be sealed: %w", err)
	}
	c.delay = os.NewFile(uintptr(fd), "inhibitor")
	return nil
}

func (c *connection) release() {
	if c.delay != nil {
		_ = c.delay.Close() // nothing is written to it
		c.delay = nil
	}
}

// presence tells whether the user has a session that has not ended. logind says
// "lingering" or "closing" of users without one whose programs go on, and
// "opening" while the user's service manager starts, session or not.
func (c *connection) presence(ctx context.Context) (presence, error) {
	var path dbus.ObjectPath
	err := c.call(ctx, root, manager+".GetUser", c.events.UID).Store(&path)
	var state dbus.Variant
	if err == nil {
		err = c.call(ctx, path, properties+".Get", user, "State").Store(&state)
	}
	var refused dbus.Error
	if errors.As(err, &refused) && (refused.Name == name+".NoSuchUser" || refused.Name == busName+".Error.UnknownObject") {
		return absent, nil
	}
	if err != nil {
		return unknown, fmt.Errorf("ask logind for sessions: %w", err)
	}
	switch s, _ := state.Value().(string); s {
	case "active", "online":
		return present, nil
	case "lingering", "closing", "offline":
		return absent, nil
	}
	return unknown, nil
}

// owns reports whether the session is one of the user's.
func (c *connection) owns(ctx context.Context, path dbus.ObjectPath) bool {
	var owner dbus.Variant
	if c.call(ctx, path, properties+".Get", session, "User").Store(&owner) != nil {
		return false
	}
	of, _ := owner.Value().([]any)
	if len(of) != 2 {
		return false
	}
	uid, ok := of[0].(uint32)
	return ok && uid == c.events.UID
}
