package ipc

import (
	"net"
	"slices"
	"strconv"
	"sync"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
)

// maxTampering bounds what is told of between two unseals.
const maxTampering = 64

// tampering is what somebody else did to the daemon's own files since the vault
// was unsealed last. An unseal verifies all of them, and begins anew.
type tampering struct {
	mu    sync.Mutex // guards found
	found []string
}

// add reports whether what is found is news that should be told.
func (t *tampering) add(found string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.found) >= maxTampering || slices.Contains(t.found, found) {
		return false
	}
	t.found = append(t.found, found)
	return true
}

func (t *tampering) clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.found = nil
}

func (t *tampering) list() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.found)
}

// Tampered notes for Status what somebody else did to one of the daemon's own
// files. It reports whether that is news.
func (s *Server) Tampered(f vault.Touched) bool {
	return s.service.tampering.add(shown(f.File) + ": " + f.What)
}

// shown is the name of a file as it may be told: whoever put it there chose it.
func shown(file string) string {
	if quoted := strconv.QuoteToGraphic(file); quoted != `"`+file+`"` {
		return quoted
	}
	return file
}

// statusOfFiles tells administrators what was done to the daemon's files, and
// others that there is something.
func (s *service) statusOfFiles(resp *vaultdv1.StatusResponse, admin bool) {
	resp.Tampering = s.tampering.list()
	if len(resp.GetTampering()) > 0 && !admin {
		resp.Tampering = []string{"files of the daemon were touched from outside"}
	}
}

// InspectSocket says what somebody else did to the socket of a listener that
// Listen or Adopt returned, and to its directory.
func InspectSocket(l net.Listener) []vault.Touched {
	if own, ok := l.(interface{ inspect() []vault.Touched }); ok {
		return own.inspect()
	}
	return nil
}
