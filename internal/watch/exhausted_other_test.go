//go:build !linux

package watch

const exhaustedHelper = "VAULTD_WATCH_HELPER"

func exhausted() int { return 77 }
