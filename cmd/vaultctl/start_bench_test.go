//go:build linux

package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// BenchmarkStatus is the time from the start of vaultctl to its end, with an
// answer from a running daemon in between. Its median is meant to stay under
// 20 ms: prompts and shell completions run it all the time.
func BenchmarkStatus(b *testing.B) {
	env := machine(b)
	warm := exec.Command(filepath.Join(programs, "vaultctl"), "status")
	warm.Env = env
	_ = warm.Run() // starts the daemon
	var times []time.Duration
	for b.Loop() {
		cmd := exec.Command(filepath.Join(programs, "vaultctl"), "status", "-o", "json")
		cmd.Env = env
		begin := time.Now()
		out, _ := cmd.Output() // exits with 2, since there is no vault yet
		times = append(times, time.Since(begin))
		if !bytes.Contains(out, []byte(`"uninitialized"`)) {
			b.Fatalf("%s", out)
		}
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "ms-median")
}

// BenchmarkVersion is the same without a daemon: the cost of starting at all.
func BenchmarkVersion(b *testing.B) {
	for b.Loop() {
		if out, err := exec.Command(filepath.Join(programs, "vaultctl"), "version").CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
	}
}
