//go:build linux

package uid

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/durationpb"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/test/rig"
	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
)

// machine is a daemon that serves several users.
type machine struct {
	daemon                           *rig.Daemon
	service, alice, bob, admin, none account
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	needRoot(t)
	group, gid := addGroup(t, "g")
	m := &machine{
		service: addUser(t, "d"), alice: addUser(t, "a"), bob: addUser(t, "b"), admin: addUser(t, "c", gid),
		none: account{name: "a uid without an account", uid: 54321, gid: 54321},
	}
	dir, err := os.MkdirTemp("", "vaultd-uid-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	home := rig.NewHome(t, dir)
	home.User = m.service.credential()
	home.Config = "min_free = \"1 MiB\"\nballast = \"1 MiB\"\n[access]\nadmin_groups = [\"" + group + "\"]\n"
	for _, d := range []string{dir, home.Run} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(d, int(m.service.uid), int(m.service.gid)); err != nil {
			t.Fatal(err)
		}
	}
	m.daemon = rig.MustStart(t, home)
	m.daemon.Init(t)
	return m
}

// foreign are calls about a key of somebody, one or more for each method that
// belongs to owners. The ciphertext names the key by itself.
func foreign(t *testing.T, owner, key, ciphertext string) []call {
	name := owner + "/" + key
	mine := "stolen" // a name of the caller's own would do as well
	return []call{
		request(t, "CreateKey", &vaultdv1.CreateKeyRequest{Name: name}),
		request(t, "CreateKey", &vaultdv1.CreateKeyRequest{Name: name, Type: "no-such-type"}),
		request(t, "ShowKey", &vaultdv1.ShowKeyRequest{Name: name}),
		request(t, "ListKeys", &vaultdv1.ListKeysRequest{Owner: owner}),
		request(t, "PublicKey", &vaultdv1.PublicKeyRequest{Name: name}),
		request(t, "PublicKey", &vaultdv1.PublicKeyRequest{Name: name, Version: 77}),
		request(t, "RotateKey", &vaultdv1.RotateKeyRequest{Name: name}),
		request(t, "ImportKey", &vaultdv1.ImportKeyRequest{Name: name, Type: "xaes-256-gcm", Material: make([]byte, 32)}),
		request(t, "ExportKey", &vaultdv1.ExportKeyRequest{Name: name}),
		request(t, "DestroyKey", &vaultdv1.DestroyKeyRequest{Name: name}),
		request(t, "RevokeKey", &vaultdv1.RevokeKeyRequest{Name: name}),
		request(t, "SuspendKey", &vaultdv1.SuspendKeyRequest{Name: name}),
		request(t, "ResumeKey", &vaultdv1.ResumeKeyRequest{Name: name}),
		request(t, "UpdateKey", &vaultdv1.UpdateKeyRequest{Name: name, NoExpiry: true}),
		request(t, "CancelDestruction", &vaultdv1.CancelDestructionRequest{Name: name}),
		request(t, "TrimKey", &vaultdv1.TrimKeyRequest{Name: name}),
		request(t, "Encrypt", &vaultdv1.EncryptRequest{Key: name, Plaintext: []byte("x")}),
		request(t, "Decrypt", &vaultdv1.DecryptRequest{Key: name, Ciphertext: ciphertext}),
		request(t, "Decrypt", &vaultdv1.DecryptRequest{Key: name, Ciphertext: "garbage"}),
		request(t, "Decrypt", &vaultdv1.DecryptRequest{Ciphertext: ciphertext}),
		request(t, "Sign", &vaultdv1.SignRequest{Key: name, Message: []byte("x")}),
		request(t, "Verify", &vaultdv1.VerifyRequest{Key: name, Message: []byte("x"), Signature: []byte("y")}),
		request(t, "MAC", &vaultdv1.MACRequest{Key: name, Message: []byte("x")}),
		request(t, "VerifyMAC", &vaultdv1.VerifyMACRequest{Key: name, Message: []byte("x"), Mac: []byte("y")}),
		request(t, "Agree", &vaultdv1.AgreeRequest{Key: name, PeerPublicKey: []byte("x")}),
		request(t, "Rewrap", &vaultdv1.RewrapRequest{Key: name, Ciphertext: ciphertext}),
		request(t, "Rewrap", &vaultdv1.RewrapRequest{Ciphertext: ciphertext}),
		request(t, "Rewrap", &vaultdv1.RewrapRequest{Ciphertext: ciphertext, ToKey: owner + "/" + mine}),
		request(t, "Rewrap", &vaultdv1.RewrapRequest{Ciphertext: ciphertext, ChangeContext: true}),
		request(t, "GenerateDataKey", &vaultdv1.GenerateDataKeyRequest{Key: name}),
		request(t, "GenerateDataKey", &vaultdv1.GenerateDataKeyRequest{Key: name, Type: "no-such-type"}),
		request(t, "Derive", &vaultdv1.DeriveRequest{Key: name}),
		request(t, "Derive", &vaultdv1.DeriveRequest{Key: name, Version: 77}),
		request(t, "Forget", &vaultdv1.ForgetRequest{Key: name, Version: 1}),
		request(t, "KeyCensus", &vaultdv1.KeyCensusRequest{Name: name}),
		request(t, "Encapsulate", &vaultdv1.EncapsulateRequest{Key: name}),
		request(t, "Decapsulate", &vaultdv1.DecapsulateRequest{Key: name, Ciphertext: []byte("x")}),
		request(t, "CreateCSR", &vaultdv1.CreateCSRRequest{Key: name, Subject: &vaultdv1.CertificateName{CommonName: "x"}}),
		request(t, "CreateCertificate", &vaultdv1.CreateCertificateRequest{Key: name, Subject: &vaultdv1.CertificateName{CommonName: "x"}}),
		request(t, "WrapKey", &vaultdv1.WrapKeyRequest{Key: name, WrappingPublicKey: []byte("x")}),
		request(t, "WrapKey", &vaultdv1.WrapKeyRequest{Key: name, WrappingKey: owner + "/" + mine}),
		request(t, "UnwrapKey", &vaultdv1.UnwrapKeyRequest{Name: owner + "/" + mine, UnwrappingKey: name, Wrapped: []byte("x")}),
		request(t, "OfferExchange", &vaultdv1.OfferExchangeRequest{SigningKey: name, SessionKey: owner + "/" + mine, PeerFingerprint: "SHA256:x"}),
		request(t, "AcceptExchange", &vaultdv1.AcceptExchangeRequest{Message: "x", SigningKey: name, SessionKey: owner + "/" + mine}),
		request(t, "FinishExchange", &vaultdv1.FinishExchangeRequest{Message: "x", Owner: owner}),
		request(t, "SetAlias", &vaultdv1.SetAliasRequest{Name: name, Key: owner + "/" + mine}),
		request(t, "SetAlias", &vaultdv1.SetAliasRequest{Name: owner + "/" + mine, Key: name}),
		request(t, "ListAliases", &vaultdv1.ListAliasesRequest{Owner: owner}),
		request(t, "ListAliases", &vaultdv1.ListAliasesRequest{Name: name}),
		request(t, "ListAliases", &vaultdv1.ListAliasesRequest{Key: name}),
		request(t, "RemoveAlias", &vaultdv1.RemoveAliasRequest{Name: name}),
		request(t, "ShowOwner", &vaultdv1.ShowOwnerRequest{Name: owner}),
		request(t, "ListRevocations", &vaultdv1.ListRevocationsRequest{Owner: owner}),
		request(t, "CheckRevocation", &vaultdv1.CheckRevocationRequest{Subject: name}),
		request(t, "CheckRevocation", &vaultdv1.CheckRevocationRequest{Subject: owner}),
	}
}

