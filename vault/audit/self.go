package audit

import (
	"os"
	"os/user"
	"strconv"
	"sync"
)

// Self is the program itself as a principal: that of records of what nobody
// asked for. It looks itself up once.
var Self = sync.OnceValue(func() Principal {
	p := Principal{
		UID: uint32(max(0, os.Geteuid())), GID: uint32(max(0, os.Getegid())), PID: int32(os.Getpid()), //nolint:gosec // ids of this process
	}
	if u, err := user.LookupId(strconv.Itoa(os.Geteuid())); err == nil {
		p.User = u.Username
	}
	if exe, err := os.Executable(); err == nil {
		p.Exe = exe
	}
	return p
})
