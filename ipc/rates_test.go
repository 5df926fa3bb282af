package ipc_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/vaultd/vaultd/ipc"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/api/vaultd/v1/vaultdv1connect"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/audit"
	"github.com/vaultd/vaultd/vault/fault"
)

// often is what a user who asks without a pause is answered.
type often struct {
	Shown, Created, Revoked map[fault.Code]int
	Hint                    string // of the first refusal
}

const (
	oftenShown   = 60
	oftenCreated = 20
)

// helperOften asks in the form that arg names before the comma, in the
// namespace behind it.
func helperOften(ctx context.Context, socket, arg string) (any, error) {
	form, owner, _ := strings.Cut(arg, ",")
	var c caller
	if form == "frames" {
		frames, err := client.Dial(ctx, client.WithSocket(socket))
		if err != nil {
			return nil, err
		}
		defer frames.Close()
		c = frames
	} else {
		web := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		}}}
		defer web.CloseIdleConnections()
		c = vaultdv1connect.NewVaultServiceClient(web, "http://vaultd", connect.WithProtoJSON())
	}
	o := often{map[fault.Code]int{}, map[fault.Code]int{}, map[fault.Code]int{}, ""}
	for i := range oftenCreated {
		_, err := c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: owner + "/k" + strconv.Itoa(i), Type: "xaes-256-gcm"})
		o.Created[codeOf(err)]++
	}
	for range oftenShown {
		_, err := c.ShowKey(ctx, &vaultdv1.ShowKeyRequest{Name: owner + "/k0"})
		o.Shown[codeOf(err)]++
		var e *fault.Error
		if errors.As(err, &e) && o.Hint == "" {
			o.Hint = e.Hint
		}
	}
	for range 2 {
		_, err := c.RevokeKey(ctx, &vaultdv1.RevokeKeyRequest{Name: owner + "/k0"})
		o.Revoked[codeOf(err)]++
	}
	return o, nil
}

func TestRatesHoldForEachUser(t *testing.T) {
	user := account(t, "daemon")
	for _, form := range []string{"frames", "http"} {
		t.Run(form, func(t *testing.T) {
			log, set := withAudit(t, filepath.Join(t.TempDir(), "audit"))
			// Rates so low that none of the burst comes back during the test.
			d := start(t, set, func(c *ipc.Config) {
				c.Policy.DaemonUID = 4711
				c.Limits = ipc.Limits{RequestsPerSecond: 1, RequestBurst: 50, ChangesPerSecond: 1, ChangeBurst: 10}
			})
			began := time.Now()
			var got often
			d.as(t, user, nil, "often", form+","+user.Username, &got)()
			back := 1 + int(time.Since(began)/time.Second) // what may have come back
			if n := got.Created[""]; n < 10 || n > 10+back || n+got.Created[fault.CodeRateLimited] != oftenCreated {
				t.Errorf("keys created: %v", got.Created)
			}
			// Refused changes were requests as well.
			if n := got.Shown[""]; n < 30 || n > 30+back || n+got.Shown[fault.CodeRateLimited] != oftenShown {
				t.Errorf("keys shown: %v", got.Shown)
			}
			if got.Revoked[fault.CodeRateLimited] != 0 || got.Revoked[""] == 0 {
				t.Errorf("revocations: %v", got.Revoked)
			}
			if form == "frames" && !strings.HasPrefix(got.Hint, "try again in ") {
				t.Errorf("hint %q", got.Hint)
			}
			root := d.dial(t)
			for range 2 * oftenShown {
				_, err := root.ShowKey(t.Context(), &vaultdv1.ShowKeyRequest{Name: user.Username + "/k0"})
				wantCode(t, "root", err, "")
			}
			d.server.SetLimits(ipc.Limits{})
			var after often
			d.as(t, user, nil, "often", form+","+user.Username, &after)()
			if n := after.Created[fault.CodeRateLimited] + after.Shown[fault.CodeRateLimited]; n != 0 {
				t.Errorf("%d refused without a limit", n)
			}
			if err := d.server.Shutdown(t.Context()); err != nil {
				t.Fatal(err)
			}
			recordsOfRefusals(t, log, user.Username, got)
		})
	}
}

// recordsOfRefusals are few, and count every refused request.
func recordsOfRefusals(t *testing.T, log *audit.Log, user string, got often) {
	t.Helper()
	if err := log.Flush(); err != nil {
		t.Fatal(err)
	}
	refused, records := 0, 0
	for e, err := range log.Read(audit.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Code != string(fault.CodeRateLimited) {
			continue
		}
		records++
		if e.Outcome != audit.Denied || e.Rule != "rate" || e.Principal.User != user || len(e.Extra) != 1 || e.Extra[0].Name != "refused" {
			t.Errorf("record %s", e.Line)
			continue
		}
		n, _ := strconv.Atoi(e.Extra[0].Value)
		refused += n
	}
	want := got.Created[fault.CodeRateLimited] + got.Shown[fault.CodeRateLimited]
	if refused != want || records > 10 {
		t.Errorf("%d records tell of %d refused requests, want %d", records, refused, want)
	}
}
