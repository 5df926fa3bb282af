package main

import (
	"log/slog"
	"os"

	"github.com/vaultd/vaultd/internal/config"
	"golang.org/x/term"
)

// newLog writes to standard error: text for a person at a terminal, JSON for the
// program that collects it.
func newLog(c config.Log) *slog.Logger {
	o := &slog.HandlerOptions{Level: c.Level}
	if c.Format == config.FormatText || c.Format == config.FormatAuto && atTerminal() {
		return slog.New(slog.NewTextHandler(os.Stderr, o))
	}
	return slog.New(slog.NewJSONHandler(os.Stderr, o))
}

func atTerminal() bool { return term.IsTerminal(int(os.Stderr.Fd())) }
