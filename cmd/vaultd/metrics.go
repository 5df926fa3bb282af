package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"

	"github.com/vaultd/vaultd/internal/config"
	"github.com/vaultd/vaultd/ipc"
	"github.com/vaultd/vaultd/vault/fault"
)

// serveMetrics answers Prometheus on a socket of its own until stop is called.
// Without one configured there is no listener, and stop does nothing.
func serveMetrics(c config.Metrics, server *ipc.Server, log *slog.Logger) (l net.Listener, stop func(), err error) {
	if c.Socket == "" {
		return nil, func() {}, nil
	}
	l, err = ipc.Listen(c.Socket, fs.FileMode(c.Mode), c.Group)
	if errors.Is(err, ipc.ErrInUse) {
		return nil, nil, fault.E(fault.CodeInUse, "[metrics] socket: %v", err)
	}
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.ServeMetrics(ctx, l); err != nil {
			log.Error("metrics are not served any more", "err", err)
		}
	}()
	return l, func() { cancel(); <-ended }, nil
}
