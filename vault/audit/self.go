package audit

import (
	"os"
	"os/user"
	"strconv"
	"sync"
)

// Self is this process as a principal, for records of what nobody asked for.
var Self = sync.OnceValue(func() Principal {
	uid, gid := max(0, os.Geteuid()), max(0, os.Getegid())                      // -1 where there are none
	p := Principal{UID: uint32(uid), GID: uint32(gid), PID: int32(os.Getpid())} //nolint:gosec // as the kernel counts them
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		p.User = u.Username
	}
	if exe, err := os.Executable(); err == nil {
		p.Exe = exe
	}
	return p
})
