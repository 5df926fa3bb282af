//go:build unix

package ipc_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vaultd/vaultd/ipc"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/policy"
)

// While a service manager keeps the socket, daemons may come and go under it: no
// request fails, whatever client asks.
func TestNoRequestFailsWhileDaemonsReplaceEachOther(t *testing.T) {
	d := start(t)
	const daemons = 6
	kept := keepSocket(t, filepath.Join(filepath.Dir(d.socket), "kept"))
	serve := func() (stop func()) {
		f, err := kept.File()
		if err != nil {
			t.Fatal(err)
		}
		l, err := ipc.Adopt(f, kept.Addr().String(), 0o666, "")
		if err != nil {
			t.Fatal(err)
		}
		server := ipc.NewServer(ipc.Config{Vault: d.vault, Policy: &policy.Policy{DaemonUID: uint32(os.Getuid())}, Version: "next"})
		served := make(chan error, 1)
		go func() { served <- server.Serve(context.Background(), l) }()
		return func() {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			if err := server.Shutdown(ctx); err != nil {
				t.Error("shutdown:", err)
			}
			if err := <-served; err != nil {
				t.Error("serve:", err)
			}
		}
	}
	socket := kept.Addr().String()
	stop := serve()
	stopClients := make(chan struct{})
	var clients sync.WaitGroup
	var asked atomic.Int64
	for name, ask := range map[string]func() error{
		"a client that stays":       staying(t, socket),
		"a client for each request": dialing(socket),
		"HTTP":                      overHTTP(socket),
		"changes":                   creating(t, socket),
	} {
		clients.Go(func() {
			for {
				select {
				case <-stopClients:
					return
				default:
				}
				if err := ask(); err != nil {
					t.Errorf("%s: %v", name, err)
					return
				}
				asked.Add(1)
			}
		})
	}
	for range daemons {
		for had := asked.Load(); asked.Load() < had+40 && !t.Failed(); {
			time.Sleep(time.Millisecond)
		}
		stop()
		stop = serve()
	}
	close(stopClients)
	clients.Wait()
	stop()
	t.Logf("%d requests, %d daemons", asked.Load(), daemons+1)
}

func keepSocket(t *testing.T, path string) *net.UnixListener {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	return l
}

func staying(t *testing.T, socket string) func() error {
	c, err := client.Dial(t.Context(), client.WithSocket(socket))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return func() error {
		_, err := c.Status(context.Background(), &vaultdv1.StatusRequest{})
		return err
	}
}

// creating changes something with each request, which is never sent twice
// unless it was not performed.
func creating(t *testing.T, socket string) func() error {
	c, err := client.Dial(t.Context(), client.WithSocket(socket))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	made := 0
	return func() error {
		made++
		_, err := c.CreateKey(context.Background(), &vaultdv1.CreateKeyRequest{Name: fmt.Sprintf("root/k%d", made)})
		return err
	}
}

func dialing(socket string) func() error {
	return func() error {
		c, err := client.Dial(context.Background(), client.WithSocket(socket))
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.Status(context.Background(), &vaultdv1.StatusRequest{})
		return err
	}
}

// overHTTP asks as curl does: a connection for each request, and no second try.
func overHTTP(socket string) func() error {
	h := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		},
	}}
	return func() error {
		r, err := h.Post("http://vaultd/vaultd.v1.VaultService/Status", "application/json", bytes.NewReader([]byte("{}")))
		if err != nil {
			return err
		}
		defer r.Body.Close()
		body, err := io.ReadAll(r.Body)
		if err == nil && r.StatusCode != http.StatusOK {
			err = fmt.Errorf("%s: %s", r.Status, body)
		}
		return err
	}
}
