package vault

// RevocationReason says why a key was revoked. The numbers are those of
// RFC 5280, section 5.3.1 (KMIP has the same list). Of those, certificateHold
// is what suspending a key does, and removeFromCRL is of lists of changes.
type RevocationReason uint8

// The reasons.
const (
	ReasonUnspecified          RevocationReason = 0
	ReasonKeyCompromise        RevocationReason = 1 // others have the key, or may
	ReasonCACompromise         RevocationReason = 2
	ReasonAffiliationChanged   RevocationReason = 3
	ReasonSuperseded           RevocationReason = 4
	ReasonCessationOfOperation RevocationReason = 5
	ReasonPrivilegeWithdrawn   RevocationReason = 9
)

var reasonNames = map[RevocationReason]string{
	ReasonUnspecified: "unspecified", ReasonKeyCompromise: "key_compromise", ReasonCACompromise: "ca_compromise",
	ReasonAffiliationChanged: "affiliation_changed", ReasonSuperseded: "superseded",
	ReasonCessationOfOperation: "cessation_of_operation", ReasonPrivilegeWithdrawn: "privilege_withdrawn",
}

func (r RevocationReason) known() bool { return reasonNames[r] != "" }

// String is the reason as users see it.
func (r RevocationReason) String() string {
	if name, ok := reasonNames[r]; ok {
		return name
	}
	return "unknown"
}
