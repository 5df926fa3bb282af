package fault

import "fmt"

// Error is a failure that a user can act on. Message says what is wrong, Hint
// the way out; neither ever holds a secret. Two Errors match under errors.Is
// when their codes are equal.
type Error struct {
	Code    Code
	Message string
	Hint    string
	Ref     string // id of the decision or approval that the error is about, empty for most
	Err     error  // the cause, for logs on the daemon's side; never sent to a client
}

// Error is the message with its hint.
func (e *Error) Error() string {
	s := e.Message
	if s == "" {
		s = string(e.Code)
	}
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is an Error of the same code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// E makes an Error; the message is formatted as by fmt.Sprintf.
func E(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// WithHint returns a copy that tells the way out.
func (e *Error) WithHint(format string, args ...any) *Error {
	c := *e
	c.Hint = fmt.Sprintf(format, args...)
	return &c
}

// About returns a copy that carries the id of what it is about.
func (e *Error) About(ref string) *Error {
	c := *e
	c.Ref = ref
	return &c
}

// Because returns a copy that keeps the cause for the daemon's log.
func (e *Error) Because(err error) *Error {
	c := *e
	c.Err = err
	return &c
}

// Sentinels to compare with errors.Is.
var (
	ErrNotInitialized    = E(CodeNotInitialized, "there is no vault here yet").WithHint("run 'vaultctl init'")
	ErrSealed            = E(CodeSealed, "the vault is sealed").WithHint("run 'vaultctl unseal'")
	ErrWrongPassword     = E(CodeWrongPassword, "wrong password")
	ErrHeaderDamaged     = E(CodeHeaderDamaged, "the vault header is damaged").WithHint("stop the daemon and run 'vaultd check --repair'")
	ErrStoreRolledBack   = E(CodeStoreRolledBack, "the store is older than its anchor says")
	ErrStoreCorrupt      = E(CodeStoreCorrupt, "the store is damaged").WithHint("stop the daemon and run 'vaultd check'")
	ErrStoreFailed       = E(CodeStoreFailed, "the store stopped after a write error").WithHint("look at the daemon's log, then seal and unseal")
	ErrStorageFull       = E(CodeStorageFull, "the disk is full").WithHint("free some space; sealing and revoking still work")
	ErrKeyNotFound       = E(CodeKeyNotFound, "no such key")
	ErrKeyExists         = E(CodeKeyExists, "the key exists already")
	ErrPermissionDenied  = E(CodePermissionDenied, "permission denied")
	ErrExpired           = E(CodeExpired, "the key has expired")
	ErrRevoked           = E(CodeRevoked, "the key is revoked")
	ErrOwnerRevoked      = E(CodeOwnerRevoked, "the owner is revoked")
	ErrKeyDestroyed      = E(CodeKeyDestroyed, "the key is destroyed")
	ErrInvalidCiphertext = E(CodeInvalidCiphertext, "the ciphertext, its context or its key is not right")
	ErrInvalidSignature  = E(CodeInvalidSignature, "the signature does not verify")
	ErrWrongKeyUsage     = E(CodeWrongKeyUsage, "the key is not allowed to do this")
	ErrReplayed          = E(CodeReplayed, "this exchange is finished already")
)
