//go:build !unix

package policyfile

import (
	"fmt"
	"io/fs"
	"os"
)

func open(path string) (*os.File, error) { return os.Open(path) }

// safe refuses what is no file. Permissions are not looked at on this system.
func safe(path string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", path)
	}
	return nil
}
