package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/vaultd/vaultd/internal/perm"
)

// MaxFile is the longest configuration file that is read, in bytes.
const MaxFile = 1 << 20

// ErrEmpty says that the file has nothing in it, not even a comment. It may be
// meant so, or be about to be written.
var ErrEmpty = errors.New("the file is empty; if it is meant to be, write a comment into it")

// Load reads the file at path over base. A file that others can change is
// refused; one that is not there is an error of fs.ErrNotExist. With ErrEmpty
// comes base.
func Load(path string, base Config) (Config, error) {
	f, err := perm.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, err
	}
	if err != nil {
		return Config{}, &Problem{File: path, What: fmt.Sprintf("not read: %v", err)}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err != nil {
		return Config{}, fmt.Errorf("read configuration: %w", err)
	}
	if len(data) > MaxFile {
		return Config{}, &Problem{File: path, What: fmt.Sprintf("longer than %v", Size(MaxFile))}
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return base, fmt.Errorf("%s: %w", path, ErrEmpty)
	}
	return Parse(path, data, base)
}
