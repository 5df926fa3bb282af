package vault

import "github.com/vaultd/vaultd/vault/fault"

// The vault's errors under the names that domain code uses. They live in
// vault/fault, which a client can import without linking the vault: a new code
// gets its constant and class there and its name here.
type (
	// Class groups error codes by what a caller can do about them.
	Class = fault.Class
	// Code is the stable name of one kind of failure.
	Code = fault.Code
	// Error is a failure that a user can act on.
	Error = fault.Error
)

// E makes an Error; the message is formatted as by fmt.Sprintf.
func E(code Code, format string, args ...any) *Error { return fault.E(code, format, args...) }

// The classes.
const (
	ClassInternal    = fault.ClassInternal
	ClassUsage       = fault.ClassUsage
	ClassNotFound    = fault.ClassNotFound
	ClassDenied      = fault.ClassDenied
	ClassState       = fault.ClassState
	ClassKeyUsage    = fault.ClassKeyUsage
	ClassCrypto      = fault.ClassCrypto
	ClassSealed      = fault.ClassSealed
	ClassUnavailable = fault.ClassUnavailable
	ClassIntegrity   = fault.ClassIntegrity
)

// The codes.
const (
	CodeInternal             = fault.CodeInternal
	CodeUsage                = fault.CodeUsage
	CodeBadArgument          = fault.CodeBadArgument
	CodeBadContext           = fault.CodeBadContext
	CodeUnsupportedAlgorithm = fault.CodeUnsupportedAlgorithm
	CodeTooLarge             = fault.CodeTooLarge
	CodeUnknownMethod        = fault.CodeUnknownMethod
	CodeKeyNotFound          = fault.CodeKeyNotFound
	CodeVersionNotFound      = fault.CodeVersionNotFound
	CodeOwnerNotFound        = fault.CodeOwnerNotFound
	CodeAliasNotFound        = fault.CodeAliasNotFound
	CodeSlotNotFound         = fault.CodeSlotNotFound
	CodeSlotExists           = fault.CodeSlotExists
	CodeLastSlot             = fault.CodeLastSlot
	CodeShareEntered         = fault.CodeShareEntered
	CodeInvalidShare         = fault.CodeInvalidShare
	CodeTPMRefused           = fault.CodeTPMRefused
	CodeTPMFailed            = fault.CodeTPMFailed
	CodePermissionDenied     = fault.CodePermissionDenied
	CodeQuotaExceeded        = fault.CodeQuotaExceeded
	CodeRateLimited          = fault.CodeRateLimited
	CodePrincipalChanged     = fault.CodePrincipalChanged
	CodeApprovalRequired     = fault.CodeApprovalRequired
	CodeApprovalRejected     = fault.CodeApprovalRejected
	CodePrincipalNotFound    = fault.CodePrincipalNotFound
	CodeApprovalNotFound     = fault.CodeApprovalNotFound
	CodeKeyExists            = fault.CodeKeyExists
	CodeOwnerExists          = fault.CodeOwnerExists
	CodeExpired              = fault.CodeExpired
	CodeNotYetValid          = fault.CodeNotYetValid
	CodeRevoked              = fault.CodeRevoked
	CodeOwnerRevoked         = fault.CodeOwnerRevoked
	CodeKeyDestroyed         = fault.CodeKeyDestroyed
	CodeNotExportable        = fault.CodeNotExportable
	CodeSuspended            = fault.CodeSuspended
	CodePendingDestruction   = fault.CodePendingDestruction
	CodeWrongState           = fault.CodeWrongState
	CodeNotInitialized       = fault.CodeNotInitialized
	CodeInitialized          = fault.CodeInitialized
	CodeUnsealed             = fault.CodeUnsealed
	CodeReplayed             = fault.CodeReplayed
	CodeNoExchange           = fault.CodeNoExchange
	CodeGrantNotFound        = fault.CodeGrantNotFound
	CodeDecisionNotFound     = fault.CodeDecisionNotFound
	CodeClockRegressed       = fault.CodeClockRegressed
	CodeStillNeeded          = fault.CodeStillNeeded
	CodeWrongKeyUsage        = fault.CodeWrongKeyUsage
	CodeIncorrectKey         = fault.CodeIncorrectKey
	CodeInvalidCiphertext    = fault.CodeInvalidCiphertext
	CodeInvalidSignature     = fault.CodeInvalidSignature
	CodeInvalidMAC           = fault.CodeInvalidMAC
	CodeInvalidPeerKey       = fault.CodeInvalidPeerKey
	CodeInvalidMessage       = fault.CodeInvalidMessage
	CodeWrongPassphrase      = fault.CodeWrongPassphrase
	CodeWeakKey              = fault.CodeWeakKey
	CodeSealed               = fault.CodeSealed
	CodeWrongPassword        = fault.CodeWrongPassword
	CodeUnlockThrottled      = fault.CodeUnlockThrottled
	CodeUnreachable          = fault.CodeUnreachable
	CodeTimeout              = fault.CodeTimeout
	CodeBusy                 = fault.CodeBusy
	CodeStorageFull          = fault.CodeStorageFull
	CodeStoreFailed          = fault.CodeStoreFailed
	CodeInUse                = fault.CodeInUse
	CodeNetworkFS            = fault.CodeNetworkFS
	CodeUnsafePerms          = fault.CodeUnsafePerms
	CodeStoreCorrupt         = fault.CodeStoreCorrupt
	CodeHeaderDamaged        = fault.CodeHeaderDamaged
	CodeStoreRolledBack      = fault.CodeStoreRolledBack
	CodeNewerFormat          = fault.CodeNewerFormat
	CodeAuditUnavailable     = fault.CodeAuditUnavailable
	CodeAuditTampered        = fault.CodeAuditTampered
	CodeBackupUnknown        = fault.CodeBackupUnknown
	CodeBackupDamaged        = fault.CodeBackupDamaged
	CodeBackupChain          = fault.CodeBackupChain
)

// Sentinels to compare with errors.Is.
var (
	ErrNotInitialized    = fault.ErrNotInitialized
	ErrSealed            = fault.ErrSealed
	ErrWrongPassword     = fault.ErrWrongPassword
	ErrHeaderDamaged     = fault.ErrHeaderDamaged
	ErrStoreRolledBack   = fault.ErrStoreRolledBack
	ErrStoreCorrupt      = fault.ErrStoreCorrupt
	ErrStoreFailed       = fault.ErrStoreFailed
	ErrStorageFull       = fault.ErrStorageFull
	ErrKeyNotFound       = fault.ErrKeyNotFound
	ErrKeyExists         = fault.ErrKeyExists
	ErrPermissionDenied  = fault.ErrPermissionDenied
	ErrExpired           = fault.ErrExpired
	ErrRevoked           = fault.ErrRevoked
	ErrOwnerRevoked      = fault.ErrOwnerRevoked
	ErrKeyDestroyed      = fault.ErrKeyDestroyed
	ErrInvalidCiphertext = fault.ErrInvalidCiphertext
	ErrInvalidSignature  = fault.ErrInvalidSignature
	ErrWrongKeyUsage     = fault.ErrWrongKeyUsage
	ErrReplayed          = fault.ErrReplayed
)
