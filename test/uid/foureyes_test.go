//go:build linux

package uid

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/durationpb"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/test/rig"
	"github.com/vaultd/vaultd/vault/audit"
	"github.com/vaultd/vaultd/vault/fault"
)

const guarded = `{"effect":"deny","any_user":true,"verbs":["export","destroy","change_policy"],"keys":["*/*"],"four_eyes":true}`

// eyes is a machine with two administrators, where nobody but root exports,
// destroys or changes the policy alone.
type eyes struct {
	*machine
	t      *testing.T
	socket string
	second account // administrator
	ctx    context.Context
}

func newEyes(t *testing.T) *eyes {
	t.Helper()
	m := newMachine(t)
	e := &eyes{machine: m, t: t, socket: m.daemon.Home.Socket(), second: addUser(t, "f", m.admin.groups...), ctx: context.Background()}
	e.grant(guarded)
	for _, key := range []string{"k1", "k2"} {
		if _, err := m.daemon.Client.CreateKey(e.ctx, &vaultdv1.CreateKeyRequest{Name: m.alice.name + "/" + key, Type: "ed25519", Exportable: true}); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

// grant adds a grant as root, and returns its id.
func (e *eyes) grant(text string) string {
	e.t.Helper()
	r, err := e.daemon.Client.AddGrant(e.ctx, &vaultdv1.AddGrantRequest{Json: text})
	if err != nil {
		e.t.Fatalf("%s: %v", text, err)
	}
	return r.GetGrant().GetId()
}

func (e *eyes) export(key string, edit ...func(*vaultdv1.ExportKeyRequest)) call {
	e.t.Helper()
	r := &vaultdv1.ExportKeyRequest{
		Name: e.alice.name + "/" + key, Format: vaultdv1.PrivateKeyFormat_PRIVATE_KEY_FORMAT_PKCS8_ENCRYPTED_PEM,
		Passphrase: []byte("the first passphrase"),
	}
	for _, f := range edit {
		f(r)
	}
	return request(e.t, "ExportKey", r)
}

// ask makes a call over both forms, and wants this code of the first and this
// one of the second.
func (e *eyes) ask(who account, c call, frames, http fault.Code) answer {
	e.t.Helper()
	got := as(e.t, who, e.socket, c)[0]
	if got.Frame != frames || got.Code != string(http) {
		e.t.Fatalf("%s %s %s: %q and %q, want %q and %q\n%s", who.name, c.Method, c.Request, got.Frame, got.Code, frames, http, got.Text)
	}
	return got
}

var approveID = regexp.MustCompile(`approval approve ([0-9a-f]{16})`)

// wait makes a call that has to wait for approval, and returns the approval's id.
func (e *eyes) wait(who account, c call) string {
	e.t.Helper()
	got := e.ask(who, c, fault.CodeApprovalRequired, fault.CodeApprovalRequired)
	id := approveID.FindStringSubmatch(got.Text)
	if id == nil || !strings.Contains(got.HTTP, id[1]) {
		e.t.Fatalf("not one approval for both forms: %+v", got)
	}
	return id[1]
}

func (e *eyes) approve(who account, id string, want fault.Code) answer {
	e.t.Helper()
	return e.ask(who, request(e.t, "Approve", &vaultdv1.ApproveRequest{Id: id}), want, want)
}

func (e *eyes) reject(who account, id string, want fault.Code) {
	e.t.Helper()
	e.ask(who, request(e.t, "Reject", &vaultdv1.RejectRequest{Id: id}), want, want)
}

// approvals lists them as who sees them.
func (e *eyes) approvals(who account) []*vaultdv1.Approval {
	e.t.Helper()
	var r vaultdv1.ListApprovalsResponse
	got := e.ask(who, request(e.t, "ListApprovals", &vaultdv1.ListApprovalsRequest{}), "", "")
	if err := protojson.Unmarshal(got.Reply, &r); err != nil {
		e.t.Fatal(err)
	}
	return r.GetApprovals()
}

func (e *eyes) restart() {
	e.t.Helper()
	if err := e.daemon.Stop(); err != nil {
		e.t.Fatal(err)
	}
	e.daemon = rig.MustStart(e.t, e.daemon.Home)
	if err := e.daemon.Unseal(e.ctx, rig.Password); err != nil {
		e.t.Fatal(err)
	}
}

// A key leaves the vault when a second administrator says so: once, to who
// asked for it, and as it was asked for.
func TestExportUnderFourEyes(t *testing.T) {
	e := newEyes(t)
	k1 := e.export("k1")
	id := e.wait(e.alice, k1)
	if again := e.wait(e.alice, k1); again != id {
		t.Errorf("the same request waits as %s and as %s", id, again)
	}

	// Others neither wait nor learn of it.
	e.ask(e.bob, k1, fault.CodePermissionDenied, fault.CodePermissionDenied)
	if seen := e.approvals(e.bob); len(seen) > 0 {
		t.Errorf("bob sees %v", seen)
	}
	await := request(t, "AwaitApproval", &vaultdv1.AwaitApprovalRequest{Id: id, Wait: durationpb.New(10 * time.Second)})
	e.ask(e.bob, await, fault.CodeApprovalNotFound, fault.CodeApprovalNotFound)
	e.ask(e.bob, request(t, "Approve", &vaultdv1.ApproveRequest{Id: id}), fault.CodePermissionDenied, fault.CodePermissionDenied)
	e.approve(e.alice, id, fault.CodePermissionDenied)
	for _, who := range []account{e.alice, e.admin} {
		seen := e.approvals(who)
		if len(seen) != 1 || seen[0].GetId() != id || seen[0].GetState() != "waiting" || seen[0].GetRequester().GetUid() != e.alice.uid ||
			seen[0].GetResource() != e.alice.name+"/k1" || seen[0].GetAction() != "key.export" || seen[0].GetGrant() == "" {
			t.Errorf("%s sees %v", who.name, seen)
		}
		if d := seen[0].GetDetails(); strings.Contains(d, "passphrase") || strings.Contains(d, `"version":1`) != (who.uid == e.admin.uid) {
			t.Errorf("%s sees %s", who.name, d)
		}
	}
	status, err := e.daemon.Client.Status(e.ctx, &vaultdv1.StatusRequest{})
	if err != nil || status.GetApprovalsWaiting() != 1 {
		t.Errorf("%d wait, %v", status.GetApprovalsWaiting(), err)
	}

	// While the vault is sealed nobody can say who may know of it.
	if _, err := e.daemon.Client.Seal(e.ctx, &vaultdv1.SealRequest{}); err != nil {
		t.Fatal(err)
	}
	if status, err := e.daemon.Client.Status(e.ctx, &vaultdv1.StatusRequest{}); err != nil || status.GetApprovalsWaiting() != 0 {
		t.Errorf("sealed, %d wait, %v", status.GetApprovalsWaiting(), err)
	}
	if err := e.daemon.Unseal(e.ctx, rig.Password); err != nil {
		t.Fatal(err)
	}

	// can and explain say so too.
	var can vaultdv1.CanResponse
	said := e.ask(e.alice, request(t, "Can", &vaultdv1.CanRequest{Action: "export", Resource: e.alice.name + "/k1"}), "", "")
	if err := protojson.Unmarshal(said.Reply, &can); err != nil || can.GetAllowed() || can.GetRule() != "four-eyes" || can.GetMissing()[0].GetAttribute() != "four_eyes" {
		t.Errorf("can: %s, %v", said.Reply, err)
	}
	denied := e.ask(e.alice, k1, fault.CodeApprovalRequired, fault.CodeApprovalRequired)
	_, decision, _ := strings.Cut(denied.Text, "vaultctl explain ")
	why := e.ask(e.alice, request(t, "Explain", &vaultdv1.ExplainRequest{Decision: decision[:16]}), "", "")
	if !bytes.Contains(why.Reply, []byte("four-eyes")) {
		t.Errorf("explain: %s", why.Reply)
	}

	// Approved, it is exactly this request that passes, and once.
	e.approve(e.admin, id, "")
	e.ask(e.alice, await, "", "")
	for _, other := range []call{
		e.export("k2"),
		e.export("k1", func(r *vaultdv1.ExportKeyRequest) { r.Version = 2 }),
		e.export("k1", func(r *vaultdv1.ExportKeyRequest) {
			r.Passphrase, r.Format = nil, vaultdv1.PrivateKeyFormat_PRIVATE_KEY_FORMAT_PKCS8_PEM
		}),
	} {
		if e.wait(e.alice, other) == id {
			t.Errorf("%s is the request that was approved", other.Request)
		}
	}
	if mine := e.wait(e.admin, k1); mine == id {
		t.Error("somebody else's request is the one that was approved")
	} else {
		e.approve(e.admin, mine, fault.CodePermissionDenied) // its own
		e.reject(e.admin, mine, fault.CodePermissionDenied)
	}
	otherPassphrase := e.export("k1", func(r *vaultdv1.ExportKeyRequest) { r.Passphrase = []byte("another passphrase") })
	got := e.ask(e.alice, otherPassphrase, "", fault.CodeApprovalRequired)
	if !bytes.Contains(got.Reply, []byte("material")) {
		t.Errorf("nothing came out: %s", got.Reply)
	}
	e.ask(e.alice, k1, fault.CodeApprovalRequired, fault.CodeApprovalRequired)
	e.approve(e.second, id, fault.CodeApprovalNotFound)

	// An approval for the newest version is for what was the newest.
	id = e.wait(e.alice, k1)
	e.approve(e.second, id, "")
	e.ask(e.alice, request(t, "RotateKey", &vaultdv1.RotateKeyRequest{Name: e.alice.name + "/k1"}), "", "")
	if e.wait(e.alice, k1) == id {
		t.Error("an approval goes over to a new version")
	}
	records := e.audited("key.export")
	for _, want := range []string{
		fmt.Sprintf("denied approval_required four-eyes uid=%d approval=", e.alice.uid),
		fmt.Sprintf("denied permission_denied default-deny uid=%d\n", e.bob.uid),
		fmt.Sprintf("begun  owner uid=%d approval= approved_by=%s", e.alice.uid, e.admin.name),
		fmt.Sprintf("allowed  owner uid=%d approval= approved_by=%s", e.alice.uid, e.admin.name),
	} {
		if !strings.Contains(records, want) {
			t.Errorf("no record %q in\n%s", want, records)
		}
	}
	if a := e.audited("approval.approve"); !strings.Contains(a, fmt.Sprintf("allowed  admin-group uid=%d approval=", e.admin.uid)) ||
		!strings.Contains(a, fmt.Sprintf("denied permission_denied admin-group uid=%d approval=", e.admin.uid)) {
		t.Errorf("of approvals:\n%s", a)
	}
}

// audited are the records of an action, a line each, without the ids that differ.
func (e *eyes) audited(action string) string {
	e.t.Helper()
	if _, err := e.daemon.Client.CheckpointAudit(e.ctx, &vaultdv1.CheckpointAuditRequest{}); err != nil { // writes what waits
		e.t.Fatal(err)
	}
	var b strings.Builder
	for r, err := range audit.Read(e.daemon.Home.Audit(), audit.Filter{Action: action}) {
		if err != nil {
			e.t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s %s %s uid=%d", r.Outcome, r.Code, r.Rule, r.Principal.UID)
		for _, f := range r.Extra {
			switch f.Name {
			case "approval":
				fmt.Fprint(&b, " approval=")
			case "approved_by":
				fmt.Fprint(&b, " approved_by=", f.Value)
			}
		}
		fmt.Fprintln(&b)
	}
	return b.String()
}

// What was rejected stays so, a deny that comes later wins, and a restart forgets.
func TestDestroyUnderFourEyes(t *testing.T) {
	e := newEyes(t)
	destroy := func(key string) call {
		return request(t, "DestroyKey", &vaultdv1.DestroyKeyRequest{Name: e.alice.name + "/" + key, Reason: "old"})
	}
	id := e.wait(e.alice, destroy("k1"))
	e.reject(e.admin, id, "")
	refused := e.ask(e.alice, destroy("k1"), fault.CodeApprovalRejected, fault.CodeApprovalRejected)
	if !strings.Contains(refused.Text, e.admin.name) {
		t.Errorf("it is not said who rejected: %s", refused.Text)
	}
	e.approve(e.second, id, fault.CodeApprovalRejected)

	id = e.wait(e.alice, destroy("k2"))
	e.approve(e.second, id, "")
	deny := e.grant(`{"effect":"deny","any_user":true,"verbs":["destroy"],"keys":["*/*"]}`)
	e.ask(e.alice, destroy("k2"), fault.CodePermissionDenied, fault.CodePermissionDenied)
	if _, err := e.daemon.Client.RemoveGrant(e.ctx, &vaultdv1.RemoveGrantRequest{Id: deny}); err != nil {
		t.Fatal(err)
	}
	if got := e.ask(e.alice, destroy("k2"), "", fault.CodeApprovalRequired); !bytes.Contains(got.Reply, []byte("DESTROYED")) {
		t.Errorf("answered %s", got.Reply)
	}

	// A revocation waits for nobody.
	e.ask(e.alice, request(t, "RevokeKey", &vaultdv1.RevokeKeyRequest{Name: e.alice.name + "/k1"}), "", "")

	id = e.wait(e.alice, e.export("k1"))
	e.restart()
	e.approve(e.admin, id, fault.CodeApprovalNotFound)
	if seen := e.approvals(e.admin); len(seen) > 0 {
		t.Errorf("after a restart there are %v", seen)
	}
	e.wait(e.alice, e.export("k1"))

	// Root is nobody's to hold back.
	if _, err := e.daemon.Client.DestroyKey(e.ctx, &vaultdv1.DestroyKeyRequest{Name: e.alice.name + "/k1"}); err != nil {
		t.Error(err)
	}

	// An owner's revocation destroys every key that it has.
	revoke := request(t, "RevokeOwner", &vaultdv1.RevokeOwnerRequest{Name: e.alice.name, Reason: "left"})
	id = e.wait(e.admin, revoke)
	e.approve(e.second, id, "")
	e.ask(e.admin, revoke, "", fault.CodeApprovalRequired)
}

// One administrator alone can't lift the rule that binds it.
func TestPolicyChangesUnderFourEyes(t *testing.T) {
	e := newEyes(t)
	list, err := e.daemon.Client.ListGrants(e.ctx, &vaultdv1.ListGrantsRequest{})
	if err != nil || len(list.GetGrants()) != 1 {
		t.Fatal(list, err)
	}
	rule := list.GetGrants()[0].GetId()
	remove := request(t, "RemoveGrant", &vaultdv1.RemoveGrantRequest{Id: rule})
	id := e.wait(e.admin, remove)
	seen := e.approvals(e.second)
	if len(seen) != 1 || seen[0].GetResource() != "the vault" || !strings.Contains(seen[0].GetDetails(), `"four_eyes":true`) {
		t.Errorf("the second administrator sees %v", seen)
	}
	e.reject(e.second, id, "")

	// A mistake is told before anybody is asked.
	e.ask(e.admin, request(t, "RemoveGrant", &vaultdv1.RemoveGrantRequest{Id: strings.Repeat("0", 32)}), fault.CodeGrantNotFound, fault.CodeGrantNotFound)
	add := func(text string) call { return request(t, "AddGrant", &vaultdv1.AddGrantRequest{Json: text}) }
	e.ask(e.admin, add(`{"effect":"allow"}`), fault.CodeBadArgument, fault.CodeBadArgument)
	e.ask(e.admin, add(`{"effect":"allow","any_user":true,"verbs":["change_policy"],"keys":["*/*"]}`), fault.CodeBadArgument, fault.CodeBadArgument)
	e.ask(e.bob, remove, fault.CodePermissionDenied, fault.CodePermissionDenied)

	allow := fmt.Sprintf(`{"effect":"allow","user":%q,"verbs":["show"],"keys":["%s/*"]}`, e.bob.name, e.alice.name)
	id = e.wait(e.admin, add(allow))
	e.approve(e.second, id, "")
	e.wait(e.admin, add(strings.Replace(allow, "show", "decrypt", 1)))
	e.ask(e.second, add(allow), fault.CodeApprovalRequired, fault.CodeApprovalRequired) // and not its own
	e.ask(e.admin, add(allow), "", fault.CodeApprovalRequired)
	e.ask(e.bob, request(t, "ShowKey", &vaultdv1.ShowKeyRequest{Name: e.alice.name + "/k1"}), "", "")
	e.ask(e.bob, request(t, "Encrypt", &vaultdv1.EncryptRequest{Key: e.alice.name + "/k1"}), fault.CodePermissionDenied, fault.CodePermissionDenied)
}

// An allow under four eyes gives to somebody else what it says, each time anew.
func TestAllowUnderFourEyes(t *testing.T) {
	e := newEyes(t)
	e.grant(fmt.Sprintf(`{"effect":"allow","user":%q,"verbs":["export"],"keys":["%s/k1"],"four_eyes":true,"total_uses":1}`, e.bob.name, e.alice.name))
	e.ask(e.bob, e.export("k2"), fault.CodePermissionDenied, fault.CodePermissionDenied)
	id := e.wait(e.bob, e.export("k1"))
	e.approve(e.second, id, "")
	e.ask(e.bob, e.export("k1"), "", fault.CodePermissionDenied) // used up
	var states []string
	list, err := e.daemon.Client.ListGrants(e.ctx, &vaultdv1.ListGrantsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range list.GetGrants() {
		states = append(states, g.GetState())
	}
	if got := strings.Join(states, ", "); got != "active, used up" && got != "used up, active" {
		t.Errorf("states %s", got)
	}
}
