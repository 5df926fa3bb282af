//go:build linux

package uid

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/test/rig"
	"github.com/vaultd/vaultd/vault/audit"
	"github.com/vaultd/vaultd/vault/fault"
)

// talker is a process of another user that lives and makes calls when told to.
type talker struct {
	t       *testing.T
	process *exec.Cmd
	in      io.WriteCloser
	out     *json.Decoder
}

func talk(t *testing.T, who account, socket string, env ...string) *talker {
	t.Helper()
	k := &talker{t: t, process: exec.CommandContext(rig.Context(t), callerProgram(t))}
	k.process.Env = append(append(os.Environ(), roleVar+"="+socket), env...)
	k.process.Dir = "/"
	k.process.SysProcAttr = &syscall.SysProcAttr{Credential: who.credential()}
	var stderr bytes.Buffer
	k.process.Stderr = &stderr
	var err error
	if k.in, err = k.process.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := k.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	k.out = json.NewDecoder(out)
	if err := k.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = k.in.Close() // which ends an heir as well
		_ = k.process.Process.Kill()
		_ = k.process.Wait()
		if t.Failed() {
			t.Logf("%s: %s", who.name, &stderr)
		}
	})
	return k
}

func (k *talker) pid() int { return k.process.Process.Pid }

func (k *talker) ask(calls ...call) []answer {
	k.t.Helper()
	if err := json.NewEncoder(k.in).Encode(calls); err != nil {
		k.t.Fatal(err)
	}
	var answers []answer
	if err := k.out.Decode(&answers); err != nil {
		k.t.Fatal(err)
	}
	return answers
}

// end kills the process and waits until it is gone.
func (k *talker) end() {
	k.t.Helper()
	if err := k.process.Process.Kill(); err != nil {
		k.t.Fatal(err)
	}
	if _, err := k.process.Process.Wait(); err != nil {
		k.t.Fatal(err)
	}
}

// bound is a machine with a key that bob has no right to.
type bound struct {
	*machine
	t    *testing.T
	ctx  context.Context
	call call
}

func newBound(t *testing.T) *bound {
	t.Helper()
	b := &bound{machine: newMachine(t), t: t, ctx: context.Background()}
	key := b.alice.name + "/k"
	if _, err := b.daemon.Client.CreateKey(b.ctx, &vaultdv1.CreateKeyRequest{Name: key}); err != nil {
		t.Fatal(err)
	}
	b.call = request(t, "Encrypt", &vaultdv1.EncryptRequest{Key: key, Plaintext: []byte("x")})
	return b
}

func (b *bound) add(user account, pid int) (string, error) {
	r, err := b.daemon.Client.AddGrant(b.ctx, &vaultdv1.AddGrantRequest{Json: fmt.Sprintf(
		`{"effect":"allow","user":%q,"process":{"pid":%d,"started":0},"verbs":["encrypt"],"keys":["%s/*"]}`, user.name, pid, b.alice.name)})
	if err != nil && strings.Contains(err.Error(), "on this system") {
		b.t.Skip(err)
	}
	return r.GetGrant().GetId(), err
}

func (b *bound) mustAdd(user account, k *talker) string {
	b.t.Helper()
	id, err := b.add(user, k.pid())
	if err != nil {
		b.t.Fatal(err)
	}
	return id
}

// grants are the ids in the vault and in force.
func (b *bound) grants() []string {
	b.t.Helper()
	r, err := b.daemon.Client.ListGrants(b.ctx, &vaultdv1.ListGrantsRequest{})
	if err != nil {
		b.t.Fatal(err)
	}
	var ids []string
	for _, g := range r.GetGrants() {
		ids = append(ids, g.GetId())
	}
	return ids
}

// processes is how soon a grant is gone after its process.
var processes = rig.Promise{Within: time.Second}

// gone waits for all grants to be gone.
func (b *bound) gone(when string) {
	b.t.Helper()
	if !processes.Await(func() bool { return len(b.grants()) == 0 }) {
		b.t.Fatalf("%s: there are still %v", when, b.grants())
	}
	processes.Kept(b.t)
}

func (b *bound) want(what string, k *talker, want fault.Code) {
	b.t.Helper()
	if a := k.ask(b.call)[0]; a.Frame != want || a.Code != string(want) {
		b.t.Errorf("%s: %q and %q, want %q\n%s", what, a.Frame, a.Code, want, a.Text)
	}
}

func (b *bound) start() {
	b.t.Helper()
	b.daemon = rig.MustStart(b.t, b.daemon.Home)
	b.unseal()
}

func (b *bound) unseal() {
	b.t.Helper()
	if err := b.daemon.Unseal(b.ctx, rig.Password); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bound) stop() {
	b.t.Helper()
	if err := b.daemon.Stop(); err != nil {
		b.t.Fatal(err)
	}
}