// administrative are calls for administrators alone.
func administrative(t *testing.T, owner string) []call {
	return []call{
		request(t, "Init", &vaultdv1.InitRequest{Password: []byte("x")}),
		request(t, "Unseal", &vaultdv1.UnsealRequest{Password: []byte("x")}),
		request(t, "Seal", &vaultdv1.SealRequest{}),
		request(t, "ChangePassword", &vaultdv1.ChangePasswordRequest{OldPassword: []byte(rig.Password), NewPassword: []byte("x")}),
		request(t, "AddSlot", &vaultdv1.AddSlotRequest{
			With: &vaultdv1.SlotSecret{Secret: []byte(rig.Password)}, Kind: vaultdv1.SlotKind_SLOT_KIND_KEY_FILE, Secret: make([]byte, 32),
		}),
		request(t, "ListSlots", &vaultdv1.ListSlotsRequest{}),
		request(t, "RemoveSlot", &vaultdv1.RemoveSlotRequest{With: &vaultdv1.SlotSecret{Secret: []byte(rig.Password)}, Slot: "1"}),
		request(t, "EnterShare", &vaultdv1.EnterShareRequest{Share: []byte("x")}),
		request(t, "ResetShares", &vaultdv1.ResetSharesRequest{}),
		request(t, "Scrub", &vaultdv1.ScrubRequest{}),
		request(t, "CreateOwner", &vaultdv1.CreateOwnerRequest{Name: owner}),
		request(t, "RevokeOwner", &vaultdv1.RevokeOwnerRequest{Name: owner}),
		request(t, "ReinstateOwner", &vaultdv1.ReinstateOwnerRequest{Name: owner}),
		request(t, "AddGrant", &vaultdv1.AddGrantRequest{Json: `{"effect":"allow","any_user":true,"verbs":["use"],"keys":["*/*"]}`}),
		request(t, "ShowGrant", &vaultdv1.ShowGrantRequest{Id: "00000000000000000000000000000000"}),
		request(t, "ListGrants", &vaultdv1.ListGrantsRequest{}),
		request(t, "RemoveGrant", &vaultdv1.RemoveGrantRequest{Id: "00000000000000000000000000000000"}),
		request(t, "ListPrincipals", &vaultdv1.ListPrincipalsRequest{}),
		request(t, "AdoptPrincipal", &vaultdv1.AdoptPrincipalRequest{Uid: 54321}),
		request(t, "RetirePrincipal", &vaultdv1.RetirePrincipalRequest{Uid: 54321}),
		request(t, "Approve", &vaultdv1.ApproveRequest{Id: "0000000000000000"}),
		request(t, "Reject", &vaultdv1.RejectRequest{Id: "0000000000000000"}),
		request(t, "ReadAudit", &vaultdv1.ReadAuditRequest{}),
		request(t, "CheckpointAudit", &vaultdv1.CheckpointAuditRequest{}),
		request(t, "ProveAudit", &vaultdv1.ProveAuditRequest{}),
		request(t, "BeginBackup", &vaultdv1.BeginBackupRequest{}),
		request(t, "ReadBackup", &vaultdv1.ReadBackupRequest{}),
		request(t, "Check", &vaultdv1.CheckRequest{}),
		request(t, "ListBackups", &vaultdv1.ListBackupsRequest{}),
	}
}

