//go:build !unix

package perm

import "os"

// Check returns an error when path can't be had. Permissions are not looked at
// on this system.
func Check(path string) error {
	_, err := os.Stat(path)
	return err
}

// Private is Check.
func Private(path string) error { return Check(path) }
