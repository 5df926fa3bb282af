package main

import (
	"log/slog"
	"net"
	"os"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"

	"github.com/vaultd/vaultd/vault"
)

// notifyTime bounds a word to the service manager: one that does not listen
// must not keep a request waiting.
const notifyTime = time.Second

// manager is the service manager that started the daemon, if one did. It is
// told how the daemon is, as sd_notify(3) says; without NOTIFY_SOCKET nobody is.
type manager struct{ log *slog.Logger }

// The states of the vault, as 'systemctl status' shows them.
const (
	statusUninitialized = "No vault yet: run 'vaultctl init'"
	statusSealed        = "Sealed: run 'vaultctl unseal'"
	statusUnsealed      = "Unsealed"
)

func statusText(initialized, sealed bool, why vault.Sealing) string {
	switch {
	case !initialized:
		return statusUninitialized
	case sealed && why.OnPurpose() && why.Reason != vault.SealedByRequest:
		return statusSealed + " (" + why.Detail + ")"
	case sealed:
		return statusSealed
	}
	return statusUnsealed
}

func (m manager) ready(status string) { m.tell("READY=1\nSTATUS=" + status) }

func (m manager) status(status string) { m.tell("STATUS=" + status) }

func (m manager) stopping() {
	m.tell("STOPPING=1\nSTATUS=Stopping: running requests end, then the vault is sealed")
}

// reload wraps what a reload does, so that the service manager waits for it.
func (m manager) reload(do func()) func() {
	return func() {
		m.tell("RELOADING=1\n" + sd.SdNotifyMonotonicUsec())
		do()
		m.tell("READY=1")
	}
}

func (m manager) tell(state string) {
	if err := notify(state); err != nil {
		m.log.Warn("the service manager was not told", "state", state, "err", err)
	}
}

// notify sends one datagram. sd.SdNotify would wait for ever.
func notify(state string) error {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetWriteDeadline(time.Now().Add(notifyTime)); err != nil {
		return err
	}
	_, err = c.Write([]byte(state))
	return err
}
