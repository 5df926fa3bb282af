package ipc_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/vaultd/vaultd/ipc"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/policy"
)

const password = "correct horse battery staple"

// daemon is a server over a real vault on a real socket.
type daemon struct {
	socket string
	vault  *vault.Vault
	server *ipc.Server
}

// setting changes how a test's daemon is built.
type setting func(*ipc.Config)

func withLimits(l ipc.Limits) setting { return func(c *ipc.Config) { c.Limits = l } }

// start runs a daemon over an unsealed, empty vault until the test ends.
func start(tb testing.TB, settings ...setting) *daemon {
	tb.Helper()
	d := startSealed(tb, settings...)
	if _, err := d.vault.Init(tb.Context(), []byte(password), 600_000); err != nil {
		tb.Fatal(err)
	}
	return d
}

// startSealed is start without a vault.
func startSealed(tb testing.TB, settings ...setting) *daemon {
	tb.Helper()
	dir, err := os.MkdirTemp("", "vaultd") // t.TempDir may be too long for a socket
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		tb.Fatal(err)
	}
	v, err := vault.New(vault.Options{Dir: filepath.Join(dir, "vault")})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = v.Close() })
	config := ipc.Config{
		Vault: v, Policy: &policy.Policy{DaemonUID: uint32(os.Getuid())},
		Log: slog.New(slog.DiscardHandler), Version: "test",
	}
	for _, set := range settings {
		set(&config)
	}
	d := &daemon{socket: filepath.Join(dir, "run", "vaultd.sock"), vault: v, server: ipc.NewServer(config)}
	d.serve(tb)
	return d
}

// serve listens and serves until the test ends.
func (d *daemon) serve(tb testing.TB) {
	tb.Helper()
	l, err := ipc.Listen(d.socket, 0o666, "")
	if err != nil {
		tb.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- d.server.Serve(context.Background(), l) }()
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := d.server.Shutdown(ctx); err != nil {
			tb.Error("shutdown:", err)
		}
		if err := <-served; err != nil {
			tb.Error("serve:", err)
		}
	})
}

// dial connects a client that is closed when the test ends.
func (d *daemon) dial(tb testing.TB, options ...client.Option) *client.Client {
	tb.Helper()
	c, err := client.Dial(tb.Context(), append([]client.Option{client.WithSocket(d.socket)}, options...)...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

func (d *daemon) createKey(tb testing.TB, name, kind string) *vaultdv1.Key {
	tb.Helper()
	resp, err := d.dial(tb).CreateKey(tb.Context(), &vaultdv1.CreateKeyRequest{Name: name, Type: kind})
	if err != nil {
		tb.Fatal(err)
	}
	return resp.GetKey()
}
