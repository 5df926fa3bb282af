package metrics

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func full() Reading {
	return Reading{
		Initialized: true, Connections: 3, ConnectionsRefused: 2, InFlight: 1,
		Keys:       []KeyCount{{"xaes-256-gcm", "active", 5}, {"ed25519", "revoked", 1}},
		NextExpiry: time.Unix(1_800_000_000, 500_000_000), StoreState: "ok", Records: 30, Sequence: 40, Generation: 2, StoreBytes: 1 << 20,
		PolicyGeneration: 4, PolicyProblem: true, Tampering: 1,
		Audit: &Audit{Records: 100, Unsynced: 2, Unsigned: 10, Checkpoint: time.Unix(1_700_000_000, 0), Sinks: []Sink{{"pipe", 7, true}}},
	}
}

// Names and help are as Prometheus wants them.
func TestLint(t *testing.T) {
	s := New("v1", full)
	s.Request("key.encrypt").Ended(Allowed, time.Millisecond)
	s.Refused("busy")()
	s.UnsealFailed()
	problems, err := testutil.GatherAndLint(s.registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "vaultd_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

func TestReadingIsToldAsItIs(t *testing.T) {
	s := New("v1", full)
	want := `
# HELP vaultd_audit_sink_dropped_total Records that a second copy of the audit log did not get.
# TYPE vaultd_audit_sink_dropped_total counter
vaultd_audit_sink_dropped_total{sink="pipe"} 7
# HELP vaultd_key_next_expiry_timestamp_seconds When the next key expires; absent when none does.
# TYPE vaultd_key_next_expiry_timestamp_seconds gauge
vaultd_key_next_expiry_timestamp_seconds 1.8000000005e+09
# HELP vaultd_keys Keys by type and by the state of their newest version.
# TYPE vaultd_keys gauge
vaultd_keys{state="active",type="xaes-256-gcm"} 5
vaultd_keys{state="revoked",type="ed25519"} 1
# HELP vaultd_sealed 1 while the vault is sealed.
# TYPE vaultd_sealed gauge
vaultd_sealed 0
# HELP vaultd_store_state 1 for the state that the store is in, 0 for the others.
# TYPE vaultd_store_state gauge
vaultd_store_state{state="failed"} 0
vaultd_store_state{state="full"} 0
vaultd_store_state{state="ok"} 1
`
	err := testutil.GatherAndCompare(s.registry, strings.NewReader(want), "vaultd_keys", "vaultd_sealed", "vaultd_store_state",
		"vaultd_key_next_expiry_timestamp_seconds", "vaultd_audit_sink_dropped_total")
	if err != nil {
		t.Error(err)
	}
	// What is not known is absent, not zero.
	s = New("v1", func() Reading { return Reading{Sealed: true} })
	for _, name := range []string{"vaultd_key_next_expiry_timestamp_seconds", "vaultd_store_state", "vaultd_store_records", "vaultd_audit_records"} {
		if n, err := testutil.GatherAndCount(s.registry, name); err != nil || n != 0 {
			t.Errorf("%s while sealed: %d, %v", name, n, err)
		}
	}
}

func TestCountingAllocatesNothing(t *testing.T) {
	r := New("v1", full).Request("key.sign")
	if n := testing.AllocsPerRun(100, func() { r.Ended(Allowed, 20*time.Microsecond) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// serve serves a set and returns a client and how to end.
func serve(t *testing.T) (string, *http.Client) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if err := New("v1", full).Serve(ctx, l, slog.New(slog.DiscardHandler)); err != nil {
			t.Error(err)
		}
	})
	c := &http.Client{
		Timeout: 10 * time.Second,
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}},
	}
	t.Cleanup(func() { c.CloseIdleConnections(); stop(); done.Wait() })
	return path, c
}

func TestOnlyGetOfMetricsIsServed(t *testing.T) {
	_, c := serve(t)
	for _, x := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/metrics", 200},
		{"HEAD", "/metrics", 200},
		{"POST", "/metrics", 405},
		{"GET", "/", 404},
		{"GET", "/debug/pprof/", 404},
		{"GET", "/metrics/../debug/vars", 404},
		{"POST", "/vaultd.v1.VaultService/Status", 404},
	} {
		req, err := http.NewRequestWithContext(t.Context(), x.method, "http://vaultd"+x.path, strings.NewReader(""))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != x.status {
			t.Errorf("%s %s: %d %s", x.method, x.path, resp.StatusCode, b)
		}
	}
}

// Connections that say nothing leave room, and are closed beyond a number.
func TestConnectionsAreBounded(t *testing.T) {
	path, _ := serve(t)
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}()
	for range maxConns + 4 {
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	closed := make(chan struct{}, len(conns))
	for _, c := range conns {
		go func() {
			if _, err := c.Read(make([]byte, 1)); err == io.EOF {
				closed <- struct{}{}
			}
		}()
	}
	for i := range 4 {
		select {
		case <-closed:
		case <-time.After(time.Minute):
			t.Fatalf("%d connections were closed", i)
		}
	}
	select {
	case <-closed:
		t.Error("more than 4 connections were closed")
	case <-time.After(300 * time.Millisecond):
	}
}