// A grant for one process lets no other one in, lives as long as the process
// does, whatever happens to the daemon, and not longer.
func TestGrantEndsWithItsProcess(t *testing.T) {
	b := newBound(t)
	socket := b.daemon.Home.Socket()
	one, other := talk(t, b.bob, socket), talk(t, b.bob, socket)
	b.want("without a grant", one, fault.CodePermissionDenied)
	id := b.mustAdd(b.bob, one)
	b.want("the process", one, "")
	b.want("another process of the same program", other, fault.CodePermissionDenied)

	shown, err := b.daemon.Client.ShowGrant(b.ctx, &vaultdv1.ShowGrantRequest{Id: id})
	if err != nil || !strings.Contains(shown.GetGrant().GetJson(), `"boot":"`) || strings.Contains(shown.GetGrant().GetJson(), `"started":0`) {
		t.Errorf("shown as %s, %v", shown.GetGrant().GetJson(), err)
	}
	for what, try := range map[string]func() (string, error){
		"of another user":   func() (string, error) { return b.add(b.alice, one.pid()) },
		"that is not there": func() (string, error) { return b.add(b.bob, 1<<22+1) },
		"that is none":      func() (string, error) { return b.add(b.bob, -1) },
	} {
		if id, err := try(); rig.Code(err) != fault.CodeBadArgument {
			t.Errorf("a process %s: %s, %v", what, id, err)
		}
	}

	b.stop()
	b.start()
	b.want("after a restart of the daemon", one, "")
	b.want("another one after a restart", other, fault.CodePermissionDenied)
	b.daemon.Kill()
	b.start()
	b.want("after a crash of the daemon", one, "")
	if _, err := b.daemon.Client.Seal(b.ctx, &vaultdv1.SealRequest{}); err != nil {
		t.Fatal(err)
	}
	b.unseal()
	b.want("after a seal", one, "")

	one.end()
	b.gone("its process has ended")
	b.want("a new process", talk(t, b.bob, socket), fault.CodePermissionDenied)
	b.want("another process afterwards", other, fault.CodePermissionDenied)

	b.stop() // writes the log
	found := false
	for r, err := range audit.Read(b.daemon.Home.Audit(), audit.Filter{Action: "grant.ended"}) {
		if err != nil {
			t.Fatal(err)
		}
		found = true
		if r.Outcome != audit.Allowed || r.Principal.UID != b.service.uid || len(r.Extra) != 2 || r.Extra[0].Value != id || r.Extra[1].Value != fmt.Sprint(one.pid()) {
			t.Errorf("recorded as %+v", r.Record)
		}
	}
	if !found {
		t.Error("there is no record of its end")
	}
	b.start()
	if left := b.grants(); len(left) > 0 {
		t.Errorf("back after a restart: %v", left)
	}
}

// A process that ends while nobody looks is gone for the first request.
func TestLeftoverGrantsAreDroppedAtUnseal(t *testing.T) {
	b := newBound(t)
	socket := b.daemon.Home.Socket()
	one, two, three := talk(t, b.bob, socket), talk(t, b.bob, socket), talk(t, b.bob, socket)
	for _, k := range []*talker{one, two, three} {
		b.want("without a grant", k, fault.CodePermissionDenied)
		b.mustAdd(b.bob, k)
	}
	b.stop()
	one.end()
	b.start()
	if left := b.grants(); len(left) != 2 {
		t.Errorf("after a restart there are %v", left)
	}
	if _, err := b.daemon.Client.Seal(b.ctx, &vaultdv1.SealRequest{}); err != nil {
		t.Fatal(err)
	}
	two.end()
	b.unseal()
	if left := b.grants(); len(left) != 1 {
		t.Errorf("after a seal there are %v", left)
	}
	b.want("the one that lives", three, "")
	three.end()
	b.gone("the last has ended")
}

// A connection that a process leaves behind is worth nothing without it.
func TestPassedOnConnectionEndsWithItsProcess(t *testing.T) {
	b := newBound(t)
	first := talk(t, b.bob, b.daemon.Home.Socket(), heirVar+"=bequeath")
	heir := func() string { return first.ask(b.call)[0].Code } // answers over HTTP alone
	if code := heir(); code != string(fault.CodePermissionDenied) {
		t.Fatalf("without a grant: %q", code)
	}
	b.mustAdd(b.bob, first)
	if code := heir(); code != "" {
		t.Fatalf("while the first lives, its connection answers %q", code)
	}
	first.end()
	b.gone("the first has ended")
	if code := heir(); code != string(fault.CodePermissionDenied) {
		t.Errorf("afterwards it answers %q", code)
	}
}
