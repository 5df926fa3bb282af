package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"
	"github.com/vaultd/vaultd/internal/config"
	"github.com/vaultd/vaultd/internal/paths"
	"github.com/vaultd/vaultd/vault/fault"
)

// settings are the flags that all commands share.
type settings struct {
	config, store, anchor, socket string
	level                         string
	system, user                  bool
}

func (s *settings) flags(f *pflag.FlagSet) {
	f.StringVar(&s.config, "config", "", "configuration `file` (default: vaultd.toml of the machine or the user, if it is there)")
	f.StringVar(&s.store, "store", "", "store `directory`; its anchor is DIRECTORY.anchor unless --anchor says otherwise, its audit log in DIRECTORY.audit")
	f.StringVar(&s.anchor, "anchor", "", "rollback anchor, a `file` outside the store")
	f.StringVar(&s.socket, "socket", "", "`path` of the Unix socket")
	f.StringVar(&s.level, "log-level", "", "debug, info, warn or error")
	f.BoolVar(&s.system, "system", false, "serve the machine (default when root)")
	f.BoolVar(&s.user, "user", false, "serve the user (default when not root)")
}

// load is the configuration that a start uses: defaults, then the file, then the flags.
func (s *settings) load() (config.Config, error) {
	c, _, err := s.read()
	return c, err
}

// found is what there was of a configuration file.
type found uint8

const (
	noFile found = iota
	emptyFile
	wholeFile
)

// read is load, and says what it has found of the file.
func (s *settings) read() (config.Config, found, error) {
	base, file, err := s.base()
	if err != nil {
		return config.Config{}, noFile, err
	}
	c, was := base, noFile
	if file != "" {
		c, err = config.Load(file, base)
		was = wholeFile
	}
	switch {
	case errors.Is(err, config.ErrEmpty):
		was = emptyFile
	case errors.Is(err, fs.ErrNotExist) && s.config == "":
		c, was = base, noFile
	case errors.Is(err, fs.ErrNotExist):
		return config.Config{}, noFile, usage("there is no configuration file %s", s.config)
	case err != nil:
		return config.Config{}, was, err
	}
	if err := s.override(&c); err != nil {
		return config.Config{}, was, err
	}
	if err := c.Check(); err != nil {
		return config.Config{}, was, usage("%v", err)
	}
	return c, was, nil
}

// machine reports whether the vault is the machine's, and not a user's own.
func (s *settings) machine() bool { return s.system || !s.user && os.Geteuid() == 0 }

// base is where the configuration starts from, and the file that may change
// it, empty for none.
func (s *settings) base() (config.Config, string, error) {
	if s.system && s.user {
		return config.Config{}, "", usage("--system and --user exclude each other")
	}
	if s.machine() {
		return config.System(), first(s.config, paths.System().Config), nil
	}
	places, err := paths.User(os.Getenv)
	if errors.Is(err, paths.ErrNoHome) && s.store != "" && s.socket != "" {
		// Everything that HOME would tell is told.
		c := config.System()
		c.Socket.Mode = 0o600
		c.Access.PolicyDir = ""
		return c, s.config, nil
	}
	if err != nil {
		return config.Config{}, "", err
	}
	c, err := config.User(os.Getenv)
	return c, first(s.config, places.Config), err
}

func (s *settings) override(c *config.Config) error {
	for _, f := range []struct {
		value string
		into  *string
	}{
		{s.store, &c.Store.Dir}, {s.anchor, &c.Store.Anchor}, {s.socket, &c.Socket.Path},
	} {
		if f.value == "" {
			continue
		}
		absolute, err := filepath.Abs(f.value)
		if err != nil {
			return fmt.Errorf("find %s: %w", f.value, err)
		}
		*f.into = absolute
	}
	if s.store != "" && s.anchor == "" {
		// The configured anchor belongs to the configured store.
		c.Store.Anchor = c.Store.Dir + ".anchor"
	}
	if s.store != "" {
		c.Audit.Dir = c.Store.Dir + ".audit"
	}
	if s.level != "" {
		var level slog.Level
		if err := level.UnmarshalText([]byte(s.level)); err != nil {
			return usage("--log-level: %q is none of debug, info, warn, error", s.level)
		}
		c.Log.Level = level
	}
	return nil
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func usage(format string, args ...any) error { return fault.E(fault.CodeUsage, format, args...) }
