//go:build unix && !linux

package main

import "testing"

const exhaustedVar = "VAULTD_TEST_EXHAUSTED"

func exhaust(string) {}

func (place) startWithout(t *testing.T, _ string) *daemon {
	t.Helper()
	t.Skip("only Linux has limits of watches for one process")
	return nil
}
