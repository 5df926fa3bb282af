// Package metrics is how the daemon fares in numbers, as Prometheus reads them.
// It holds the counters that requests raise, asks for everything else when it is
// read, and serves all of it by HTTP on a socket of its own.
//
// No name of a key, owner, user or program is in it, and no label has values that
// a caller chooses: how many series there are is fixed by the program. Only this
// package imports Prometheus. docs/METRICS.md lists every metric.
package metrics
