//go:build unix

package ipc

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/vaultd/vaultd/internal/ownfile"
	"github.com/vaultd/vaultd/vault"
)

// place is where a socket is, as it was last seen. Only what its owner and root
// can change is looked at: whoever may connect may write to the socket, and so may
// set its times, and must not seal the vault for all others by doing so.
type place struct {
	path string
	mark ownfile.Mark // of the socket
	dir  ownfile.Mark // of its directory
}

func placeOf(path string) (place, error) {
	mark, err := ownfile.Of(path)
	dir, derr := ownfile.Of(filepath.Dir(path))
	if err := errors.Join(err, derr); err != nil {
		return place{}, fmt.Errorf("examine the socket: %w", err)
	}
	return place{path, mark.Fixed(), dir.Fixed()}, nil
}

// inspect says what somebody else did to the socket or its directory. What can't
// be mended is said again, other things once.
func (p *place) inspect() (found []vault.Touched) {
	tell := func(file, what string) {
		if what != "" {
			found = append(found, vault.Touched{File: file, What: what})
		}
	}
	now, err := ownfile.Of(p.path)
	switch {
	case err != nil:
		tell(p.path, ownfile.Missing(err)+"; clients can't reach the daemon before it is started again")
	case !now.SameFile(p.mark):
		tell(p.path, "was replaced by another; clients reach somebody else, until it is removed and the daemon started again")
	default:
		now = now.Fixed()
		tell(p.path, now.Since(p.mark))
		p.mark = now
	}
	dir := filepath.Dir(p.path)
	if now, err := ownfile.Of(dir); err != nil {
		tell(dir, ownfile.Missing(err))
	} else {
		tell(dir, now.Fixed().Since(p.dir))
	}
	return found
}
