// Package secrets looks for what must not be found: key material, passwords,
// names of owners and keys, and plaintexts, in every file that a daemon
// writes, in its logs, and in what a crash leaves. It looks for the bytes as
// they are and as hexadecimal or base64 text.
package secrets
