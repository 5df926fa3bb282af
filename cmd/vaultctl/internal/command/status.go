package command

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/autostart"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/render"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
)

func (a *app) status() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show whether the vault is sealed, and how it fares",
		Long: strings.TrimSpace(`
Show the state of the vault and its daemon. Anybody may ask; what is in the
vault, such as how many keys and what they take up, when the next of them
expires, and where the audit log is, is told to administrators only. In JSON,
what is not told is not there. Keys are counted by the state of their newest
version.

The exit status is 0 when the vault is unsealed, 2 when it is sealed or not
initialised yet, and 1 for every error.`),
		Example: example(`
vaultctl status
vaultctl status -q -o json | jq .store
vaultctl status -q -o json | jq '.key_states, .expiring_soon'
vaultctl status > /dev/null || vaultctl unseal`),
		Args:        takes(),
		Annotations: map[string]string{annotationStatus: "own exit statuses"},
	}
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, _ []string) error {
		s, err := a.statusOf(ctx, c)
		if err != nil {
			return err
		}
		if err := a.printStatus(s); err != nil {
			return err
		}
		if s.GetSealed() || !s.GetInitialized() {
			return answered(exitStatusSealed)
		}
		return nil
	})
	return cmd
}

func (a *app) statusOf(ctx context.Context, c *client.Client) (*vaultdv1.StatusResponse, error) {
	return call(ctx, a, "Waiting for the daemon", c.Status, &vaultdv1.StatusRequest{})
}

// statusView is the status as JSON shows it. What is in the vault is absent
// while sealed and for callers who may not see it.
type statusView struct {
	State       string      `json:"state"` // "unsealed", "sealed", "uninitialized"
	Initialized bool        `json:"initialized"`
	Sealed      bool        `json:"sealed"`
	Socket      string      `json:"socket"`
	Version     string      `json:"version"`
	VaultID     string      `json:"vault_id,omitempty"`
	Format      uint32      `json:"format,omitempty"`
	Iterations  uint32      `json:"kdf_iterations,omitempty"`
	UnsealedAt  *time.Time  `json:"unsealed_at,omitempty"`
	SealedAt    *time.Time  `json:"sealed_at,omitempty"`
	SealReason  string      `json:"seal_reason,omitempty"`     // "start", "request", "signal", "idle", "suspend", "logout", "lock", "tampering"
	SealDetail  string      `json:"seal_detail,omitempty"`     // to administrators
	With        string      `json:"unsealed_with,omitempty"`   // the key slot, for administrators
	Problems    []string    `json:"unseal_problems,omitempty"` // why the daemon did not unseal it by itself
	Shares      []shareView `json:"shares,omitempty"`          // entered, for administrators
	Store       string      `json:"store,omitempty"`
	*stockView
	MemoryLocked   bool       `json:"memory_locked"`
	ClockRegressed bool       `json:"clock_regressed"`
	Warnings       []string   `json:"warnings"`
	Policy         policyView `json:"policy"`
	Audit          string     `json:"audit,omitempty"` // "ok", "off", "failing", "tampered"
	AuditRecords   uint64     `json:"audit_records"`
	// What follows is told to administrators.
	Changed     *uint64     `json:"principals_changed,omitempty"` // accounts in quarantine
	Approvals   *uint64     `json:"approvals_waiting,omitempty"`  // requests under four eyes
	Config      *configView `json:"config,omitempty"`
	AuditHead   string      `json:"audit_head,omitempty"`   // root of the log's tree, over what is durable
	AuditSigned *uint64     `json:"audit_signed,omitempty"` // records under the newest checkpoint
	AuditSinks  []sinkView  `json:"audit_sinks,omitempty"`
	Tampering   []string    `json:"tampering,omitempty"`          // what was done to the daemon's files from outside
	AutoSeal    []string    `json:"auto_seal_problems,omitempty"` // ways of sealing by itself that don't work
	GoVersion   string      `json:"go_version,omitempty"`
}

// configView is the daemon's configuration as JSON shows it, to administrators.
type configView struct {
	Problem       string   `json:"problem,omitempty"` // why the newest one is not in force
	RestartNeeded []string `json:"restart_needed"`    // settings that wait for a restart
}

// stockView is what is in the vault.
type stockView struct {
	Keys         uint64            `json:"keys"`
	KeyStates    map[string]uint64 `json:"key_states"`
	ExpiringSoon uint64            `json:"expiring_soon"`         // within a week
	NextExpiry   *time.Time        `json:"next_expiry,omitempty"` // absent when no key expires
	Owners       uint64            `json:"owners"`
	Records      uint64            `json:"records"`
	Sequence     uint64            `json:"sequence"`
	Generation   uint32            `json:"generation"`
	StoreBytes   uint64            `json:"store_bytes"`
}

