package ipc_test

import (
	"bytes"
	"context"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/vaultd/vaultd/ipc"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/frame"
	"github.com/vaultd/vaultd/vault/fault"
)

// Limits change a hundred times under traffic in every form, and no request
// notices.
func TestLimitsChangeUnderTraffic(t *testing.T) {
	d := start(t)
	d.createKey(t, "root/k", "")
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	done := make(chan struct{})
	var all sync.WaitGroup
	for _, f := range formsToTest() {
		all.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				// A connection of its own now and then.
				c := f.dial(t, d)
				for range 20 {
					if _, err := c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: "root/k", Plaintext: make([]byte, 1000)}); err != nil {
						t.Errorf("%s: %v", f.name, err)
						return
					}
				}
			}
		})
	}
	for i := range 100 {
		d.server.SetLimits(ipc.Limits{
			MessageSize: 100_000 + i, Connections: 500 + i, ConnectionsPerUser: 400 + i%7, Expensive: 1 + i%3, InFlight: 8 + i%5,
			RequestTimeout: 30*time.Second + time.Duration(i), RequestsPerSecond: 1_000_000 * (i % 2),
		})
		time.Sleep(2 * time.Millisecond) // lets some requests through between two changes
	}
	close(done)
	all.Wait()
}

func TestMessageSizeChangesLive(t *testing.T) {
	const fits = fault.CodeInvalidCiphertext // the request was read
	for _, f := range formsToTest() {
		t.Run(f.name, func(t *testing.T) {
			d := start(t)
			d.createKey(t, "root/k", "")
			ask := func(c caller) error {
				_, err := c.Decrypt(t.Context(), &vaultdv1.DecryptRequest{Key: "root/k", CiphertextBinary: make([]byte, 200_000)})
				return err
			}
			old := f.dial(t, d)
			wantCode(t, "before", ask(old), fits)
			d.server.SetLimits(ipc.Limits{MessageSize: 64 << 10})
			// Frames see it at once; an HTTP connection keeps what it began with.
			if f.name == "frames" {
				wantCode(t, "after, same connection", ask(old), fault.CodeTooLarge)
			} else {
				wantCode(t, "after, same connection", ask(old), fits)
			}
			switch code := codeOf(ask(f.dial(t, d))); code {
			case fault.CodeTooLarge, "connect resource_exhausted":
			default:
				t.Errorf("after, new connection: %q", code)
			}
			d.server.SetLimits(ipc.Limits{})
			wantCode(t, "raised again", ask(f.dial(t, d)), fits)
		})
	}
}

func TestConnectionLimitChangesLive(t *testing.T) {
	d := start(t, withLimits(ipc.Limits{Connections: 8, ReservedConnections: 2}))
	open := func() (n int) {
		for range 12 {
			c := d.raw(t)
			_, _ = c.Write(append([]byte(frame.Preface), statusFrame()...))
			if _, code := readAnswer(t, c); code == "" {
				n++
			}
		}
		return n
	}
	if n := open(); n != 8 {
		t.Fatalf("%d connections, want 8", n)
	}
	d.server.SetLimits(ipc.Limits{Connections: 11, ReservedConnections: 2})
	if n := open(); n != 3 {
		t.Errorf("%d more after 3 were added: those open before are not counted", n)
	}
	d.server.SetLimits(ipc.Limits{Connections: 4, ReservedConnections: 2})
	if n := open(); n != 0 {
		t.Errorf("%d more though there are too many", n)
	}
}

// Old HTTP connections end under the server that they began with, and that
// server goes with the last of them.
func TestOldHTTPServersEnd(t *testing.T) {
	d := start(t)
	request := "POST /vaultd.v1.VaultService/Status HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
	ask := func(c io.ReadWriter) bool {
		t.Helper()
		if _, err := io.WriteString(c, request); err != nil {
			return false
		}
		b := make([]byte, 64<<10)
		n, err := c.Read(b)
		return err == nil && bytes.HasPrefix(b[:n], []byte("HTTP/1.1 200"))
	}
	for i := range 5 {
		c := d.raw(t)
		if !ask(c) {
			t.Fatal("no answer")
		}
		d.server.SetLimits(ipc.Limits{InFlight: 20 + i})
		if !ask(c) {
			t.Fatal("the connection does not outlive the change")
		}
		if i%2 == 0 {
			_ = c.Close()
		}
	}
	for end := time.Now().Add(time.Minute); d.server.HTTPServers() != 3; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d servers: want the newest, and two with a connection", d.server.HTTPServers())
		}
	}
	late := d.raw(t)
	if !ask(late) {
		t.Fatal("no answer")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := d.server.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	if ask(late) {
		t.Error("answered after the shutdown")
	}
}
