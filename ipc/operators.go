package ipc

import (
	"encoding/base64"
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
)

// soon is what Status counts as expiring soon.
const soon = 7 * 24 * time.Hour

// takeStock adds what Status tells administrators of an unsealed vault's keys
// and files.
func (s *service) takeStock(resp *vaultdv1.StatusResponse) {
	census, err := s.vault.Census()
	if err != nil {
		return // sealed meanwhile
	}
	resp.KeyStates = make(map[string]uint64)
	for state, n := range census.States() {
		resp.KeyStates[state.String()] = uint64(n) //nolint:gosec // a count
	}
	resp.ExpiringSoon = uint64(census.ExpiringSoon(soon)) //nolint:gosec // a count
	resp.NextExpiry = timestamp(census.NextExpiry)
	resp.StoreBytes = uint64(s.vault.StoreBytes()) //nolint:gosec // a sum of sizes
}

// auditStatus tells the log's state in one word and its size, and
// administrators its head, which they can compare with one kept elsewhere, and
// how its second copies fare.
func (s *service) auditStatus(resp *vaultdv1.StatusResponse, admin bool) {
	if s.audit == nil {
		resp.Audit = "off"
		return
	}
	st := s.audit.Status()
	resp.AuditRecords = uint64(st.Size + int64(st.Unsynced)) //nolint:gosec // counts
	switch {
	case len(st.Problems) > 0:
		resp.Audit = "tampered"
	case st.Err != nil:
		resp.Audit = "failing"
	default:
		resp.Audit = "ok"
	}
	if !admin {
		return
	}
	resp.AuditHead = base64.StdEncoding.EncodeToString(st.Root[:])
	resp.AuditSigned = uint64(st.Checkpoint.Size) //nolint:gosec // not negative
	for _, k := range st.Sinks {
		sink := &vaultdv1.AuditSink{Name: k.Name, Dropped: uint64(k.Dropped)} //nolint:gosec // a count
		if k.Err != nil {
			sink.Problem = k.Err.Error()
		}
		resp.AuditSinks = append(resp.AuditSinks, sink)
	}
}