func TestForeignNamespaceIsDenied(t *testing.T) {
	m := newMachine(t)
	socket := m.daemon.Home.Socket()
	const key, absent = "secret-one", "not-there1"
	made := as(t, m.alice, socket, request(t, "CreateKey", &vaultdv1.CreateKeyRequest{Name: m.alice.name + "/" + key}))
	if made[0].Frame != "" || made[0].Code != string(fault.CodeKeyExists) { // the second form finds the key of the first
		t.Fatalf("alice's own key: %+v", made[0])
	}
	var sealed vaultdv1.EncryptResponse
	own := as(t, m.alice, socket, request(t, "Encrypt", &vaultdv1.EncryptRequest{Key: m.alice.name + "/" + key, Plaintext: []byte("hers")}))
	if own[0].Frame != "" || own[0].Code != "" {
		t.Fatalf("alice's own encryption: %+v", own[0])
	}
	if err := protojson.Unmarshal(own[0].Reply, &sealed); err != nil {
		t.Fatal(err)
	}
	unknown := otherKeyID(sealed.GetCiphertext())

	covered := map[string]bool{}
	for _, who := range []account{m.bob, m.none} {
		there := append(foreign(t, m.alice.name, key, sealed.GetCiphertext()), administrative(t, m.alice.name)...)
		gone := append(foreign(t, m.alice.name, absent, unknown), administrative(t, m.alice.name)...)
		a, b := as(t, who, socket, there...), as(t, who, socket, gone...)
		for i, c := range there {
			covered[c.Method] = true
			if a[i].Frame != fault.CodePermissionDenied || a[i].Code != string(fault.CodePermissionDenied) {
				t.Errorf("%s by %s answers %q over frames and %q over HTTP; want permission_denied\n%s", c.Method, who.name, a[i].Frame, a[i].Code, c.Request)
			}
			if x, y := plain(a[i], key), plain(b[i], absent); x != y {
				t.Errorf("%s by %s tells whether the key is there:\n%s\n%s", c.Method, who.name, x, y)
			}
		}
	}
	for _, r := range policy.Rules() {
		if r.Scope != policy.ScopePublic && !covered[r.Method] && r.Method != "ListOwners" {
			t.Errorf("no call tries %s", r.Method)
		}
	}
	for _, a := range as(t, m.bob, socket,
		request(t, "ListKeys", &vaultdv1.ListKeysRequest{IncludeDestroyed: true}), request(t, "ListOwners", &vaultdv1.ListOwnersRequest{})) {
		if strings.Contains(string(a.Reply)+a.HTTP, m.alice.name) {
			t.Errorf("bob is told of alice: %s %s", a.Reply, a.HTTP)
		}
	}

	// Nothing of all this did anything.
	again := as(t, m.alice, socket, request(t, "Decrypt", &vaultdv1.DecryptRequest{Ciphertext: sealed.GetCiphertext()}),
		request(t, "ShowKey", &vaultdv1.ShowKeyRequest{Name: m.alice.name + "/" + absent}))
	if again[0].Frame != "" || again[0].Code != "" {
		t.Errorf("alice's decryption afterwards: %+v", again[0])
	}
	if again[1].Frame != fault.CodeKeyNotFound || again[1].Code != string(fault.CodeKeyNotFound) {
		t.Errorf("a key that bob tried to make: %+v", again[1])
	}
}

