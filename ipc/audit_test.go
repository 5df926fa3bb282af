package ipc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/vaultd/vaultd/ipc"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault/fault"
)

func TestAuditIsToldOfEveryRequest(t *testing.T) {
	var mu sync.Mutex
	var events []string
	eachForm(t, func(t *testing.T, _ *daemon, c caller) {
		mu.Lock()
		events = nil
		mu.Unlock()
		ctx := t.Context()
		_, _ = c.Status(ctx, &vaultdv1.StatusRequest{})
		_, _ = c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: "root/k"})
		_, _ = c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: "root/k"})
		_, _ = c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: "root/none"})
		_, _ = c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: "bad"})
		mu.Lock()
		defer mu.Unlock()
		want := "vault.status [the vault] public " +
			"| key.create [root/k] root " +
			"| key.encrypt [root/k] root " +
			"| key.encrypt [root/none] root key_not_found" +
			"| key.encrypt []  bad_argument"
		if got := strings.Join(events, "| "); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}, func(c *ipc.Config) {
		c.Audit = func(_ context.Context, e ipc.Event) error {
			mu.Lock()
			defer mu.Unlock()
			events = append(events, fmt.Sprint(e.Action, " ", e.Resources, " ", e.Decision.Rule, " ", e.Code))
			return nil
		}
	})
}

func TestNothingIsAnsweredThatAuditDidNotTake(t *testing.T) {
	var logged bytes.Buffer
	broken := errors.New("no space for the audit log in /var")
	eachForm(t, func(t *testing.T, _ *daemon, c caller) {
		logged.Reset()
		resp, err := c.Status(t.Context(), &vaultdv1.StatusRequest{})
		wantCode(t, "status", err, fault.CodeInternal)
		if resp != nil {
			t.Errorf("answered %v", resp)
		}
		if err != nil && strings.Contains(err.Error(), "/var") {
			t.Errorf("the error tells of the daemon's inside: %v", err)
		}
		_, after, _ := strings.Cut(fmt.Sprint(err), "request ")
		id, _, _ := strings.Cut(after, ";")
		if len(id) != 12 || !strings.Contains(logged.String(), id) || !strings.Contains(logged.String(), broken.Error()) {
			t.Errorf("request id %q, log %s", id, logged.String())
		}
	}, func(c *ipc.Config) {
		c.Audit = func(context.Context, ipc.Event) error { return broken }
		c.Log = slog.New(slog.NewTextHandler(&logged, nil))
	})
}
