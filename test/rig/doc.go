// Package rig runs the real programs for whole-system tests: it builds vaultd
// and vaultctl once per test binary, starts daemons on directories of the
// test's choice, and ends them gently or not. It talks to them only over their
// Unix sockets.
package rig
