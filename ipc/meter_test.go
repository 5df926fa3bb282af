package ipc_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/vaultd/vaultd/ipc"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
)

// Requests are counted the same in every form, however they end.
func TestRequestsAreCountedInEveryForm(t *testing.T) {
	eachForm(t, func(t *testing.T, d *daemon, c caller) {
		ctx := t.Context()
		_, _ = c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: "root/k"})
		for range 3 {
			_, _ = c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: "root/k"})
		}
		_, _ = c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: "root/none"})
		text := metricsOf(t, d.server)
		for _, line := range []string{
			`vaultd_requests_total{action="key.encrypt",outcome="allowed"} 3`,
			`vaultd_requests_total{action="key.encrypt",outcome="error"} 1`,
			`vaultd_request_duration_seconds_count{action="key.encrypt"} 4`,
			`vaultd_requests_total{action="key.create",outcome="allowed"} 1`,
			`vaultd_keys{state="active",type="xaes-256-gcm"} 1`,
			`vaultd_requests_in_flight 0`,
		} {
			if !bytes.Contains(text, []byte(line+"\n")) {
				t.Errorf("no %s", line)
			}
		}
	}, func(c *ipc.Config) { c.Metrics = true })
}

// metricsOf serves the metrics for one reading.
func metricsOf(t *testing.T, s *ipc.Server) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var served sync.WaitGroup
	served.Go(func() {
		if err := s.ServeMetrics(ctx, l); err != nil {
			t.Error(err)
		}
	})
	defer served.Wait()
	defer stop()
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
	resp, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Get("http://vaultd/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
