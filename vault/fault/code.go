package fault

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

// The codes, each with the class that codeClass gives it. Package vault repeats
// every name, so that domain code reads vault.CodeX.
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
	CodeAliasNotFound   Code = "alias_not_found"
	CodeOwnerNotFound   Code = "owner_not_found"

	CodePrincipalNotFound Code = "principal_not_found"
	CodeApprovalNotFound  Code = "approval_not_found"

	CodeSlotNotFound Code = "slot_not_found"

	CodePermissionDenied Code = "permission_denied"
	CodeQuotaExceeded    Code = "quota_exceeded"
	CodeRateLimited      Code = "rate_limited"
	CodePrincipalChanged Code = "principal_changed"
	CodeApprovalRequired Code = "approval_required"
	CodeApprovalRejected Code = "approval_rejected"

	CodeKeyExists    Code = "key_exists"
	CodeOwnerExists  Code = "owner_exists"
	CodeExpired      Code = "expired"
	CodeNotYetValid  Code = "not_yet_valid"
	CodeRevoked      Code = "revoked"
	CodeOwnerRevoked Code = "owner_revoked"
	CodeKeyDestroyed Code = "key_destroyed"
	// CodePendingDestruction is of a key whose destruction is set and can still be cancelled.
	CodePendingDestruction Code = "pending_destruction"
	CodeNotExportable      Code = "not_exportable"
	CodeSuspended          Code = "suspended"
	CodeWrongState         Code = "wrong_state"
	CodeNotInitialized     Code = "not_initialized"
	CodeInitialized        Code = "already_initialized"
	CodeUnsealed           Code = "already_unsealed"
	CodeReplayed           Code = "exchange_replayed"
	CodeNoExchange         Code = "exchange_not_found"
	CodeGrantNotFound      Code = "grant_not_found"
	CodeDecisionNotFound   Code = "decision_not_found"
	CodeClockRegressed     Code = "clock_regressed"
	CodeSlotExists         Code = "slot_exists"
	CodeLastSlot           Code = "last_slot"
	CodeShareEntered       Code = "share_entered"
	CodeStillNeeded        Code = "still_needed"

	CodeWrongKeyUsage Code = "wrong_key_usage"
	CodeIncorrectKey  Code = "incorrect_key"

	CodeInvalidCiphertext Code = "invalid_ciphertext"
	CodeInvalidSignature  Code = "invalid_signature"
	CodeInvalidMAC        Code = "invalid_mac"
	CodeInvalidPeerKey    Code = "invalid_peer_key"
	CodeInvalidMessage    Code = "invalid_message"
	CodeWrongPassphrase   Code = "wrong_passphrase"
	CodeWeakKey           Code = "weak_key"
	CodeInvalidShare      Code = "invalid_share"

	CodeSealed          Code = "sealed"
	CodeWrongPassword   Code = "wrong_password"
	CodeUnlockThrottled Code = "unlock_throttled"
	CodeTPMRefused      Code = "tpm_refused"

	CodeUnreachable Code = "daemon_unreachable"
	CodeTimeout     Code = "timeout"
	CodeBusy        Code = "busy"
	CodeStorageFull Code = "storage_full"
	CodeStoreFailed Code = "store_failed"
	CodeInUse       Code = "store_in_use"
	CodeNetworkFS   Code = "network_filesystem"
	CodeUnsafePerms Code = "unsafe_permissions"
	CodeTPMFailed   Code = "tpm_unavailable"

	CodeAuditUnavailable Code = "audit_unavailable"

	CodeBackupUnknown Code = "backup_unknown"
	CodeBackupDamaged Code = "backup_damaged"
	CodeBackupChain   Code = "backup_chain"

	CodeStoreCorrupt    Code = "store_corrupt"
	CodeHeaderDamaged   Code = "header_damaged"
	CodeStoreRolledBack Code = "store_rolled_back"
	CodeNewerFormat     Code = "newer_format"
	CodeAuditTampered   Code = "audit_tampered"
)

