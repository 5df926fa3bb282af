package watch

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// look describes the paths and what is directly in them: two descriptions that
// are the same mean, as far as names, sizes, times and permissions can tell,
// that nothing changed.
func look(paths []string) []byte {
	var b []byte
	for _, p := range paths {
		b = describe(b, p)
		entries, err := os.ReadDir(p)
		if err != nil {
			continue // a file, or nothing
		}
		for i, e := range entries {
			if i >= maxEntries {
				break
			}
			b = describe(b, filepath.Join(p, e.Name()))
		}
	}
	return b
}

// describe appends what is at path: itself, and what it leads to.
func describe(b []byte, path string) []byte {
	b = fmt.Appendf(b, "%q %s", path, identity(path))
	info, err := os.Lstat(path)
	if err != nil {
		return fmt.Appendf(b, " %v\n", err)
	}
	b = fmt.Appendf(b, " %v %d %d", info.Mode(), info.Size(), info.ModTime().UnixNano())
	b = append(b, changed(path)...)
	if info.Mode()&fs.ModeSymlink != 0 {
		target, _ := os.Readlink(path)
		b = fmt.Appendf(b, " -> %q", target)
	}
	return append(b, '\n')
}
