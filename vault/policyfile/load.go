package policyfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/vaultd/vaultd/internal/perm"
	"github.com/vaultd/vaultd/vault/policy"
)

// ErrChanging says that a file was written while it was read. A reload a moment
// later will do.
var ErrChanging = errors.New("changed while it was read")

// LoadDir reads every *.toml file of dir, in the order of their names; files
// whose name begins with a dot are left out. Any error leaves no grants at all:
// keep what is in force. A directory that is not there is an error of
// fs.ErrNotExist, which a caller may take for "no grants" when it starts, but
// not when it reloads.
func LoadDir(dir string) ([]policy.Grant, []error) {
	if err := perm.Check(dir); err != nil {
		return nil, []error{fmt.Errorf("policy directory not read: %w", err)}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, []error{fmt.Errorf("read policy directory: %w", err)}
	}
	var grants []policy.Grant
	var all []error
	files := 0
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") || filepath.Ext(e.Name()) != ".toml" {
			continue
		}
		if files++; files > MaxFiles {
			return nil, append(all, fmt.Errorf("%s: more than %d files", dir, MaxFiles))
		}
		some, errs := CheckFile(filepath.Join(dir, e.Name()))
		grants, all = append(grants, some...), append(all, errs...)
	}
	if len(all) > 0 {
		return nil, all
	}
	return grants, nil
}

// Load is LoadDir and [policy.Compile] in one, for a policy of files only.
func Load(dir string, m policy.Machine) (*policy.Set, []error) {
	grants, errs := LoadDir(dir)
	if len(errs) > 0 {
		return nil, errs
	}
	s, err := policy.Compile(grants, m)
	if err != nil {
		return nil, []error{err}
	}
	return s, nil
}

// CheckFile reads the grants of one file, as LoadDir would.
func CheckFile(path string) ([]policy.Grant, []error) {
	data, err := read(path)
	if err != nil {
		return nil, []error{fmt.Errorf("policy file not read: %w", err)}
	}
	return Parse(path, data)
}

// read reads a file that nobody else could have changed, whole.
func read(path string) ([]byte, error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	before, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := safe(path, before); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err != nil {
		return nil, err
	}
	after, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if len(data) <= MaxFile && !same(before, after, len(data)) {
		return nil, fmt.Errorf("%s: %w", path, ErrChanging)
	}
	return data, nil
}

func same(before, after fs.FileInfo, read int) bool {
	return before.Size() == after.Size() && after.Size() == int64(read) && before.ModTime().Equal(after.ModTime())
}
