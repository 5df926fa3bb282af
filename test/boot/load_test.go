//go:build linux

package boot

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/test/rig"
)

// clientVar makes this test binary the client that asks without pause.
const clientVar = "VAULTD_BOOT_CLIENT"

const socket = "/run/vaultd/vaultd.sock"

func TestMain(m *testing.M) {
	if os.Getenv(clientVar) != "" {
		askUntilEOF()
		return
	}
	rig.Main(m)
}

// tally is what a client that asks without pause has seen.
type tally struct {
	Asked  map[string]int
	Failed []string
}

// askUntilEOF asks for the status in every way, each without pause, until
// standard input ends, and prints the tally.
func askUntilEOF() {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	seen := tally{Asked: map[string]int{}}
	var mu sync.Mutex // guards seen
	var ways sync.WaitGroup
	for name, ask := range map[string]func() error{"stays": staying(), "dials": dial, "http": overHTTP} {
		ways.Go(func() {
			for ctx.Err() == nil {
				err := ask()
				mu.Lock()
				seen.Asked[name]++
				if err != nil && len(seen.Failed) < 20 {
					seen.Failed = append(seen.Failed, fmt.Sprintf("%s, request %d: %v", name, seen.Asked[name], err))
				}
				mu.Unlock()
				time.Sleep(time.Millisecond) // leaves the processor to the daemon that starts
			}
		})
	}
	ways.Wait()
	_ = json.NewEncoder(os.Stdout).Encode(seen)
}

func status(c *client.Client) error {
	_, err := c.Status(context.Background(), &vaultdv1.StatusRequest{})
	return err
}

// staying asks over connections that it keeps.
func staying() func() error {
	var c *client.Client
	return func() error {
		if c == nil {
			dialed, err := client.Dial(context.Background(), client.WithSocket(socket))
			if err != nil {
				return err
			}
			c = dialed
		}
		return status(c)
	}
}

// dial asks over a connection of its own, as vaultctl does.
func dial() error {
	c, err := client.Dial(context.Background(), client.WithSocket(socket))
	if err != nil {
		return err
	}
	defer c.Close()
	return status(c)
}

// overHTTP asks as curl does, and has no second try.
func overHTTP() error {
	h := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		},
	}}
	r, err := h.Post("http://vaultd/vaultd.v1.VaultService/Status", "application/json", bytes.NewReader([]byte("{}")))
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if body, err := io.ReadAll(r.Body); err != nil || r.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s (%w)", r.Status, body, err)
	}
	return nil
}

// under runs do while a user asks without pause, and fails the test for every
// request that failed.
func (m *machine) under(who as, do func()) {
	m.t.Helper()
	cmd := m.command(who, "/usr/local/bin/vaultd-boot-client")
	cmd.Env = append(cmd.Env, clientVar+"=1")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	stop, err := cmd.StdinPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	do()
	_ = stop.Close()
	err = cmd.Wait()
	var seen tally
	if e := json.Unmarshal(out.Bytes(), &seen); err != nil || e != nil {
		m.t.Fatalf("the client that asks: %v, %v: %s", err, e, out.Bytes())
	}
	m.t.Logf("requests: %v", seen.Asked)
	for _, f := range seen.Failed {
		m.t.Error("a request failed:", f)
	}
	for _, way := range []string{"stays", "dials", "http"} {
		if seen.Asked[way] < 10 {
			m.t.Errorf("only %d requests by a client that %s: nothing is shown", seen.Asked[way], way)
		}
	}
}
