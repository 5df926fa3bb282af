package command

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

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
Show the state of the vault and its daemon. Anybody may ask; how many keys and
owners there are is told to administrators only.

The exit status is 0 when the vault is unsealed, 2 when it is sealed or not
initialised yet, and 1 for every error.`),
		Example: example(`
vaultctl status
vaultctl status -q -o json | jq .store
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

// statusView is the status as JSON shows it. Counts are absent while sealed and
// for callers who may not see them.
type statusView struct {
	State          string     `json:"state"` // "unsealed", "sealed", "uninitialized"
	Initialized    bool       `json:"initialized"`
	Sealed         bool       `json:"sealed"`
	Socket         string     `json:"socket"`
	Version        string     `json:"version"`
	VaultID        string     `json:"vault_id,omitempty"`
	Format         uint32     `json:"format,omitempty"`
	Iterations     uint32     `json:"kdf_iterations,omitempty"`
	UnsealedAt     *time.Time `json:"unsealed_at,omitempty"`
	Store          string     `json:"store,omitempty"`
	Keys           uint64     `json:"keys"`
	Owners         uint64     `json:"owners"`
	Records        uint64     `json:"records"`
	Sequence       uint64     `json:"sequence"`
	Generation     uint32     `json:"generation"`
	MemoryLocked   bool       `json:"memory_locked"`
	ClockRegressed bool       `json:"clock_regressed"`
	Warnings       []string   `json:"warnings"`
	Policy         policyView `json:"policy"`
	Audit          string     `json:"audit,omitempty"` // "ok", "off", "failing", "tampered"
	AuditRecords   uint64     `json:"audit_records"`
	AuditSinks     []sinkView `json:"audit_sinks"`
	Tampering      []string   `json:"tampering"` // what was done to the daemon's files from outside
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
		Format: s.GetFormat(), Iterations: s.GetKdfIterations(), Store: s.GetStore(), Keys: s.GetKeys(), Owners: s.GetOwners(),
		Records: s.GetRecords(), Sequence: s.GetSequence(), Generation: s.GetGeneration(), MemoryLocked: s.GetMemoryLocked(),
		ClockRegressed: s.GetClockRegressed(), Warnings: append([]string{}, s.GetWarnings()...),
	}
	v.Policy = policyView{s.GetPolicyGeneration(), s.GetPolicyHash(), s.GetPolicyProblem()}
	if v.Policy.Problem != "" {
		a.print.Warn("the newest policy files are not in force: %s", v.Policy.Problem)
	}
	v.Audit, v.AuditRecords = s.GetAudit(), s.GetAuditRecords()
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
	v.UnsealedAt = timeOf(s.GetUnsealedAt())
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
		t.Field("Daemon", v.Version)
		t.Field("Socket", v.Socket)
		t.Field("Unsealed", a.print.When(s.GetUnsealedAt()))
		t.Field("Store", v.Store)
		if v.Records > 0 {
			t.Field("Keys", grouped(v.Keys))
			t.Field("Owners", grouped(v.Owners))
			t.Field("Records", grouped(v.Records))
			t.Field("Sequence", grouped(v.Sequence)+" in generation "+strconv.FormatUint(uint64(v.Generation), 10))
		}
		if v.Iterations > 0 {
			t.Field("Password", "PBKDF2-HMAC-SHA-256, "+grouped(uint64(v.Iterations))+" iterations")
		}
		if v.Policy.Generation > 0 {
			t.Field("Policy", "generation "+grouped(v.Policy.Generation)+", "+v.Policy.Hash[:min(16, len(v.Policy.Hash))])
		}
		if v.Audit != "" {
			log := v.Audit
			if v.AuditRecords > 0 {
				log += ", " + grouped(v.AuditRecords) + " records"
			}
			t.Field("Audit log", log)
		}
		for _, k := range v.AuditSinks {
			t.Field("Audit copy", k.String())
		}
		if n := len(v.Tampering); n > 0 {
			t.Field("Tampering", grouped(uint64(n))+" since the last unseal, see above")
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