var codeClass = map[Code]Class{
	CodeInternal: ClassInternal,

	CodeUsage: ClassUsage, CodeBadArgument: ClassUsage, CodeBadContext: ClassUsage,
	CodeUnsupportedAlgorithm: ClassUsage, CodeTooLarge: ClassUsage, CodeUnknownMethod: ClassUsage,

	CodeAliasNotFound: ClassNotFound, CodeKeyNotFound: ClassNotFound, CodeVersionNotFound: ClassNotFound, CodeOwnerNotFound: ClassNotFound,
	CodeNoExchange: ClassNotFound, CodeGrantNotFound: ClassNotFound, CodeDecisionNotFound: ClassNotFound,

	CodePrincipalNotFound: ClassNotFound, CodeApprovalNotFound: ClassNotFound,
	CodeSlotNotFound: ClassNotFound,

	CodePermissionDenied: ClassDenied, CodeQuotaExceeded: ClassDenied, CodeRateLimited: ClassDenied,
	CodePrincipalChanged: ClassDenied, CodeApprovalRequired: ClassDenied, CodeApprovalRejected: ClassDenied,

	CodeKeyExists: ClassState, CodeOwnerExists: ClassState, CodeExpired: ClassState, CodeNotYetValid: ClassState,
	CodeRevoked: ClassState, CodeOwnerRevoked: ClassState, CodeKeyDestroyed: ClassState, CodeNotExportable: ClassState,
	CodeNotInitialized: ClassState, CodeInitialized: ClassState, CodeUnsealed: ClassState, CodeReplayed: ClassState,
	CodeClockRegressed: ClassState, CodeSlotExists: ClassState, CodeLastSlot: ClassState, CodeShareEntered: ClassState,
	CodeStillNeeded: ClassState,
	CodeSuspended:   ClassState, CodePendingDestruction: ClassState, CodeWrongState: ClassState,

	CodeWrongKeyUsage: ClassKeyUsage, CodeIncorrectKey: ClassKeyUsage,

	CodeInvalidCiphertext: ClassCrypto, CodeInvalidSignature: ClassCrypto, CodeInvalidMAC: ClassCrypto,
	CodeInvalidPeerKey: ClassCrypto, CodeInvalidMessage: ClassCrypto, CodeWrongPassphrase: ClassCrypto,
	CodeWeakKey: ClassCrypto, CodeInvalidShare: ClassCrypto,

	CodeSealed: ClassSealed, CodeWrongPassword: ClassSealed, CodeUnlockThrottled: ClassSealed, CodeTPMRefused: ClassSealed,

	CodeUnreachable: ClassUnavailable, CodeTimeout: ClassUnavailable, CodeBusy: ClassUnavailable,
	CodeStorageFull: ClassUnavailable, CodeStoreFailed: ClassUnavailable,
	CodeInUse: ClassUnavailable, CodeNetworkFS: ClassUnavailable, CodeUnsafePerms: ClassUnavailable,
	CodeAuditUnavailable: ClassUnavailable, CodeTPMFailed: ClassUnavailable,

	CodeStoreCorrupt: ClassIntegrity, CodeHeaderDamaged: ClassIntegrity, CodeStoreRolledBack: ClassIntegrity,
	CodeNewerFormat: ClassIntegrity, CodeAuditTampered: ClassIntegrity, CodeBackupDamaged: ClassIntegrity,

	CodeBackupUnknown: ClassNotFound, CodeBackupChain: ClassUsage,
}

// Class is the class of the code; a code from a newer daemon is internal.
func (c Code) Class() Class {
	if class, ok := codeClass[c]; ok {
		return class
	}
	return ClassInternal
}

// Codes are all codes, in no order.
func Codes() []Code {
	codes := make([]Code, 0, len(codeClass))
	for c := range codeClass {
		codes = append(codes, c)
	}
	return codes
}
