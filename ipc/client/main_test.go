package client_test

import (
	"context"
	"net"
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

// daemon serves an unsealed, empty vault at the socket that it returns, until
// the returned function is called.
func daemon() (socket string, stop func(), err error) {
	dir, err := os.MkdirTemp("", "vaultd")
	if err != nil {
		return "", nil, err
	}
	v, err := vault.New(vault.Options{Dir: filepath.Join(dir, "vault")})
	if err != nil {
		return "", nil, err
	}
	if _, err := v.Init(context.Background(), []byte("correct horse"), 600_000); err != nil {
		return "", nil, err
	}
	server := ipc.NewServer(ipc.Config{Vault: v, Policy: &policy.Policy{DaemonUID: uint32(os.Getuid())}})
	var l net.Listener
	if l, err = ipc.Listen(filepath.Join(dir, "s"), 0, ""); err != nil {
		return "", nil, err
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(context.Background(), l) }()
	return filepath.Join(dir, "s"), func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = server.Shutdown(ctx)
		<-served
		_ = v.Close()
		_ = os.RemoveAll(dir)
	}, nil
}

// dial starts a daemon and connects to it, both until the test ends.
func dial(tb testing.TB, options ...client.Option) *client.Client {
	tb.Helper()
	socket, stop, err := daemon()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(stop)
	c, err := client.Dial(tb.Context(), append([]client.Option{client.WithSocket(socket)}, options...)...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

func create(tb testing.TB, c *client.Client, name, kind string, uses ...vaultdv1.KeyUse) {
	tb.Helper()
	if _, err := c.CreateKey(tb.Context(), &vaultdv1.CreateKeyRequest{Name: name, Type: kind, Uses: uses}); err != nil {
		tb.Fatal(err)
	}
}
