// Package config is the daemon's configuration: defaults for the machine and for
// a user, one TOML file over them, and bounds. It is strict: an unknown key, a
// wrong type or a value out of bounds is an error with file and line, and a
// file that somebody else could change is not read at all.
package config