// otherKeyID changes the key id in a vd1 ciphertext's text form, which begins
// after the algorithm.
func otherKeyID(text string) string {
	b := []byte(text)
	for i := 12; i < 18; i++ {
		if b[i] == 'A' {
			b[i] = 'B'
		} else {
			b[i] = 'A'
		}
	}
	return string(b)
}

// decision finds what differs in every denial: its id, in the message, the ref and in
// base64 within the details.
var decision = regexp.MustCompile(`explain [0-9a-f]{16}|"(value|ref)":"[^"]*"`)

// plain is an answer without the key's name and the decision's id.
func plain(a answer, key string) string {
	text := strings.ReplaceAll(string(a.Frame)+" "+a.Text+" "+a.HTTP, key, "KEY")
	return decision.ReplaceAllString(text, "ID")
}

func TestAdministratorsByGroup(t *testing.T) {
	m := newMachine(t)
	socket := m.daemon.Home.Socket()
	name := m.alice.name + "/k"
	for _, a := range as(t, m.admin, socket,
		request(t, "Encrypt", &vaultdv1.EncryptRequest{Key: name}), // makes sure that a missing key is told to who may know
	) {
		if a.Frame != fault.CodeKeyNotFound || a.Code != string(fault.CodeKeyNotFound) {
			t.Errorf("a missing key answers an administrator %+v", a)
		}
	}
	if a := as(t, m.alice, socket, request(t, "CreateKey", &vaultdv1.CreateKeyRequest{Name: name}))[0]; a.Frame != "" {
		t.Fatalf("alice: %+v", a)
	}
	for i, a := range as(t, m.admin, socket,
		request(t, "Encrypt", &vaultdv1.EncryptRequest{Key: name, Plaintext: []byte("x")}),
		request(t, "ListKeys", &vaultdv1.ListKeysRequest{Owner: m.alice.name}),
		request(t, "ListOwners", &vaultdv1.ListOwnersRequest{}),
	) {
		if a.Frame != "" || a.Code != "" {
			t.Errorf("call %d of an administrator: %+v", i, a)
		}
	}
}

