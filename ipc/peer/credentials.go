package peer

import (
	"errors"
	"fmt"
	"net"

	"github.com/vaultd/vaultd/vault/policy"
)

// Errors of Read. Both mean that the connection must be closed.
var (
	// ErrUnsupported says that this operating system has no peer credentials that vaultd knows how to read.
	ErrUnsupported = errors.New("peer credentials are not supported on this system")
	// ErrForeign says that the peer lives in another user or process
	// namespace, so that its identity means nothing here.
	ErrForeign = errors.New("peer belongs to another namespace")
)

// overflowUID is what the kernel shows for a user that has no number in our
// user namespace. It stands for anybody, so it is nobody's identity.
const overflowUID = 65534

// Credentials are what the kernel says of a peer. Close releases the handle
// on the peer's process.
type Credentials struct {
	UID    uint32
	GID    uint32
	Groups []uint32 // supplementary groups, nil where the system does not tell
	PID    int32    // zero where the system does not tell
	Label  string   // security label, empty where the system has none

	process *process // nil where the system has no race-free handle
}

// Read asks the kernel for the credentials of the peer of c. It returns
// ErrForeign for a peer whose user or process has no identity here, and
// ErrUnsupported where there is nothing to ask.
func Read(c *net.UnixConn) (*Credentials, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("read peer credentials: %w", err)
	}
	var creds *Credentials
	var readErr error
	if err := raw.Control(func(fd uintptr) { creds, readErr = read(int(fd)) }); err != nil {
		return nil, fmt.Errorf("read peer credentials: %w", err)
	}
	if readErr != nil {
		return nil, fmt.Errorf("read peer credentials: %w", readErr)
	}
	if creds.UID == overflowUID || creds.UID == ^uint32(0) {
		creds.Close()
		return nil, fmt.Errorf("uid %d: %w", creds.UID, ErrForeign)
	}
	return creds, nil
}

// Principal is who c is, as far as the kernel knows. It has no user name yet:
// a name comes from the account database, which can be slow and can change.
func (c *Credentials) Principal() *policy.Principal {
	unit, userUnit, known := c.Units()
	return &policy.Principal{
		UID: c.UID, GID: c.GID, Groups: c.Groups, PID: c.PID,
		Exe: c.Executable(), Started: c.Started(), Label: c.Label,
		Unit: unit, UserUnit: userUnit, UnitKnown: known,
	}
}

// Executable is the path of the program that the peer runs now, as this
// process sees it, or empty when it cannot be had without a race.
func (c *Credentials) Executable() string {
	if c.process == nil {
		return ""
	}
	return c.process.executable()
}

// Units are the systemd system unit that the peer runs in, such as
// "backup.service", and the unit of its own user's systemd, each empty when
// there is none. They are known when they could be had without a race.
func (c *Credentials) Units() (unit, userUnit string, known bool) {
	if c.process == nil {
		return "", "", false
	}
	return c.process.units(c.UID)
}

// Started is when the peer's process began, in clock ticks since boot, or zero
// when it cannot be had without a race.
func (c *Credentials) Started() uint64 {
	if c.process == nil {
		return 0
	}
	return c.process.started()
}

// Close releases the handle on the peer's process. It may be called twice.
func (c *Credentials) Close() {
	if c.process != nil {
		c.process.close()
		c.process = nil
	}
}
