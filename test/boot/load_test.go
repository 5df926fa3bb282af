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

// clientVar makes this test binary the client that asks without pause, and keyVar
// names the key that it uses then. Without one it asks for the status.
const (
	clientVar = "VAULTD_BOOT_CLIENT"
	keyVar    = "VAULTD_BOOT_KEY"
)

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

// askUntilEOF asks in every way, each without pause, until standard input ends, and
// prints the tally.
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

// ask is one request, or one use of the key there and back.
func ask(c *client.Client) error {
	ctx, key := context.Background(), os.Getenv(keyVar)
	if key == "" {
		_, err := c.Status(ctx, &vaultdv1.StatusRequest{})
		return err
	}
	sealed, err := c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: key, Plaintext: []byte(message)})
	if err != nil {
		return err
	}
	opened, err := c.Decrypt(ctx, &vaultdv1.DecryptRequest{Ciphertext: sealed.GetCiphertext()})
	if err == nil && string(opened.GetPlaintext()) != message {
		err = fmt.Errorf("decrypts to %q", opened.GetPlaintext())
	}
	return err
}

// message is what is encrypted without pause.
const message = "asked under load"

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
		return ask(c)
	}
}

// dial asks over a connection of its own, as vaultctl does.
func dial() error {
	c, err := client.Dial(context.Background(), client.WithSocket(socket))
	if err != nil {
		return err
	}
	defer c.Close()
	return ask(c)
}

// overHTTP asks as curl does, and has no second try.
func overHTTP() error {
	key := os.Getenv(keyVar)
	if key == "" {
		return post("Status", struct{}{}, &struct{}{})
	}
	var sealed struct {
		Ciphertext string `json:"ciphertext"`
	}
	if err := post("Encrypt", map[string]any{"key": key, "plaintext": []byte(message)}, &sealed); err != nil {
		return err
	}
	var opened struct{ Plaintext []byte }
	err := post("Decrypt", sealed, &opened)
	if err == nil && string(opened.Plaintext) != message {
		err = fmt.Errorf("decrypts to %q", opened.Plaintext)
	}
	return err
}

// post is a request over a connection of its own.
func post(method string, request, answer any) error {
	h := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		},
	}}
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	r, err := h.Post("http://vaultd/vaultd.v1.VaultService/"+method, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if body, err = io.ReadAll(r.Body); err != nil || r.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s (%v)", r.Status, body, err)
	}
	return json.Unmarshal(body, answer)
}

// under runs do while a user asks without pause, or uses a key of that name, and
// fails the test for every request that failed.
func (m *machine) under(who as, key string, do func()) {
	m.t.Helper()
	cmd := m.command(who, "/usr/local/bin/vaultd-boot-client")
	cmd.Env = append(cmd.Env, clientVar+"=1", keyVar+"="+key)
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
