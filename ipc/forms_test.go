package ipc_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"

	"connectrpc.com/connect"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/api/vaultd/v1/vaultdv1connect"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/fault"
)

// caller is what every form of the protocol offers; the frame client has
// exactly the methods of the generated one.
type caller = vaultdv1connect.VaultServiceClient

var _ caller = (*client.Client)(nil)

// httpClient speaks HTTP to the daemon's socket, version 2 if asked.
func (d *daemon) httpClient(tb testing.TB, two bool) *http.Client {
	tb.Helper()
	var protocols http.Protocols
	protocols.SetHTTP1(!two)
	protocols.SetUnencryptedHTTP2(two)
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var dialer net.Dialer
			return dialer.DialContext(ctx, "unix", d.socket)
		},
		Protocols: &protocols,
	}
	tb.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// forms are all the ways to call a daemon.
var forms = []struct {
	name string
	dial func(testing.TB, *daemon) caller
}{
	{"frames", func(tb testing.TB, d *daemon) caller { return d.dial(tb) }},
	{"connect", func(tb testing.TB, d *daemon) caller {
		return vaultdv1connect.NewVaultServiceClient(d.httpClient(tb, false), "http://vaultd")
	}},
	{"connect json", func(tb testing.TB, d *daemon) caller {
		return vaultdv1connect.NewVaultServiceClient(d.httpClient(tb, false), "http://vaultd", connect.WithProtoJSON())
	}},
	{"connect over http2", func(tb testing.TB, d *daemon) caller {
		return vaultdv1connect.NewVaultServiceClient(d.httpClient(tb, true), "http://vaultd")
	}},
	{"grpc", func(tb testing.TB, d *daemon) caller {
		return vaultdv1connect.NewVaultServiceClient(d.httpClient(tb, true), "http://vaultd", connect.WithGRPC())
	}},
	{"grpc-web", func(tb testing.TB, d *daemon) caller {
		return vaultdv1connect.NewVaultServiceClient(d.httpClient(tb, false), "http://vaultd", connect.WithGRPCWeb())
	}},
}

// eachForm runs a test over every form, each with a daemon of its own.
func eachForm(t *testing.T, run func(t *testing.T, d *daemon, c caller), settings ...setting) {
	for _, f := range forms {
		t.Run(f.name, func(t *testing.T) {
			d := start(t, settings...)
			run(t, d, f.dial(t, d))
		})
	}
}

// codeOf is the code of an error, whatever form it came by.
func codeOf(err error) fault.Code {
	if err == nil {
		return ""
	}
	var e *fault.Error
	if errors.As(err, &e) {
		return e.Code
	}
	var c *connect.Error
	if errors.As(err, &c) {
		for _, d := range c.Details() {
			if v, err := d.Value(); err == nil {
				if p, ok := v.(*vaultdv1.Error); ok {
					return fault.Code(p.GetCode())
				}
			}
		}
		return fault.Code("connect " + c.Code().String())
	}
	return fault.Code("no code: " + err.Error())
}

// wantCode fails the test unless err has the code; "" is no error.
func wantCode(t *testing.T, what string, err error, want fault.Code) {
	t.Helper()
	if got := codeOf(err); got != want {
		t.Errorf("%s: code %q (%v), want %q", what, got, err, want)
	}
}
