//go:build !unix

package watch

import (
	"fmt"
	"os"
)

// identity is the same for all on this system: what is replaced shows by its time.
func identity(string) string { return "" }

// changed describes what path leads to.
func changed(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return "-"
	}
	return fmt.Sprintf(" %v %d %d", info.Mode(), info.Size(), info.ModTime().UnixNano())
}
