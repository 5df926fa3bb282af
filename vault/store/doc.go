// Package store keeps sealed records on disk for package vault and answers
// for them: after a crash, a power cut, a write error, a full disk or a
// flipped bit a record is there exactly as it was acknowledged, or the store
// says what is damaged. It never guesses.
//
// Three copies carry a record. Two identical journals (journal-N.a and
// journal-N.b) are the authority: every commit is one sealed, hash-chained
// frame, written to both and fsynced before the commit is acknowledged.
// Badger, in db-N, is the fast copy. It is opened only when the file "clean"
// attests every byte of it, and is built anew from the journal otherwise, so
// that its behaviour on damaged files never matters.
//
// The store knows no owners, keys or passwords. It sees a kind, a path and a
// body; paths are blinded and bodies sealed before anything reaches a file.
// The vault's header files lie in the same directory and are none of its
// business. docs/FORMAT.md gives every byte.
package store
