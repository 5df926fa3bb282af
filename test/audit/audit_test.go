//go:build linux

package audit

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/test/rig"
	"github.com/vaultd/vaultd/vault/audit"
	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
)

func TestMain(m *testing.M) { rig.Main(m) }

func records(t *testing.T, dir string, f audit.Filter) []audit.Record {
	t.Helper()
	var all []audit.Record
	for e, err := range audit.Read(dir, f) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e.Record)
	}
	return all
}

// verify runs the program on a log, and returns its exit status and output.
func verify(t *testing.T, dir string, args ...string) (int, string) {
	t.Helper()
	cmd := exec.Command(rig.Program(t, "vaultctl"), append([]string{"audit", "verify", dir}, args...)...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// A change that was acknowledged has its record, whenever the daemon is killed.
func TestNoChangeWithoutRecord(t *testing.T) {
	h := rig.NewHome(t, t.TempDir())
	d := rig.MustStart(t, h)
	d.Init(t)
	ctx := rig.Context(t)
	var made []string
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	for round := range rounds {
		var mu sync.Mutex
		var writers sync.WaitGroup
		for w := range 4 {
			writers.Go(func() {
				for i := 0; ; i++ {
					name := fmt.Sprintf("billing/k%d-%d-%d", round, w, i)
					if _, err := d.Client.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: name, Type: "xaes-256-gcm"}); err != nil {
						return
					}
					mu.Lock()
					made = append(made, name)
					mu.Unlock()
				}
			})
		}
		time.Sleep(time.Duration(20+17*round) * time.Millisecond)
		d.Kill()
		writers.Wait()

		d = rig.MustStart(t, h)
		if err := d.Unseal(ctx, rig.Password); err != nil {
			t.Fatal(err)
		}
	}
	begun, ended := map[string]bool{}, map[string]bool{}
	open := map[string]bool{}
	for _, r := range records(t, h.Audit(), audit.Filter{Action: "key.create"}) {
		name := r.Owner + "/" + r.Key.Name
		switch r.Outcome {
		case audit.Begun:
			begun[name], open[r.Request] = true, true
		case audit.Allowed:
			ended[name] = true
			fallthrough
		default:
			delete(open, r.Request)
		}
	}
	if len(made) < rounds {
		t.Fatalf("only %d keys were made in %d rounds", len(made), rounds)
	}
	for _, name := range made {
		if !begun[name] || !ended[name] {
			t.Errorf("%s was acknowledged: record before %t, after %t", name, begun[name], ended[name])
		}
	}
	// Also what was made and not acknowledged.
	page := ""
	for {
		list, err := d.Client.ListKeys(ctx, &vaultdv1.ListKeysRequest{Owner: "billing", PageToken: page})
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range list.GetKeys() {
			if !begun[k.GetName()] {
				t.Errorf("%s exists and has no record", k.GetName())
			}
		}
		if page = list.GetNextPageToken(); page == "" {
			break
		}
	}
	for request := range open {
		t.Errorf("request %s was begun, and nothing says how it ended", request)
	}
	if err := d.Stop(); err != nil {
		t.Error(err)
	}
	if code, out := verify(t, h.Audit()); code != 0 {
		t.Errorf("verify exits with %d:\n%s", code, out)
	}
	t.Logf("%d keys acknowledged in %d runs", len(made), rounds)
}

