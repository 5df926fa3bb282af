//go:build !unix

package harden

func platform() []Measure { return nil }
