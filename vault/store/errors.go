package store

import (
	"errors"
	"fmt"
)

// What the store refuses, and why. Compare with errors.Is; the text that
// comes with them says more.
var (
	// ErrNotFound says that no live record has the ID.
	ErrNotFound = errors.New("no such record")
	// ErrConflict says that a record's version is not the expected one. The
	// whole batch was refused and nothing of it was written.
	ErrConflict = errors.New("record was changed meanwhile")
	// ErrTooLarge says that a path, body or batch is over its limit.
	ErrTooLarge = errors.New("record or batch too large")
	// ErrFull says that the file system has too little space left. Nothing
	// was written; the store goes on by itself when space returns.
	ErrFull = errors.New("file system full")
	// ErrFailed says that a write failed earlier and the store takes no more
	// commits. Records can still be read, as far as Badger can still find them.
	// Close it and open it again.
	ErrFailed = errors.New("store stopped after a write error")
	// ErrClosed says that the store was closed.
	ErrClosed = errors.New("store is closed")
	// ErrRolledBack says that the store is older than the anchor outside it,
	// or that the anchor is gone.
	ErrRolledBack = errors.New("store is older than its anchor")
	// ErrLocked says that another process has the directory open.
	ErrLocked = errors.New("directory is in use by another process")
	// ErrNetworkFS says that the directory is on a network file system, where
	// neither locks nor fsync can be relied on.
	ErrNetworkFS = errors.New("network file system")
	// ErrPermissions says that others can write to the directory or a file in
	// it, or that it belongs to another user.
	ErrPermissions = errors.New("unsafe permissions")
	// ErrExists says that the directory holds a store already.
	ErrExists = errors.New("directory holds a store already")
	// ErrNoStore says that the directory holds no store.
	ErrNoStore = errors.New("directory holds no store")
	// ErrWrongKey says that the keyring, undamaged by its checksum, does not
	// open under the root key: it belongs to another vault, or was forged.
	ErrWrongKey = errors.New("keyring does not open under this root key")
)

// ErrCorrupt says which file, or which record in it, is damaged. The store
// never repairs such damage while opening: Check with Repair does.
type ErrCorrupt struct {
	Where string // file name within the store directory
	What  string // what is wrong, for people
}

func (e *ErrCorrupt) Error() string {
	return fmt.Sprintf("store damaged: %s: %s", e.Where, e.What)
}

func corrupt(where, format string, args ...any) error {
	return &ErrCorrupt{Where: where, What: fmt.Sprintf(format, args...)}
}
