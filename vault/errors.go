package vault

import "fmt"

// Class groups error codes by what a caller can do about them. Its number is
// the exit code of vaultctl, and never changes.
type Class uint8

// The classes.
const (
	ClassInternal    Class = 1
	ClassUsage       Class = 2
	ClassNotFound    Class = 3
	ClassDenied      Class = 4
	ClassState       Class = 5
	ClassKeyUsage    Class = 6
	ClassCrypto      Class = 7
	ClassSealed      Class = 8
	ClassUnavailable Class = 9
	ClassIntegrity   Class = 10
)

// Code is the stable name of one kind of failure. Programs compare it; people
// read the message beside it.
type Code string

// The codes, each with the class that codeClass gives it.
const (
	CodeInternal Code = "internal"

	CodeUsage                Code = "usage"
	CodeBadArgument          Code = "bad_argument"
	CodeBadContext           Code = "bad_context"
	CodeUnsupportedAlgorithm Code = "unsupported_algorithm"
	CodeTooLarge             Code = "too_large"
	CodeUnknownMethod        Code = "unknown_method"

	CodeKeyNotFound     Code = "key_not_found"
	CodeVersionNotFound Code = "version_not_found"
	CodeOwnerNotFound   Code = "owner_not_found"

	CodePermissionDenied Code = "permission_denied"
	CodeQuotaExceeded    Code = "quota_exceeded"
	CodeRateLimited      Code = "rate_limited"

	CodeKeyExists      Code = "key_exists"
	CodeOwnerExists    Code = "owner_exists"
	CodeExpired        Code = "expired"
	CodeNotYetValid    Code = "not_yet_valid"
	CodeRevoked        Code = "revoked"
	CodeOwnerRevoked   Code = "owner_revoked"
	CodeKeyDestroyed   Code = "key_destroyed"
	CodeNotExportable  Code = "not_exportable"
	CodeNotInitialized Code = "not_initialized"
	CodeInitialized    Code = "already_initialized"
	CodeUnsealed       Code = "already_unsealed"
	CodeReplayed       Code = "exchange_replayed"
	CodeNoExchange     Code = "exchange_not_found"
	CodeClockRegressed Code = "clock_regressed"

	CodeWrongKeyUsage Code = "wrong_key_usage"
	CodeIncorrectKey  Code = "incorrect_key"

	CodeInvalidCiphertext Code = "invalid_ciphertext"
	CodeInvalidSignature  Code = "invalid_signature"
	CodeInvalidMAC        Code = "invalid_mac"
	CodeInvalidPeerKey    Code = "invalid_peer_key"
	CodeInvalidMessage    Code = "invalid_message"
	CodeWrongPassphrase   Code = "wrong_passphrase"
	CodeWeakKey           Code = "weak_key"

	CodeSealed          Code = "sealed"
	CodeWrongPassword   Code = "wrong_password"
	CodeUnlockThrottled Code = "unlock_throttled"

	CodeUnreachable Code = "daemon_unreachable"
	CodeTimeout     Code = "timeout"
	CodeBusy        Code = "busy"
	CodeStorageFull Code = "storage_full"
	CodeStoreFailed Code = "store_failed"

	CodeStoreCorrupt    Code = "store_corrupt"
	CodeHeaderDamaged   Code = "header_damaged"
	CodeStoreRolledBack Code = "store_rolled_back"
)

var codeClass = map[Code]Class{
	CodeInternal: ClassInternal,

	CodeUsage: ClassUsage, CodeBadArgument: ClassUsage, CodeBadContext: ClassUsage,
	CodeUnsupportedAlgorithm: ClassUsage, CodeTooLarge: ClassUsage, CodeUnknownMethod: ClassUsage,

	CodeKeyNotFound: ClassNotFound, CodeVersionNotFound: ClassNotFound, CodeOwnerNotFound: ClassNotFound,
	CodeNoExchange: ClassNotFound,

	CodePermissionDenied: ClassDenied, CodeQuotaExceeded: ClassDenied, CodeRateLimited: ClassDenied,

	CodeKeyExists: ClassState, CodeOwnerExists: ClassState, CodeExpired: ClassState, CodeNotYetValid: ClassState,
	CodeRevoked: ClassState, CodeOwnerRevoked: ClassState, CodeKeyDestroyed: ClassState, CodeNotExportable: ClassState,
	CodeNotInitialized: ClassState, CodeInitialized: ClassState, CodeUnsealed: ClassState, CodeReplayed: ClassState,
	CodeClockRegressed: ClassState,

	CodeWrongKeyUsage: ClassKeyUsage, CodeIncorrectKey: ClassKeyUsage,

	CodeInvalidCiphertext: ClassCrypto, CodeInvalidSignature: ClassCrypto, CodeInvalidMAC: ClassCrypto,
	CodeInvalidPeerKey: ClassCrypto, CodeInvalidMessage: ClassCrypto, CodeWrongPassphrase: ClassCrypto,
	CodeWeakKey: ClassCrypto,

	CodeSealed: ClassSealed, CodeWrongPassword: ClassSealed, CodeUnlockThrottled: ClassSealed,

	CodeUnreachable: ClassUnavailable, CodeTimeout: ClassUnavailable, CodeBusy: ClassUnavailable,
	CodeStorageFull: ClassUnavailable, CodeStoreFailed: ClassUnavailable,

	CodeStoreCorrupt: ClassIntegrity, CodeHeaderDamaged: ClassIntegrity, CodeStoreRolledBack: ClassIntegrity,
}

// Class is the class of the code; a code from a newer daemon is internal.
func (c Code) Class() Class {
	if class, ok := codeClass[c]; ok {
		return class
	}
	return ClassInternal
}

// Error is a failure that a user can act on. Message says what is wrong, Hint
// the way out; neither ever holds a secret. Two Errors match under errors.Is
// when their codes are equal.
type Error struct {
	Code    Code
	Message string
	Hint    string
	Err     error // the cause, for logs on the daemon's side; never sent to a client
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
