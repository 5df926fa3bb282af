//go:build linux

package uid

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/vaultd/vaultd/crypto/shares"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/test/rig"
	"github.com/vaultd/vaultd/vault/audit"
	"github.com/vaultd/vaultd/vault/fault"
)

// Three people open the vault together, each with a share, from processes and accounts of
// their own. Every call is made twice, so that each share is also given twice.
func TestThreePeopleUnsealByShares(t *testing.T) {
	m := newMachine(t)
	ctx := context.Background()
	socket := m.daemon.Home.Socket()
	second, third := addUser(t, "f", m.admin.groups...), addUser(t, "h", m.admin.groups...)
	secret, all, err := shares.Split(5, 3)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.daemon.Client.AddSlot(ctx, &vaultdv1.AddSlotRequest{
		With: &vaultdv1.SlotSecret{Secret: []byte(rig.Password)}, Kind: vaultdv1.SlotKind_SLOT_KIND_SHARES,
		Secret: secret, Params: shares.SetOf(all).Append(nil),
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := m.daemon.Client.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: "root/kept"}); err != nil {
		t.Fatal(err)
	}
	if err := m.daemon.Stop(); err != nil {
		t.Fatal(err)
	}
	m.daemon = rig.MustStart(t, m.daemon.Home)

	enter := func(who account, share int, first, second fault.Code) *vaultdv1.EnterShareResponse {
		t.Helper()
		c := request(t, "EnterShare", &vaultdv1.EnterShareRequest{Share: all[share].AppendText(nil)})
		got := as(t, who, socket, c)[0]
		if got.Frame != first || got.Code != string(second) {
			t.Fatalf("share %d by %s: %q and %q, want %q and %q\n%s%s", share+1, who.name, got.Frame, got.Code, first, second, got.Text, got.HTTP)
		}
		r := new(vaultdv1.EnterShareResponse)
		if first == "" {
			if err := protojson.Unmarshal(got.Reply, r); err != nil {
				t.Fatal(err)
			}
		}
		return r
	}
	enter(m.bob, 0, fault.CodePermissionDenied, fault.CodePermissionDenied)
	enter(m.admin, 1, "", fault.CodeShareEntered)
	enter(second, 1, fault.CodeShareEntered, fault.CodeShareEntered) // a copy of the same share counts for nothing
	if r := enter(second, 4, "", fault.CodeShareEntered); r.GetUnsealed() || r.GetProgress().GetEntered() != 2 {
		t.Errorf("%v", r)
	}
	status, err := m.daemon.Client.Status(ctx, &vaultdv1.StatusRequest{})
	if err != nil || !status.GetSealed() || len(status.GetShares()) != 1 || status.GetShares()[0].GetEntered() != 2 || status.GetShares()[0].GetThreshold() != 3 {
		t.Fatalf("%v, %v", status, err)
	}
	var told vaultdv1.StatusResponse
	got := as(t, m.bob, socket, request(t, "Status", &vaultdv1.StatusRequest{}))[0]
	if err := protojson.Unmarshal(got.Reply, &told); err != nil || len(told.GetShares()) > 0 {
		t.Errorf("somebody else learns of %v, %v", told.GetShares(), err)
	}
	if r := enter(third, 0, "", fault.CodeUnsealed); !r.GetUnsealed() {
		t.Errorf("%v", r)
	}
	if _, err := m.daemon.Client.ShowKey(ctx, &vaultdv1.ShowKeyRequest{Name: "root/kept"}); err != nil {
		t.Errorf("after the unseal: %v", err)
	}
	if err := m.daemon.Stop(); err != nil {
		t.Fatal(err)
	}

	// Who entered what is on record, and no share is.
	var entered []string
	for e, err := range audit.Read(m.daemon.Home.Audit(), audit.Filter{Action: "slot.enter_share"}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Record.Outcome != audit.Allowed {
			continue
		}
		line := e.Record.Principal.User
		for _, f := range e.Record.Extra {
			line += " " + f.Name + "=" + f.Value
		}
		entered = append(entered, line)
	}
	want := []string{
		m.admin.name + " slot=shares share=2 entered=1 of 3",
		second.name + " slot=shares share=5 entered=2 of 3",
		third.name + " slot=shares share=1 entered=3 of 3 unsealed=yes",
	}
	if strings.Join(entered, "\n") != strings.Join(want, "\n") {
		t.Errorf("records:\n%s\nwant:\n%s", strings.Join(entered, "\n"), strings.Join(want, "\n"))
	}
	for i := range all {
		if text := string(all[i].AppendText(nil)); strings.Contains(m.daemon.Log(), text[:20]) {
			t.Errorf("share %d is in the log", i+1)
		}
	}
}
