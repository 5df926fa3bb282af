// Package audit is the append-only log of what was asked of the vault and what
// was answered. It knows no keys, no sockets and no policy: a Record comes in,
// a line goes to disk, and nobody can change that line later without Verify
// naming it.
//
// A directory holds the log. Records are JSON lines in segment files, and each
// line is a leaf of one Merkle tree (RFC 6962, computed as in
// golang.org/x/mod/sumdb/tlog) that runs across all segments. The tree's head
// is signed into checkpoints (C2SP tlog-checkpoint and signed-note), by an
// Ed25519 key that the vault derives and hands over only while it is unsealed;
// until then records are leaves already, and the next checkpoint covers them.
//
// What is acknowledged is on disk: Append waits for an fsync that it shares
// with everybody who waits at the same time, AppendHot does not wait and loses
// at most what Options.Interval and Options.MaxUnsynced say. A log that can't
// be written refuses, and works again by itself as soon as it can be.
//
// Secrets do not belong in a Record; the package can't know them and does not
// look. docs/AUDIT.md gives every file and every byte.
package audit
