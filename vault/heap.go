package vault

import (
	"runtime/debug"
	"sync"
)

// unsealGrowth is how far, in percent, the heap may grow between collections
// while an unseal runs. It allocates much that stays; collecting while it does
// costs a third of its time.
const unsealGrowth = 400

// collector counts the unseals under way in this process, which share one
// setting of the garbage collector.
var collector struct {
	mu      sync.Mutex
	unseals int
	percent int // to go back to
}

// easeCollector has the collector run less often until the returned function
// is called, which also has what was only needed meanwhile given back to the
// system, without waiting for that.
func easeCollector() (restore func()) {
	collector.mu.Lock()
	defer collector.mu.Unlock()
	if collector.unseals == 0 {
		collector.percent = debug.SetGCPercent(unsealGrowth)
	}
	collector.unseals++
	return func() {
		collector.mu.Lock()
		defer collector.mu.Unlock()
		if collector.unseals--; collector.unseals == 0 {
			debug.SetGCPercent(collector.percent)
			go debug.FreeOSMemory()
		}
	}
}
