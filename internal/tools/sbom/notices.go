package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/mod/module"
)

var licence = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)([.-].*)?$`)

// notices are the licence texts of the libraries, as they lie in the module cache.
func notices(libraries []library) ([]byte, error) {
	root, cache, err := places()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("The programs of this package contain code of others, under these terms.\n")
	for _, l := range libraries {
		dir := root
		if l.path != standard {
			path, err := module.EscapePath(l.path)
			if err != nil {
				return nil, err
			}
			version, err := module.EscapeVersion(l.version)
			if err != nil {
				return nil, err
			}
			dir = filepath.Join(cache, filepath.FromSlash(path)+"@"+version)
		}
		if err := texts(&b, l, dir); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// texts writes the licence files in dir. A library without one can't be given on.
func texts(b *bytes.Buffer, l library, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("%s %s: %w; fetch it by 'go mod download'", l.path, l.version, err)
	}
	found := false
	for _, e := range entries {
		if e.IsDir() || !licence.MatchString(e.Name()) || filepath.Ext(e.Name()) == ".go" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(b, "\n%s\n%s %s, %s\n\n%s\n", strings.Repeat("=", 78), l.path, l.version, e.Name(), bytes.TrimSpace(text))
		found = true
	}
	if !found {
		return fmt.Errorf("%s %s has no licence file in %s", l.path, l.version, dir)
	}
	return nil
}

// places are the directories of the Go tool and of the modules.
func places() (root, cache string, err error) {
	out, err := exec.Command("go", "env", "GOROOT", "GOMODCACHE").Output()
	if err != nil {
		return "", "", fmt.Errorf("go env: %w", err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != 2 {
		return "", "", fmt.Errorf("go env says %q", out)
	}
	return lines[0], lines[1], nil
}
