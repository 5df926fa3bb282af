// Package journald is the sink of an audit log that gives systemd's journal one
// entry for each record, with the record's line as the message and what people
// search for as fields:
//
//	journalctl -t vaultd-audit VAULTD_OUTCOME=denied
package journald