// stockOf is nil while sealed and for callers who are not told: an unsealed
// store has a generation.
func stockOf(s *vaultdv1.StatusResponse) *stockView {
	if s.GetGeneration() == 0 {
		return nil
	}
	v := &stockView{
		Keys: s.GetKeys(), KeyStates: s.GetKeyStates(), ExpiringSoon: s.GetExpiringSoon(), NextExpiry: timeOf(s.GetNextExpiry()),
		Owners: s.GetOwners(), Records: s.GetRecords(), Sequence: s.GetSequence(), Generation: s.GetGeneration(),
		StoreBytes: s.GetStoreBytes(),
	}
	if v.KeyStates == nil {
		v.KeyStates = map[string]uint64{}
	}
	return v
}

// fields are the rows of it.
func (v *stockView) fields(p *render.Printer, next *timestamppb.Timestamp, t *render.Table) {
	var states []string
	for _, state := range slices.Sorted(maps.Keys(v.KeyStates)) {
		states = append(states, grouped(v.KeyStates[state])+" "+state)
	}
	keys := grouped(v.Keys)
	if len(states) > 0 {
		keys += " (" + strings.Join(states, ", ") + ")"
	}
	t.Field("Keys", keys)
	if v.NextExpiry != nil {
		t.Field("Expiry", grouped(v.ExpiringSoon)+" within a week, the next "+p.When(next))
	}
	t.Field("Owners", grouped(v.Owners))
	t.Field("Records", grouped(v.Records)+" in "+render.Size(v.StoreBytes))
	t.Field("Sequence", grouped(v.Sequence)+" in generation "+strconv.FormatUint(uint64(v.Generation), 10))
}

// sinkView is a second copy of the audit log as JSON shows it.
type sinkView struct {
	Name    string `json:"name"`
	Dropped uint64 `json:"dropped"`
	Problem string `json:"problem,omitempty"`
}

// policyView is the policy in force as JSON shows it.
type policyView struct {
	Generation uint64 `json:"generation"`
	Hash       string `json:"hash,omitempty"`
	Problem    string `json:"problem,omitempty"` // why the newest policy files are not in force
}

func (a *app) printStatus(s *vaultdv1.StatusResponse) error {
	v := statusView{
		State: stateWord(s), Initialized: s.GetInitialized(), Sealed: s.GetSealed(),
		Socket: autostart.Find(a.socket, a.getenv).Socket, Version: s.GetVersion(), VaultID: s.GetVaultId(),
		Format: s.GetFormat(), Iterations: s.GetKdfIterations(), Store: s.GetStore(), stockView: stockOf(s),
		MemoryLocked: s.GetMemoryLocked(), GoVersion: s.GetGoVersion(), AuditHead: s.GetAuditHead(),
		ClockRegressed: s.GetClockRegressed(), Warnings: append([]string{}, s.GetWarnings()...),
	}
	v.Policy = policyView{s.GetPolicyGeneration(), s.GetPolicyHash(), s.GetPolicyProblem()}
	if v.Policy.Problem != "" {
		a.print.Warn("the newest policy files are not in force: %s", v.Policy.Problem)
	}
	v.Audit, v.AuditRecords = s.GetAudit(), s.GetAuditRecords()
	if v.AuditHead != "" {
		signed := s.GetAuditSigned()
		v.AuditSigned = &signed
	}
	if v.GoVersion != "" {
		a.operatorStatus(s, &v)
	}
	switch v.Audit {
	case "failing":
		a.print.Warn("the audit log can't be written, and nothing is done that leaves no record; the daemon's log says why")
	case "tampered":
		a.print.Warn("the audit log is not what was written; 'vaultctl audit verify' says where")
	}
	v.AuditSinks, v.Tampering = a.sinks(s), append([]string{}, s.GetTampering()...)
	for _, found := range v.Tampering {
		a.print.Warn("touched from outside: %s", found)
	}
	v.UnsealedAt, v.With, v.Problems = timeOf(s.GetUnsealedAt()), s.GetUnsealedWith(), s.GetUnsealProblems()
	v.Shares = viewShares(s.GetShares())
	for _, p := range v.Problems {
		a.print.Warn("the daemon did not unseal the vault by itself: %s", p)
	}
	v.SealedAt = timeOf(s.GetSealedAt())
	v.SealReason, v.SealDetail, v.AutoSeal = s.GetSealReason(), s.GetSealDetail(), s.GetAutoSealProblems()
	for _, p := range v.AutoSeal {
		a.print.Warn("the vault is not sealed by itself as configured: %s", p)
	}
	for _, w := range s.GetWarnings() {
		a.print.Warn("%s", w)
	}
	return a.print.Object(v, func(t *render.Table) {
		if v.Initialized {
			t.Field("Vault", v.State)
		} else {
			t.Field("Vault", "not initialised")
		}
		t.Field("Vault id", v.VaultID)
		daemon := v.Version
		if v.GoVersion != "" {
			daemon += ", built with " + v.GoVersion
		}
		t.Field("Daemon", daemon)
		t.Field("Socket", v.Socket)
		unsealed := a.print.When(s.GetUnsealedAt())
		if v.With != "" {
			unsealed += ", with " + v.With
		}
		t.Field("Unsealed", unsealed)
		for _, p := range s.GetShares() {
			t.Field("Shares", progressText(p)+" entered for "+p.GetSlot()+", until "+a.print.When(p.GetForgottenAt()))
		}
		if v.SealedAt != nil {
			t.Field("Sealed", a.print.When(s.GetSealedAt())+", "+sealedBecause(v.SealReason, v.SealDetail))
		}
		t.Field("Store", v.Store)
		if v.stockView != nil {
			v.stockView.fields(a.print, s.GetNextExpiry(), t)
		}
		if v.Iterations > 0 {
			t.Field("Password", "PBKDF2-HMAC-SHA-256, "+grouped(uint64(v.Iterations))+" iterations")
		}
		if v.Policy.Generation > 0 {
			t.Field("Policy", "generation "+grouped(v.Policy.Generation)+", "+v.Policy.Hash[:min(16, len(v.Policy.Hash))])
		}
		if v.Approvals != nil && *v.Approvals > 0 {
			t.Field("Approvals", grouped(*v.Approvals)+" wait; see 'vaultctl approval list'")
		}
		if v.Audit != "" {
			log := v.Audit
			if v.AuditRecords > 0 {
				log += ", " + grouped(v.AuditRecords) + " records"
			}
			if v.AuditSigned != nil {
				log += ", " + grouped(*v.AuditSigned) + " under a checkpoint"
			}
			t.Field("Audit log", log)
			t.Field("Audit head", v.AuditHead)
		}
		for _, k := range v.AuditSinks {
			t.Field("Audit copy", k.String())
		}
		if len(v.Tampering) > 0 {
			t.Field("Tampering", "found since the last unseal, see above")
		}
		t.Field("Memory", map[bool]string{true: "locked", false: "not locked: keys may reach the swap"}[v.MemoryLocked])
		if v.ClockRegressed {
			t.Field("Clock", "behind the time that the vault has seen already")
		}
		switch {
		case !v.Initialized:
			t.Field("Next", "vaultctl init")
		case v.Sealed:
			t.Field("Next", "vaultctl unseal")
		}
	})
}

