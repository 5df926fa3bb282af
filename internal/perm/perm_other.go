//go:build !unix

package perm

import "os"

// Check returns an error when path can't be had. Permissions are not looked at
// on this system.
func Check(path string) error {
	_, err := os.Stat(path)
	return err
}

// Open opens the file at path for reading.
func Open(path string) (*os.File, error) { return os.Open(path) }

// Owned knows no owners on this system.
func Owned(string) error { return nil }

// Private is Check.
func Private(path string) error { return Check(path) }
