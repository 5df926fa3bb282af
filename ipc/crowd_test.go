package ipc_test

import (
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vaultd/vaultd/ipc"
)

// lines are what a log was told, one JSON object each.
type lines struct {
	mu  sync.Mutex // guards all
	all []string
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, string(b))
	return len(b), nil
}

// told sums up the lines about refused connections.
func (l *lines) told(t *testing.T) (records, refused int) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.all {
		if !strings.Contains(line, "too many are open") {
			continue
		}
		var r struct {
			Refused int `json:"refused"`
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		records, refused = records+1, refused+r.Refused
	}
	return records, refused
}

// Whoever may connect can have the daemon refuse connections as fast as it
// accepts them, and must not fill its log by that.
func TestRefusedConnectionsAreToldOnceASecond(t *testing.T) {
	const most, more = 2, 200
	var log lines
	began := time.Now()
	d := startSealed(t, withLimits(ipc.Limits{Connections: most}), func(c *ipc.Config) { c.Log = slog.New(slog.NewJSONHandler(&log, nil)) })
	for range most + more {
		d.raw(t)
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		records, refused := log.told(t)
		if refused == more {
			if limit := 2 + int(time.Since(began)/time.Second); records > limit {
				t.Errorf("%d lines, want at most %d", records, limit)
			}
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d refused connections are told of, want %d", refused, more)
		}
	}
}
