//go:build !linux

package paths

const maxSocket = 103