// operatorStatus adds what administrators are told of the daemon, and warns of
// what they have to do.
func (a *app) operatorStatus(s *vaultdv1.StatusResponse, v *statusView) {
	changed, waiting := s.GetPrincipalsChanged(), s.GetApprovalsWaiting()
	if v.Initialized && !v.Sealed {
		v.Changed, v.Approvals = &changed, &waiting
	}
	if changed > 0 {
		a.print.Warn("accounts changed, and are in quarantine: %s; 'vaultctl principal list --changed' shows them", grouped(changed))
	}
	v.Config = &configView{s.GetConfigProblem(), append([]string{}, s.GetRestartNeeded()...)}
	if v.Config.Problem != "" {
		a.print.Warn("the newest configuration is not in force, the last good one is: %s", v.Config.Problem)
	}
	if len(v.Config.RestartNeeded) > 0 {
		a.print.Warn("changed in the configuration, and in force after a restart of vaultd: %s", strings.Join(v.Config.RestartNeeded, ", "))
	}
}

// sinks are the second copies of the audit log; it warns of those that miss something.
func (a *app) sinks(s *vaultdv1.StatusResponse) []sinkView {
	sinks := []sinkView{}
	for _, k := range s.GetAuditSinks() {
		v := sinkView{k.GetName(), k.GetDropped(), k.GetProblem()}
		if v.Problem != "" || v.Dropped > 0 {
			a.print.Warn("a copy of the audit log is not complete: %s", v)
		}
		sinks = append(sinks, v)
	}
	return sinks
}

// String is how the copy fares.
func (k sinkView) String() string {
	text := k.Name + ": "
	if k.Problem == "" {
		text += "takes records"
	} else {
		text += k.Problem
	}
	if k.Dropped > 0 {
		text += "; " + grouped(k.Dropped) + " records dropped"
	}
	return text
}

// sealedBecause says for people why the vault is sealed. A newer daemon may have
// reasons that are not known here.
func sealedBecause(reason, detail string) string {
	words := map[string]string{
		"start": "since the daemon was started", "request": "as somebody asked for it", "signal": "as a signal asked for it",
		"idle": "as no key was used for long", "suspend": "as the machine went to sleep", "logout": "as its user logged out",
		"lock": "as its user's session was locked", "tampering": "as the daemon's files were touched from outside",
	}[reason]
	switch {
	case words == "":
		words = reason
	case detail != "":
		words += " (" + detail + ")"
	}
	return words
}

func stateWord(s *vaultdv1.StatusResponse) string {
	switch {
	case !s.GetInitialized():
		return "uninitialized"
	case s.GetSealed():
		return "sealed"
	}
	return "unsealed"
}

// grouped writes a number with commas between thousands.
func grouped(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