func TestRevokedOwnerStaysRevoked(t *testing.T) {
	m := newMachine(t)
	socket := m.daemon.Home.Socket()
	name := m.alice.name + "/k"
	if a := as(t, m.alice, socket, request(t, "CreateKey", &vaultdv1.CreateKeyRequest{Name: name}))[0]; a.Frame != "" {
		t.Fatalf("alice: %+v", a)
	}
	if a := as(t, m.admin, socket, request(t, "RevokeOwner", &vaultdv1.RevokeOwnerRequest{Name: m.alice.name, Reason: "left"}))[0]; a.Frame != "" {
		t.Fatalf("revoke: %+v", a)
	}
	refused := func(when string) {
		t.Helper()
		for i, a := range as(t, m.alice, socket,
			request(t, "Encrypt", &vaultdv1.EncryptRequest{Key: name, Plaintext: []byte("x")}),
			request(t, "CreateKey", &vaultdv1.CreateKeyRequest{Name: m.alice.name + "/new"}),
			request(t, "ImportKey", &vaultdv1.ImportKeyRequest{Name: m.alice.name + "/in", Type: "xaes-256-gcm", Material: make([]byte, 32)}),
			request(t, "RotateKey", &vaultdv1.RotateKeyRequest{Name: name}),
		) {
			if a.Frame != fault.CodeOwnerRevoked || a.Code != string(fault.CodeOwnerRevoked) {
				t.Errorf("%s: call %d of the revoked owner answers %+v", when, i, a)
			}
		}
	}
	refused("at once")
	if err := m.daemon.Stop(); err != nil {
		t.Fatal(err)
	}
	m.daemon = rig.MustStart(t, m.daemon.Home)
	if err := m.daemon.Unseal(rig.Context(t), rig.Password); err != nil {
		t.Fatal(err)
	}
	refused("after a restart")
	m.daemon.Kill()
	m.daemon = rig.MustStart(t, m.daemon.Home)
	if err := m.daemon.Unseal(rig.Context(t), rig.Password); err != nil {
		t.Fatal(err)
	}
	refused("after a crash")
}

// An expired key protects nothing new, and opens what it protected.
func TestExpiredKeyDoesNotEncrypt(t *testing.T) {
	m := newMachine(t)
	socket, name := m.daemon.Home.Socket(), m.alice.name+"/short"
	first := as(t, m.alice, socket,
		request(t, "CreateKey", &vaultdv1.CreateKeyRequest{Name: name, Ttl: durationpb.New(2 * time.Second)}),
		request(t, "Encrypt", &vaultdv1.EncryptRequest{Key: name, Plaintext: []byte("in time")}))
	if first[1].Frame != "" {
		t.Fatalf("encrypt in time: %+v", first[1])
	}
	var sealed vaultdv1.EncryptResponse
	if err := protojson.Unmarshal(first[1].Reply, &sealed); err != nil {
		t.Fatal(err)
	}
	encrypt := request(t, "Encrypt", &vaultdv1.EncryptRequest{Key: name, Plaintext: []byte("too late")})
	var late answer
	for deadline := time.Now().Add(time.Minute); late.Frame == "" && time.Now().Before(deadline); {
		late = as(t, m.alice, socket, encrypt)[0]
	}
	if late.Frame != fault.CodeExpired {
		t.Errorf("encrypt too late answers %+v", late)
	}
	opened := as(t, m.alice, socket, request(t, "Decrypt", &vaultdv1.DecryptRequest{Ciphertext: sealed.GetCiphertext()}))[0]
	if opened.Frame != "" || opened.Code != "" {
		t.Errorf("decrypt after the expiry: %+v", opened)
	}
}

// Other users can neither read nor enter what the daemon keeps.
func TestFilesAreClosedToOthers(t *testing.T) {
	m := newMachine(t)
	home := m.daemon.Home
	for _, dir := range []string{home.Store, filepath.Dir(home.Anchor)} {
		err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := entry.Info()
			if err == nil && info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s has mode %v", path, info.Mode())
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
