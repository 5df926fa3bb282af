package config

import (
	"reflect"
	"slices"
)

// Effect is when a changed setting takes effect.
type Effect uint8

// The effects.
const (
	Restart Effect = iota // when the daemon is started again
	Live                  // at once
)

// effects has every setting. What is opened or bound once, at the start, and
// could not be exchanged under those who use it, takes a restart.
var effects = map[string]Effect{
	"store.dir":      Restart,
	"store.anchor":   Restart,
	"store.min_free": Restart,
	"store.ballast":  Restart,

	"store.on_tampering": Restart,

	"socket.path":  Restart,
	"socket.mode":  Restart,
	"socket.group": Restart,

	"access.admin_groups": Live,
	"access.policy_dir":   Restart, // what is in the directory is live

	// Used at the start and at a reload.
	"unseal.sources":  Live,
	"unseal.key_file": Live,
	"unseal.tpm":      Restart,
	"seal.idle":       Live,
	"seal.on_suspend": Live,
	"seal.on_logout":  Live,
	"seal.on_lock":    Live,

	"audit.enabled":      Restart,
	"audit.directory":    Restart,
	"audit.segment_size": Restart,
	"audit.compress":     Restart,
	"audit.journald":     Restart,
	"audit.pipe":         Restart,

	"metrics.socket": Restart,
	"metrics.mode":   Restart,
	"metrics.group":  Restart,

	"events.expiring_before": Restart,

	"limits.message_size":         Live,
	"limits.connections":          Live,
	"limits.connections_per_user": Live,
	"limits.reserved_connections": Live,
	"limits.in_flight":            Live,
	"limits.memory":               Live,
	"limits.memory_per_user":      Live,
	"limits.expensive":            Live,
	"limits.expensive_per_user":   Live,
	"limits.requests_per_second":  Live,
	"limits.request_burst":        Live,
	"limits.changes_per_second":   Live,
	"limits.change_burst":         Live,
	"limits.keys_per_owner":       Live,
	"limits.request_timeout":      Live,
	"limits.header_timeout":       Live,
	"limits.write_timeout":        Live,
	"limits.idle_timeout":         Live,

	"log.level":  Live,
	"log.format": Restart,
}

// Differences are the settings in which c differs from before, as people write
// them ("[store] dir"): those that take effect at once, and those that need a restart.
func (c Config) Differences(before Config) (live, restart []string) {
	c.each(before, func(section, key string, now, was reflect.Value) {
		if reflect.DeepEqual(now.Interface(), was.Interface()) {
			return
		}
		name := "[" + section + "] " + key
		if effects[section+"."+key] == Live {
			live = append(live, name)
		} else {
			restart = append(restart, name)
		}
	})
	return live, restart
}

// WithLive is c with the settings of next that take effect at once.
func (c Config) WithLive(next Config) Config {
	c.Access.AdminGroups = slices.Clone(c.Access.AdminGroups)
	c.Unseal.Sources = slices.Clone(c.Unseal.Sources)
	v := reflect.ValueOf(&c).Elem()
	next.each(c, func(section, key string, now, _ reflect.Value) {
		if effects[section+"."+key] == Live {
			fields(fields(v)[section])[key].Set(now)
		}
	})
	return c
}

// each calls fn with every setting in the order of the file.
func (c Config) each(other Config, fn func(section, key string, one, two reflect.Value)) {
	a, b := reflect.ValueOf(c), reflect.ValueOf(other)
	for i := range a.NumField() {
		section := a.Type().Field(i)
		for j := range section.Type.NumField() {
			fn(section.Tag.Get("toml"), section.Type.Field(j).Tag.Get("toml"), a.Field(i).Field(j), b.Field(i).Field(j))
		}
	}
}
