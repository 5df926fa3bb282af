// Package vault is the domain of vaultd: a vault that is sealed or unsealed,
// the keys in it, their owners, and what each may be used for.
//
// It knows nothing of sockets, processes or protobuf: callers hand it names,
// bytes and, where it matters, who asked; they have authorized the call before
// (see package policy). Secrets live in locked memory while the vault is
// unsealed and are wiped when it is sealed. What is on disk, byte by byte, is
// in docs/FORMAT.md; the files header and header.backup are written here, and
// everything else in the directory by package store.
package vault