// A backup leaves a record before it begins, and one with its hash when it was
// given away; the parts between leave none.
func TestBackupIsOnRecord(t *testing.T) {
	d := rig.MustStart(t, rig.NewHome(t, t.TempDir()))
	d.Init(t)
	ctx := rig.Context(t)
	begun, err := d.Client.BeginBackup(ctx, &vaultdv1.BeginBackupRequest{})
	if err != nil {
		t.Fatal(err)
	}
	request := &vaultdv1.ReadBackupRequest{Id: begun.GetId()}
	var hash string
	for hash == "" {
		r, err := d.Client.ReadBackup(ctx, request)
		if err != nil {
			t.Fatal(err)
		}
		request.Offset += uint64(len(r.GetData()))
		if r.GetDone() {
			hash = hex.EncodeToString(r.GetBackup().GetSha256())
		}
	}
	log, err := d.Client.ReadAudit(ctx, &vaultdv1.ReadAuditRequest{PageSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, line := range log.GetLines() {
		r, err := audit.Decode([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(r.Action, "vault.backup") || strings.HasPrefix(r.Action, "vault.read_backup") {
			got = append(got, r.Action+" "+string(r.Outcome))
		}
	}
	want := []string{"vault.backup begun", "vault.backup allowed", "vault.read_backup allowed"}
	if !slices.Equal(got, want) || !strings.Contains(strings.Join(log.GetLines(), ""), hash) {
		t.Errorf("on record are %v, want %v with %s", got, want, hash)
	}
}

func TestEditsAndDeletionsAreFound(t *testing.T) {
	h := rig.NewHome(t, t.TempDir())
	d := rig.MustStart(t, h)
	d.Init(t)
	ctx := rig.Context(t)
	for i := range 5 {
		if _, err := d.Client.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: fmt.Sprintf("billing/k%d", i)}); err != nil {
			t.Fatal(err)
		}
	}
	const plaintext = "the-very-secret-plaintext"
	if _, err := d.Client.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: "billing/k0", Plaintext: []byte(plaintext)}); err != nil {
		t.Fatal(err)
	}
	kept, err := d.Client.CheckpointAudit(ctx, &vaultdv1.CheckpointAuditRequest{})
	if err != nil {
		t.Fatal(err)
	}
	proof, err := d.Client.ProveAudit(ctx, &vaultdv1.ProveAuditRequest{Sequence: 3})
	if err != nil {
		t.Fatal(err)
	}
	if seq, _, err := audit.CheckProof([]byte(proof.GetProof()), []byte(proof.GetLine()), kept.GetPublicKey()); err != nil || seq != 3 {
		t.Errorf("proof of %d: %v", seq, err)
	}
	if err := d.Stop(); err != nil {
		t.Fatal(err)
	}
	checkpoint, key := filepath.Join(t.TempDir(), "checkpoint"), filepath.Join(t.TempDir(), "key")
	for name, text := range map[string]string{checkpoint: kept.GetCheckpoint(), key: kept.GetPublicKey()} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if code, out := verify(t, h.Audit(), "--against", checkpoint, "--key", key); code != 0 {
		t.Fatalf("verify exits with %d:\n%s", code, out)
	}

	segment := filepath.Join(h.Audit(), fmt.Sprintf("audit-%020d.jsonl", 0))
	written, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{plaintext, rig.Password} {
		if bytes.Contains(written, []byte(secret)) {
			t.Errorf("the log holds %q", secret)
		}
	}
	first := -1
	for i, line := range bytes.Split(written, []byte("\n")) {
		if bytes.Contains(line, []byte(`"name":"k2"`)) {
			first = i
			break
		}
	}
	edited := bytes.Replace(written, []byte(`"name":"k2"`), []byte(`"name":"k9"`), 1)
	if err := os.WriteFile(segment, edited, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out := verify(t, h.Audit()); code != 10 || !strings.Contains(out, fmt.Sprintf("from record %d on", first)) {
		t.Errorf("an edit of record %d: verify exits with %d:\n%s", first, code, out)
	}

	// An older copy of the whole log fits together; the vault remembers.
	if err := os.RemoveAll(h.Audit()); err != nil {
		t.Fatal(err)
	}
	d = rig.MustStart(t, h)
	if err := d.Unseal(ctx, rig.Password); err != nil {
		t.Fatal(err)
	}
	status, err := d.Client.Status(ctx, &vaultdv1.StatusRequest{})
	if err != nil || status.GetAudit() != "tampered" || !strings.Contains(strings.Join(status.GetWarnings(), " "), "audit log") {
		t.Errorf("a log that was removed: %v, %v", status, err)
	}
	if err := d.Stop(); err != nil {
		t.Error(err)
	}
	if code, out := verify(t, h.Audit(), "--against", checkpoint); code != 10 {
		t.Errorf("a log that was removed: verify exits with %d:\n%s", code, out)
	}
}

func TestFullDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	h := rig.NewHome(t, t.TempDir())
	if err := os.Mkdir(h.Audit(), 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=8m,mode=0700", "vaultd-test", h.Audit()).CombinedOutput(); err != nil {
		t.Skipf("mount: %v: %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", h.Audit()).Run() })
	d := rig.MustStart(t, h)
	d.Init(t)
	ctx := rig.Context(t)
	for _, name := range []string{"billing/a", "billing/b"} {
		if _, err := d.Client.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	filler := filepath.Join(h.Audit(), "filler")
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	_ = f.Close()

	late := 0
	for name, do := range map[string]func(context.Context) error{
		"create": func(ctx context.Context) error {
			late++ // what fits into the last page is still taken
			_, err := d.Client.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: fmt.Sprintf("billing/late%d", late)})
			return err
		},
		"encrypt": func(ctx context.Context) error {
			for {
				if _, err := d.Client.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: "billing/a", Plaintext: []byte("x")}); err != nil {
					return err
				}
			}
		},
	} {
		var err error
		for range 64 {
			if err = do(ctx); err != nil {
				break
			}
		}
		if rig.Code(err) != fault.CodeAuditUnavailable {
			t.Errorf("%s on a full disk: %v", name, err)
		}
	}
	before := sequence(ctx, t, d)
	for _, r := range policy.Rules() {
		if slices.Contains(worksOnFullDisk, r.Action) {
			continue
		}
		if err := call(ctx, d, r.Method, filled(r.Method)); rig.Code(err) != fault.CodeAuditUnavailable {
			t.Errorf("%s on a full disk: %v", r.Action, err)
		}
	}
	if after := sequence(ctx, t, d); after != before {
		t.Errorf("the vault went from %d to %d while everything was refused", before, after)
	}
	if _, err := d.Client.RevokeKey(ctx, &vaultdv1.RevokeKeyRequest{Name: "billing/a", Reason: "lost"}); err != nil {
		t.Errorf("revoke: %v", err)
	}
	if _, err := d.Client.DestroyKey(ctx, &vaultdv1.DestroyKeyRequest{Name: "billing/a"}); err != nil {
		t.Errorf("destroy: %v", err)
	}
	if status, err := d.Client.Status(ctx, &vaultdv1.StatusRequest{}); err != nil || status.GetAudit() != "failing" {
		t.Errorf("status: %v, %v", status, err)
	}
	if _, err := d.Client.Seal(ctx, &vaultdv1.SealRequest{}); err != nil {
		t.Errorf("seal: %v", err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if err := d.Unseal(ctx, rig.Password); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Client.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: "billing/b", Plaintext: []byte("x")}); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if status, err := d.Client.Status(ctx, &vaultdv1.StatusRequest{}); err != nil || status.GetAudit() != "ok" {
		t.Errorf("status with room again: %v, %v", status, err)
	}
	if err := d.Stop(); err != nil {
		t.Error(err)
	}
	if code, out := verify(t, h.Audit()); code != 0 {
		t.Errorf("verify exits with %d:\n%s", code, out)
	}
	for _, action := range []string{"key.revoke", "key.destroy", "vault.seal"} {
		outcomes := ""
		for _, r := range records(t, h.Audit(), audit.Filter{Action: action}) {
			outcomes += string(r.Outcome) + " "
		}
		if outcomes != "begun allowed " {
			t.Errorf("records of %s: %s", action, outcomes)
		}
	}
}

