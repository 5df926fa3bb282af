//go:build unix

package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"google.golang.org/protobuf/types/known/durationpb"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
)

// httpGet asks a Unix socket.
func httpGet(t *testing.T, socket, path string) (int, string) {
	t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://vaultd"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

type scrape map[string]*dto.MetricFamily

func scrapeOf(t *testing.T, socket string) (scrape, string) {
	t.Helper()
	status, text := httpGet(t, socket, "/metrics")
	if status != http.StatusOK {
		t.Fatalf("%d: %s", status, text)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return families, text
}

// value is that of the metric with these labels, "name=value"; -1 when there is none.
func (s scrape) value(name string, labels ...string) float64 {
	for _, m := range s[name].GetMetric() {
		have := map[string]bool{}
		for _, l := range m.GetLabel() {
			have[l.GetName()+"="+l.GetValue()] = true
		}
		all := true
		for _, l := range labels {
			all = all && have[l]
		}
		if all {
			switch {
			case m.GetHistogram() != nil:
				return float64(m.GetHistogram().GetSampleCount())
			case m.GetCounter() != nil:
				return m.GetCounter().GetValue()
			}
			return m.GetGauge().GetValue()
		}
	}
	return -1
}

func TestMetricsAfterKnownTraffic(t *testing.T) {
	p := newPlace(t)
	socket := filepath.Join(p.dir, "run", "m")
	write(t, filepath.Join(p.dir, "c.toml"), "[audit]\nenabled = true\n[metrics]\nsocket = \""+socket+"\"\n")
	d := p.start(t, "--config", filepath.Join(p.dir, "c.toml"))
	if info, err := os.Lstat(socket); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the metrics' socket: %v, %v", info, err)
	}
	if s, _ := scrapeOf(t, socket); s.value("vaultd_sealed") != 1 || s.value("vaultd_initialized") != 0 || s["vaultd_keys"] != nil {
		t.Error("not told as without a vault")
	}
	d.init(t)
	ctx, c := context.Background(), d.client(t)
	const secretName = "neverinametric"
	for i, ttl := range []time.Duration{0, time.Hour} {
		req := &vaultdv1.CreateKeyRequest{Name: "root/" + secretName + string(rune('a'+i))}
		if ttl > 0 {
			req.Ttl = durationpb.New(ttl)
		}
		if _, err := c.CreateKey(ctx, req); err != nil {
			t.Fatal(err)
		}
	}
	for range 5 {
		if _, err := c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: "root/" + secretName + "a", Plaintext: []byte("x")}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.ShowKey(ctx, &vaultdv1.ShowKeyRequest{Name: "root/none"}); err == nil {
		t.Fatal("found")
	}
	if _, err := c.Unseal(ctx, &vaultdv1.UnsealRequest{Password: []byte("x")}); err == nil {
		t.Fatal("unsealed twice")
	}
	s, text := scrapeOf(t, socket)
	for _, w := range []struct {
		name   string
		labels []string
		want   float64
	}{
		{"vaultd_requests_total", []string{"action=key.encrypt", "outcome=allowed"}, 5},
		{"vaultd_requests_total", []string{"action=key.encrypt", "outcome=denied"}, 0},
		{"vaultd_requests_total", []string{"action=key.create", "outcome=allowed"}, 2},
		{"vaultd_requests_total", []string{"action=key.show", "outcome=error"}, 1},
		{"vaultd_request_duration_seconds", []string{"action=key.encrypt"}, 5},
		{"vaultd_unseal_failures_total", nil, 1},
		{"vaultd_refused_total", []string{"code=permission_denied"}, 0},
		{"vaultd_sealed", nil, 0},
		{"vaultd_requests_in_flight", nil, 0},
		{"vaultd_keys", []string{"type=xaes-256-gcm", "state=active"}, 2},
		{"vaultd_store_state", []string{"state=ok"}, 1},
		{"vaultd_policy_problem", nil, 0},
		{"vaultd_audit_failing", nil, 0},
		{"vaultd_tampering", nil, 0},
		{"vaultd_build_info", nil, 1},
	} {
		if got := s.value(w.name, w.labels...); got != w.want {
			t.Errorf("%s%v is %v, want %v", w.name, w.labels, got, w.want)
		}
	}
	for _, positive := range []string{
		"vaultd_connections", "vaultd_store_records", "vaultd_store_sequence", "vaultd_store_bytes", "vaultd_policy_generation",
		"vaultd_audit_records", "go_goroutines",
	} {
		if s.value(positive) <= 0 {
			t.Errorf("%s is %v", positive, s.value(positive))
		}
	}
	if left := time.Until(time.Unix(int64(s.value("vaultd_key_next_expiry_timestamp_seconds")), 0)); left < 50*time.Minute || left > time.Hour {
		t.Errorf("the next expiry is in %v", left)
	}
	if strings.Contains(text, secretName) || strings.Contains(text, "root/") {
		t.Error("names are in the metrics")
	}
	if status, _ := httpGet(t, d.socket, "/metrics"); status != http.StatusNotFound {
		t.Errorf("the daemon's own socket answers /metrics with %d", status)
	}
	d.stop(t, syscall.SIGTERM)
	if _, err := os.Lstat(socket); err == nil {
		t.Error("the metrics' socket is left behind")
	}
}

func TestMetricsAreOffByDefault(t *testing.T) {
	p := newPlace(t)
	d := p.start(t)
	names, err := filepath.Glob(filepath.Join(filepath.Dir(p.socket), "*"))
	if err != nil || len(names) != 2 { // socket and lock
		t.Errorf("%v, %v", names, err)
	}
	d.stop(t, syscall.SIGTERM)
}
