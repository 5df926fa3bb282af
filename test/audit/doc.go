// Package audit holds the tests of the audit log of the daemon as it is
// shipped: killed at any moment, on a full disk, and edited behind its back.
package audit
