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

// form is a way to call a daemon.
type form struct {
	name string
	dial func(testing.TB, *daemon) caller
}

// forms are all of them, the most different ones first.
var forms = []form{
	{"frames", func(tb testing.TB, d *daemon) caller { return d.dial(tb) }},
	{"connect json", func(tb testing.TB, d *daemon) caller {
		return vaultdv1connect.NewVaultServiceClient(d.httpClient(tb, false), "http://vaultd", connect.WithProtoJSON())
	}},
	{"grpc", func(tb testing.TB, d *daemon) caller {
		return vaultdv1connect.NewVaultServiceClient(d.httpClient(tb, true), "http://vaultd", connect.WithGRPC())
	}},
	{"connect", func(tb testing.TB, d *daemon) caller {
		return vaultdv1connect.NewVaultServiceClient(d.httpClient(tb, false), "http://vaultd")
	}},
	{"connect over http2", func(tb testing.TB, d *daemon) caller {
		return vaultdv1connect.NewVaultServiceClient(d.httpClient(tb, true), "http://vaultd")
	}},
	{"grpc-web", func(tb testing.TB, d *daemon) caller {
		return vaultdv1connect.NewVaultServiceClient(d.httpClient(tb, false), "http://vaultd", connect.WithGRPCWeb())
	}},
}

// formsToTest are all, or with -short frames, JSON and gRPC.
func formsToTest() []form {
	if testing.Short() {
		return forms[:3]
	}
	return forms
}

// eachForm runs a test over every form, each with a daemon of its own.
func eachForm(t *testing.T, run func(t *testing.T, d *daemon, c caller), settings ...setting) {
	for _, f := range formsToTest() {
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
