// Package crash kills the product at random moments and checks what is left.
//
// A process under write load dies by kill -9 or loses its power (on the file
// system of package faultfs), or one of its system calls fails. Afterwards it
// must start again with every change it acknowledged, nothing of what was
// revoked or destroyed, and no change half done.
//
// The environment variable VAULTD_ROUNDS sets the number of rounds, and
// VAULTD_SEED repeats a run's choices, as far as the scheduler lets it.
package crash