// worksOnFullDisk is what a full disk under the audit log leaves: to see what is
// wrong, to end what must not go on, and to seal and open again.
var worksOnFullDisk = []policy.Action{
	policy.Status, policy.WhoAmI, policy.Seal, policy.Unseal, policy.RevokeKey, policy.RevokeOwner, policy.DestroyKey,
	policy.RetirePrincipal, policy.EnterShare, policy.ResetShares, policy.SuspendKey, policy.TrimKey,
}

// filled is a request that would change something if it was performed; nil
// stands for one without fields, which is refused at the latest when it is recorded.
func filled(method string) proto.Message {
	switch method {
	case "CreateKey":
		return &vaultdv1.CreateKeyRequest{Name: "billing/refused"}
	case "RotateKey":
		return &vaultdv1.RotateKeyRequest{Name: "billing/b"}
	case "ImportKey":
		return &vaultdv1.ImportKeyRequest{Name: "billing/imported", Type: "xaes-256-gcm", Material: make([]byte, 32)}
	case "UnwrapKey":
		return &vaultdv1.UnwrapKeyRequest{Name: "billing/unwrapped", UnwrappingKey: "billing/b", Wrapped: make([]byte, 40)}
	case "WrapKey":
		return &vaultdv1.WrapKeyRequest{Key: "billing/b", WrappingKey: "billing/a"}
	case "CreateCSR":
		return &vaultdv1.CreateCSRRequest{Key: "billing/b"}
	case "CreateCertificate":
		return &vaultdv1.CreateCertificateRequest{Key: "billing/b"}
	case "SetAlias":
		return &vaultdv1.SetAliasRequest{Name: "billing/refused", Key: "billing/b"}
	case "UpdateKey":
		return &vaultdv1.UpdateKeyRequest{Name: "billing/b", SetLabels: map[string]string{"refused": "yes"}}
	case "ResumeKey":
		return &vaultdv1.ResumeKeyRequest{Name: "billing/b"}
	case "CancelDestruction":
		return &vaultdv1.CancelDestructionRequest{Name: "billing/b"}
	case "Encrypt":
		return &vaultdv1.EncryptRequest{Key: "billing/b", Plaintext: []byte("x")}
	case "Random":
		return &vaultdv1.RandomRequest{Length: 32}
	case "Batch":
		return &vaultdv1.BatchRequest{Items: []*vaultdv1.BatchItem{{Request: &vaultdv1.BatchItem_Encrypt{
			Encrypt: &vaultdv1.EncryptRequest{Key: "billing/b", Plaintext: []byte("x")},
		}}}}
	case "GenerateDataKey":
		return &vaultdv1.GenerateDataKeyRequest{Key: "billing/b"}
	case "CreateOwner":
		return &vaultdv1.CreateOwnerRequest{Name: "refused"}
	case "ChangePassword":
		return &vaultdv1.ChangePasswordRequest{OldPassword: []byte(rig.Password), NewPassword: []byte("another password"), Iterations: 600_000}
	case "AddSlot":
		return &vaultdv1.AddSlotRequest{
			With: &vaultdv1.SlotSecret{Secret: []byte(rig.Password)}, Kind: vaultdv1.SlotKind_SLOT_KIND_KEY_FILE, Secret: make([]byte, 32),
		}
	case "AddGrant":
		return &vaultdv1.AddGrantRequest{Json: `{"effect":"allow","any_user":true,"verbs":["use"],"keys":["*/*"]}`}
	}
	return nil
}

// call makes a call by the name of its method.
func call(ctx context.Context, d *rig.Daemon, method string, request proto.Message) error {
	m := reflect.ValueOf(d.Client).MethodByName(method)
	if !m.IsValid() {
		return fmt.Errorf("the client has no method %s", method)
	}
	argument := reflect.New(m.Type().In(1).Elem())
	if request != nil {
		argument = reflect.ValueOf(request)
	}
	err, _ := m.Call([]reflect.Value{reflect.ValueOf(ctx), argument})[1].Interface().(error)
	return err
}

func sequence(ctx context.Context, t *testing.T, d *rig.Daemon) uint64 {
	t.Helper()
	status, err := d.Client.Status(ctx, &vaultdv1.StatusRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return status.GetSequence()
}
