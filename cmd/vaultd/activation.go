package main

import (
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"

	"github.com/coreos/go-systemd/v22/activation"

	"github.com/vaultd/vaultd/internal/config"
	"github.com/vaultd/vaultd/ipc"
	"github.com/vaultd/vaultd/vault/fault"
)

// socketName is what a socket unit calls the daemon's socket, FileDescriptorName=.
const socketName = "api"

// handedOver are the sockets that the service manager listens on for this
// process, as sd_listen_fds(3) says. The variables that tell of them are removed,
// so it finds them once.
func handedOver() []*os.File { return activation.Files(true) }

// listen takes the socket that was handed over, or makes one when none was. A
// socket that nobody knows what to do with is an error: clients would wait at
// it for ever.
func listen(c config.Socket, handed []*os.File, log *slog.Logger) (net.Listener, error) {
	if len(handed) > 0 {
		l, err := adopt(c, handed)
		if err == nil {
			log.Info("the service manager keeps the socket", "socket", c.Path)
		}
		return l, err
	}
	l, err := ipc.Listen(c.Path, fs.FileMode(c.Mode), c.Group)
	if errors.Is(err, ipc.ErrInUse) {
		return nil, fault.E(fault.CodeInUse, "%v", err)
	}
	return l, err
}

func adopt(c config.Socket, handed []*os.File) (net.Listener, error) {
	if len(handed) > 1 || handed[0].Name() != socketName {
		names := make([]string, len(handed))
		for i, f := range handed {
			names[i] = f.Name()
			_ = f.Close() // it was never used
		}
		return nil, fault.E(fault.CodeUsage, "the service manager handed over sockets named %q", names).
			WithHint("vaultd takes one, which the socket unit calls FileDescriptorName=%s", socketName)
	}
	return ipc.Adopt(handed[0], c.Path, fs.FileMode(c.Mode), c.Group)
}
