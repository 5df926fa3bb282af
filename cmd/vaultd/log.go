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
	log, _ := newLiveLog(c)
	return log
}

// newLiveLog is newLog with a level that can change.
func newLiveLog(c config.Log) (*slog.Logger, *slog.LevelVar) {
	level := new(slog.LevelVar)
	level.Set(c.Level)
	o := &slog.HandlerOptions{Level: level}
	if c.Format == config.FormatText || c.Format == config.FormatAuto && atTerminal() {
		return slog.New(slog.NewTextHandler(os.Stderr, o)), level
	}
	return slog.New(slog.NewJSONHandler(os.Stderr, o)), level
}

func atTerminal() bool { return term.IsTerminal(int(os.Stderr.Fd())) }
