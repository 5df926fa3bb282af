package ipc_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/audit"
	"github.com/vaultd/vaultd/vault/fault"
)

// living is a process that lives until it is ended, at the latest by the test's end.
func living(t *testing.T) (pid int, end func()) {
	t.Helper()
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Skipf("no process to bind a grant to: %v", err)
	}
	end = sync.OnceFunc(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	t.Cleanup(end)
	return cmd.Process.Pid, end
}

func bind(t *testing.T, c *client.Client, pid int, keys string) error {
	t.Helper()
	_, err := c.AddGrant(t.Context(), &vaultdv1.AddGrantRequest{Json: fmt.Sprintf(
		`{"effect":"allow","any_user":true,"process":{"pid":%d,"started":0},"verbs":["use"],"keys":[%q]}`, pid, keys)})
	if err != nil && strings.Contains(err.Error(), "on this system") {
		t.Skip(err)
	}
	return err
}

func grantsLeft(t *testing.T, c *client.Client) int {
	t.Helper()
	r, err := c.ListGrants(t.Context(), &vaultdv1.ListGrantsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return len(r.GetGrants())
}

// Grants come and go with processes while others ask; the server stops with
// some of them held, and the vault does not keep what is over.
func TestGrantsOfProcessesComeAndGo(t *testing.T) {
	log, set := withAudit(t, filepath.Join(t.TempDir(), "audit"))
	d := start(t, set)
	c := d.dial(t)
	var ends []func()
	for i := range 8 {
		pid, end := living(t)
		for range 2 { // two grants may be for one process
			if err := bind(t, c, pid, fmt.Sprintf("k%d/*", i)); err != nil {
				t.Fatal(err)
			}
		}
		ends = append(ends, end)
	}
	wantCode(t, "a grant that can't be", bind(t, c, 1<<22+1, "a/*"), fault.CodeBadArgument)
	pid, _ := living(t)
	wantCode(t, "a grant with a mistake", bind(t, c, pid, "no pattern"), fault.CodeBadArgument)
	if n := grantsLeft(t, c); n != 16 {
		t.Fatalf("%d grants", n)
	}
	var all sync.WaitGroup
	for _, end := range ends[:6] {
		all.Go(end)
		all.Go(func() { _, _ = c.Status(t.Context(), &vaultdv1.StatusRequest{}) })
	}
	all.Wait()
	for deadline := time.Now().Add(time.Minute); grantsLeft(t, c) > 4; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d grants are left", grantsLeft(t, c))
		}
	}
	if err := d.server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept := -1
	d.vault.OnPolicyRecords(func(k *vault.PolicyRecords) error {
		if k != nil {
			kept = len(k.Grants)
		}
		return nil
	})
	if err := d.vault.Seal(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.vault.Unseal(t.Context(), []byte(password), false); err != nil || kept != 4 {
		t.Errorf("the vault keeps %d grants, %v", kept, err)
	}
	if err := log.Flush(); err != nil {
		t.Fatal(err)
	}
	ended := 0
	for r, err := range log.Read(audit.Filter{Action: "grant.ended"}) {
		if err != nil || r.Rule != "process-ended" || r.Principal != audit.Self() {
			t.Errorf("%+v, %v", r.Record, err)
		}
		ended++
	}
	if ended != 12 {
		t.Errorf("%d ends are on record", ended)
	}
}
