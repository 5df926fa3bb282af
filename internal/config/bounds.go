package config

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vaultd/vaultd/internal/paths"
)

// broken is a value out of bounds.
type broken struct {
	key  string // "socket.path"
	what string
}

// broken lists what is out of bounds.
func (c Config) broken() []broken {
	var all []broken
	bad := func(key, format string, args ...any) {
		section, name, _ := strings.Cut(key, ".")
		all = append(all, broken{key, fmt.Sprintf("[%s] %s: ", section, name) + fmt.Sprintf(format, args...)})
	}

	if !filepath.IsAbs(c.Store.Dir) {
		bad("store.dir", "%q is not an absolute path", c.Store.Dir)
	}
	if a := c.Store.Anchor; a != "" {
		switch rel, err := filepath.Rel(c.Store.Dir, a); {
		case !filepath.IsAbs(a):
			bad("store.anchor", "%q is not an absolute path", a)
		case err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)):
			bad("store.anchor", "%s lies within the store, where it would be rolled back with it; put it elsewhere", a)
		}
	}
	if d := c.Access.PolicyDir; d != "" && !filepath.IsAbs(d) {
		bad("access.policy_dir", "%q is not an absolute path", d)
	}
	for i, source := range c.Unseal.Sources {
		if !slices.Contains(UnsealSources, source) {
			bad("unseal.sources", "%q is none of %s", source, strings.Join(UnsealSources, ", "))
		} else if slices.Contains(c.Unseal.Sources[:i], source) {
			bad("unseal.sources", "%q is there twice", source)
		}
	}
	if f := c.Unseal.KeyFile; f != "" {
		switch rel, err := filepath.Rel(c.Store.Dir, f); {
		case !filepath.IsAbs(f):
			bad("unseal.key_file", "%q is not an absolute path", f)
		case err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)):
			bad("unseal.key_file", "%s lies within the store, so that every copy of the store would hold the key to it; put it elsewhere", f)
		}
	}
	if d := c.Unseal.TPM; d != "" && !filepath.IsAbs(d) {
		bad("unseal.tpm", "%q is not an absolute path", d)
	}
	if a := c.Audit; a.Enabled {
		switch rel, err := filepath.Rel(c.Store.Dir, a.Dir); {
		case !filepath.IsAbs(a.Dir):
			bad("audit.directory", "%q is not an absolute path", a.Dir)
		case err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)):
			bad("audit.directory", "%s lies within the store; put it elsewhere", a.Dir)
		}
		within(bad, "audit.segment_size", a.SegmentSize, 1<<20, 1<<30)
	}
	if p := c.Audit.Pipe; p != "" && !filepath.IsAbs(p) {
		bad("audit.pipe", "%q is not an absolute path", p)
	}
	if r := c.Store.OnTampering; r != ReactWarn && r != ReactSeal {
		bad("store.on_tampering", "%q is neither \"warn\" nor \"seal\"", string(r))
	}
	if m := c.Metrics; m.Socket != "" {
		if err := paths.CheckSocket(m.Socket); err != nil {
			bad("metrics.socket", "%v", err)
		}
		if m.Socket == c.Socket.Path {
			bad("metrics.socket", "%s is the daemon's own socket, which serves no metrics; choose another", m.Socket)
		}
	}
	mode(bad, "metrics.mode", c.Metrics.Mode)
	if err := paths.CheckSocket(c.Socket.Path); err != nil {
		bad("socket.path", "%v", err)
	}
	mode(bad, "socket.mode", c.Socket.Mode)
	for _, g := range c.Access.AdminGroups {
		if g == "" || strings.ContainsAny(g, ":\n\x00") {
			bad("access.admin_groups", "%q is not the name of a group", g)
		}
	}
	if l := c.Log.Level; l < slog.LevelDebug || l > slog.LevelError {
		bad("log.level", "%v is none of debug, info, warn, error", l)
	}

	within(bad, "store.min_free", c.Store.MinFree, 0, 1<<40)
	within(bad, "store.ballast", c.Store.Ballast, 0, 1<<30)
	l := c.Limits
	within(bad, "limits.message_size", l.MessageSize, 64<<10, 64<<20)
	within(bad, "limits.connections", l.Connections, 4, 65536)
	within(bad, "limits.connections_per_user", l.ConnectionsPerUser, 1, l.Connections)
	within(bad, "limits.reserved_connections", l.ReservedConnections, 2, l.Connections/2)
	within(bad, "limits.in_flight", l.InFlight, 1, 4096)
	within(bad, "limits.memory", l.Memory, 4*l.MessageSize, 1<<40)
	within(bad, "limits.memory_per_user", l.MemoryPerUser, 2*l.MessageSize, l.Memory)
	within(bad, "limits.expensive", l.Expensive, 0, 1024)
	within(bad, "limits.expensive_per_user", l.ExpensivePerUser, 1, 1024)
	within(bad, "limits.requests_per_second", l.RequestsPerSecond, 0, 10_000_000)
	within(bad, "limits.request_burst", l.RequestBurst, 1, 10_000_000)
	within(bad, "limits.changes_per_second", l.ChangesPerSecond, 0, 10_000_000)
	within(bad, "limits.change_burst", l.ChangeBurst, 1, 10_000_000)
	within(bad, "limits.keys_per_owner", l.KeysPerOwner, 0, 1_000_000_000)
	const second, hour = Duration(time.Second), Duration(time.Hour)
	within(bad, "limits.request_timeout", l.RequestTimeout, second, hour)
	within(bad, "limits.idle_timeout", l.IdleTimeout, second, 24*hour)
	within(bad, "limits.header_timeout", l.HeaderTimeout, second/10, hour)
	within(bad, "limits.write_timeout", l.WriteTimeout, second/10, hour)
	within(bad, "events.expiring_before", c.Events.ExpiringBefore, hour, 365*24*hour)
	if i := c.Seal.Idle; i != 0 && (i < second || i > 30*24*hour) {
		bad("seal.idle", "%v is out of bounds; it is from %v to %v, or \"0s\" for never", i, second, 30*24*hour)
	}
	return all
}

// mode refuses modes that no socket should have.
func mode(bad func(string, string, ...any), key string, m Mode) {
	if m&0o600 != 0o600 {
		bad(key, "%v shuts the daemon's own user out; it needs at least 0600", m)
	}
	if m&0o111 != 0 {
		bad(key, "%v has execute bits, which mean nothing on a socket", m)
	}
}

func within[T ~int | ~int64](bad func(string, string, ...any), key string, v, low, high T) {
	if v < low || v > high {
		bad(key, "%v is out of bounds; it is from %v to %v", v, low, high)
	}
}
