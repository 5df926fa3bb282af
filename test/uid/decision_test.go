//go:build linux

package uid

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/test/rig"
	"github.com/vaultd/vaultd/vault/audit"
	"github.com/vaultd/vaultd/vault/fault"
)

// TestDeniedRecordNamesItsDecision: the id that a denied caller is told leads
// from the record in the log to the reasons. Of the key the record says no
// more than the request did.
func TestDeniedRecordNamesItsDecision(t *testing.T) {
	m := newMachine(t)
	ctx, socket, key := context.Background(), m.daemon.Home.Socket(), m.alice.name+"/k"
	if _, err := m.daemon.Client.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: key}); err != nil {
		t.Fatal(err)
	}
	told := as(t, m.bob, socket, request(t, "Encrypt", &vaultdv1.EncryptRequest{Key: key}))[0]
	if told.Frame != fault.CodePermissionDenied {
		t.Fatalf("bob encrypts: %+v", told)
	}
	var lines []string // two, one for each form
	for from, deadline := uint64(0), rig.Context(t); len(lines) < 2; {
		log, err := m.daemon.Client.ReadAudit(deadline, &vaultdv1.ReadAuditRequest{Denied: true, From: from, Wait: durationpb.New(time.Second)})
		if err != nil {
			t.Fatalf("after %q: %v", lines, err)
		}
		lines, from = append(lines, log.GetLines()...), log.GetNext()
	}
	seen := map[string]bool{}
	for _, line := range lines {
		var r struct {
			Principal struct{ UID uint32 }
			Action    string
			Owner     string
			Key       audit.Key
			Extra     struct{ Decision string }
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if r.Principal.UID != m.bob.uid || r.Action != "key.encrypt" || r.Owner != m.alice.name || r.Key != (audit.Key{Name: "k"}) {
			t.Errorf("record %s", line)
		}
		why, err := m.daemon.Client.Explain(ctx, &vaultdv1.ExplainRequest{Decision: r.Extra.Decision})
		if err != nil || why.GetPrincipal().GetUid() != m.bob.uid || why.GetResource() != key {
			t.Errorf("decision %q: %v, %v", r.Extra.Decision, why, err)
		}
		seen[r.Extra.Decision] = true
	}
	_, id, _ := strings.Cut(told.Text, "explain ")
	if id, _, _ = strings.Cut(id, "'"); !seen[id] || len(seen) != 2 {
		t.Errorf("bob was told %q, the log has %v", id, seen)
	}
}
