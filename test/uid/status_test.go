//go:build linux

package uid

import (
	"encoding/json"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/durationpb"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/test/rig"
)

// TestStockIsToldToAdministratorsOnly: what is in the vault is for
// administrators, and what is not told is absent, not zero.
func TestStockIsToldToAdministratorsOnly(t *testing.T) {
	m := newMachine(t)
	home := m.daemon.Home
	if _, err := m.daemon.Client.CreateKey(t.Context(), &vaultdv1.CreateKeyRequest{Name: m.alice.name + "/k", Ttl: durationpb.New(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	counts := []string{
		"keys", "key_states", "expiring_soon", "next_expiry", "owners", "records", "sequence", "generation", "store_bytes",
		"audit_head", "audit_signed", "go_version",
	}
	for _, who := range []struct {
		account
		told bool
	}{{m.admin, true}, {account{name: "root"}, true}, {m.alice, false}, {m.bob, false}, {m.none, false}} {
		answer := as(t, who.account, home.Socket(), request(t, "Status", &vaultdv1.StatusRequest{}))[0]
		var s vaultdv1.StatusResponse
		if err := protojson.Unmarshal(answer.Reply, &s); err != nil {
			t.Fatal(err)
		}
		if got := s.GetKeyStates() != nil || s.GetStoreBytes() != 0 || s.GetNextExpiry() != nil || s.GetExpiringSoon() != 0 ||
			s.GetAuditHead() != "" || s.GetAuditSigned() != 0 || s.GetGoVersion() != ""; got != who.told {
			t.Errorf("%s is told %s", who.name, answer.Reply)
		}
		cmd := exec.CommandContext(rig.Context(t), rig.Program(t, "vaultctl"), "status", "-o", "json")
		cmd.Env = append(home.Env(), "HOME=/")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who.credential()}
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("status as %s: %v: %s", who.name, err, out)
		}
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(out, &fields); err != nil {
			t.Fatal(err)
		}
		for _, name := range counts {
			if _, there := fields[name]; there != who.told {
				t.Errorf("vaultctl status as %s: %s is there: %v", who.name, name, there)
			}
		}
	}
}
