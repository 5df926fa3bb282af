//go:build unix

package harden

import (
	"errors"

	"golang.org/x/sys/unix"
)

// platform applies what every Unix has, then what this one adds.
func platform() []Measure {
	measures := []Measure{
		{Name: "no-core-dump", Err: unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})},
		{Name: "umask-077", Err: umask()},
		{Name: "memlock-limit", Err: raiseMemlock()},
	}
	return append(measures, kernel()...)
}

func umask() error {
	unix.Umask(0o077)
	return nil
}

// raiseMemlock lifts the soft limit of locked memory to the hard one, which is
// everybody's right: a large vault may need more than the usual 8 MiB.
func raiseMemlock() error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit); err != nil {
		return err
	}
	limit.Cur = limit.Max
	err := unix.Setrlimit(unix.RLIMIT_MEMLOCK, &limit)
	if errors.Is(err, unix.EINVAL) {
		return nil // a system that knows the limit but does not let it be changed
	}
	return err
}
