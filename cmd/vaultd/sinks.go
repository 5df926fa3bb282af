package main

import (
	"github.com/vaultd/vaultd/internal/config"
	"github.com/vaultd/vaultd/vault/audit"
	"github.com/vaultd/vaultd/vault/audit/journald"
	"github.com/vaultd/vaultd/vault/audit/pipe"
)

// sinksOf are the second copies of the audit log. None is opened here: one that
// is not there yet is tried again for as long as the daemon runs.
func sinksOf(c config.Audit) (sinks []audit.Sink) {
	if c.Journald {
		sinks = append(sinks, audit.Sink{Name: "journald", Writer: journald.Writer{}})
	}
	if c.Pipe != "" {
		sinks = append(sinks, audit.Sink{Name: "pipe", Writer: pipe.New(c.Pipe)})
	}
	return sinks
}
