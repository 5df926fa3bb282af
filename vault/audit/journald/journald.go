package journald

import (
	"bytes"
	"strconv"

	"github.com/coreos/go-systemd/v22/journal"

	"github.com/vaultd/vaultd/vault/audit"
)

// Identifier is SYSLOG_IDENTIFIER of every entry.
const Identifier = "vaultd-audit"

// Writer sends lines to the journal of this machine.
type Writer struct{}

// Write sends each line as an entry. With an error it returns the length of the
// lines that were sent.
func (Writer) Write(lines []byte) (int, error) {
	sent := 0
	for line := range bytes.Lines(lines) {
		text := bytes.TrimSuffix(line, []byte("\n"))
		priority, fields := describe(text)
		if err := journal.Send(string(text), priority, fields); err != nil {
			return sent, err
		}
		sent += len(line)
	}
	return sent, nil
}

// describe is the priority of a line, and its fields, which journald indexes.
func describe(line []byte) (journal.Priority, map[string]string) {
	fields := map[string]string{"SYSLOG_IDENTIFIER": Identifier}
	r, err := audit.Decode(line)
	if err != nil {
		return journal.PriErr, fields // none of ours; the message has it all the same
	}
	for name, value := range map[string]string{
		"VAULTD_SEQ":     strconv.FormatInt(r.Seq, 10),
		"VAULTD_UID":     strconv.FormatUint(uint64(r.Principal.UID), 10),
		"VAULTD_USER":    r.Principal.User,
		"VAULTD_UNIT":    r.Principal.Unit,
		"VAULTD_ACTION":  r.Action,
		"VAULTD_OUTCOME": string(r.Outcome),
		"VAULTD_CODE":    r.Code,
		"VAULTD_OWNER":   r.Owner,
		"VAULTD_KEY":     r.Key.Name,
		"VAULTD_REQUEST": r.Request,
	} {
		if value != "" {
			fields[name] = value
		}
	}
	return priority(&r), fields
}

// priority lets 'journalctl -p warning' show what somebody should look at.
func priority(r *audit.Record) journal.Priority {
	switch {
	case r.Action == audit.ActionTampered, r.Action == audit.ActionFilesTampered:
		return journal.PriCrit
	case r.Outcome == audit.Denied:
		return journal.PriWarning
	case r.Outcome == audit.Failed:
		return journal.PriNotice
	}
	return journal.PriInfo
}
