package watch

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Bounds of what is looked at.
const (
	maxLinks   = 40
	maxEntries = 4096 // of one directory
)

// scope is where something can happen that concerns the paths.
type scope struct {
	directories map[string]string // to be watched, with their identities
	inner       map[string]bool   // directories in which everything concerns them
	names       map[string]bool   // names in other directories that do
}

func scopeOf(paths []string) scope {
	s := scope{map[string]string{}, map[string]bool{}, map[string]bool{}}
	for _, p := range paths {
		s.path(p)
	}
	return s
}

func (s *scope) path(p string) {
	end, info := s.walk(p)
	if info == nil {
		return // walk has noted where it will appear
	}
	if !info.IsDir() {
		s.in(filepath.Dir(end))
		return
	}
	s.in(end)
	entries, err := os.ReadDir(end)
	if err != nil {
		return
	}
	for i, e := range entries {
		if e.Type()&fs.ModeSymlink == 0 || i >= maxEntries {
			continue
		}
		if target, info := s.walk(filepath.Join(end, e.Name())); info != nil && !info.IsDir() {
			s.in(filepath.Dir(target))
		}
	}
}

// in notes a directory that holds what is looked for, and the two above it,
// since it can be replaced itself.
func (s *scope) in(dir string) {
	s.inner[dir] = true
	s.directory(dir)
	for range 2 {
		s.name(dir)
		dir = filepath.Dir(dir)
	}
}

// name notes a name, and the directory that it is in.
func (s *scope) name(path string) {
	s.names[path] = true
	s.directory(filepath.Dir(path))
}

func (s *scope) directory(dir string) {
	if _, known := s.directories[dir]; known {
		return
	}
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		s.directories[dir] = identity(dir)
	}
}

// walk follows path, noting each symbolic link on the way. It returns where
// the path ends and what is there, nil if the path ends nowhere.
func (s *scope) walk(path string) (string, fs.FileInfo) {
	at, rest := root(path)
	links := 0
	var last fs.FileInfo
	for len(rest) > 0 {
		name := rest[0]
		rest = rest[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			at, last = filepath.Dir(at), nil
			continue
		}
		next := filepath.Join(at, name)
		info, err := os.Lstat(next)
		if err != nil {
			s.name(next) // where it will appear
			return "", nil
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			at, last = next, info
			continue
		}
		s.name(next)
		target, err := os.Readlink(next)
		if links++; err != nil || links > maxLinks {
			return "", nil
		}
		var more []string
		if filepath.IsAbs(target) {
			at, more = root(target)
		} else {
			more = strings.Split(target, string(filepath.Separator))
		}
		rest = append(more, rest...)
	}
	if last == nil {
		info, err := os.Lstat(at)
		if err != nil {
			return "", nil
		}
		last = info
	}
	return at, last
}

// root splits an absolute path into its root and the names below it.
func root(path string) (string, []string) {
	volume := filepath.VolumeName(path)
	below := strings.TrimPrefix(path[len(volume):], string(filepath.Separator))
	return volume + string(filepath.Separator), strings.Split(below, string(filepath.Separator))
}
