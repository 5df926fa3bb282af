//go:build !linux

package logind

import (
	"context"
	"errors"
)

func (*Watcher) listen(context.Context) error {
	return errors.New("there is no logind on this system")
}
