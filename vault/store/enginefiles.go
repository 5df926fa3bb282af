package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/vaultd/vaultd/internal/ownfile"
)

// engineFiles is what is known of the files of a Badger directory. Badger makes
// and drops files by itself while it is open, but not any:
//
//   - tables (NNNNNN.sst) come when a log was flushed and stay, since nothing compacts;
//   - logs (NNNNN.mem) come with rising numbers and go when they are flushed; the
//     newest is always there;
//   - all others are made when it is opened, and stay.
type engineFiles struct {
	of    *engine // nil before the first look
	dir   ownfile.Mark
	files map[string]ownfile.Mark
	log   int // highest number of a log
}

// look says what somebody else did to the directory of e, named name. It runs
// in the committer, so that Badger drops logs meanwhile, and makes tables, but no logs.
func (k *engineFiles) look(e *engine, name string) (found []Touched) {
	tell := func(file, what string) {
		if what != "" {
			found = append(found, Touched{filepath.Join(name, file), what})
		}
	}
	dir, err := ownfile.Of(e.dir)
	if err != nil {
		return []Touched{{name, ownfile.Missing(err)}}
	}
	now, logs, tables, err := listEngine(e.dir)
	if err != nil {
		return []Touched{{name, "can't be read: " + err.Error()}}
	}
	if k.of != e {
		*k = engineFiles{of: e, dir: dir.Fixed(), files: now, log: logs.highest}
		return nil
	}
	if what := dir.Fixed().Since(k.dir); what != "" {
		found = append(found, Touched{name, what})
	}
	news := false
	for file, was := range k.files {
		is, there := now[file]
		switch {
		case there:
			tell(file, since(file, is, was))
		case isLog(file):
			delete(k.files, file)
		default:
			tell(file, "was removed")
		}
	}
	for file, is := range now {
		if _, known := k.files[file]; known {
			continue
		}
		news = true
		if !isLog(file) && !isTable(file) {
			tell(file, "was put there by somebody else")
			continue
		}
		k.files[file] = is
	}
	if k.log = max(k.log, e.logFile-1); logs.highest < k.log {
		tell(fmt.Sprintf("%05d.mem", k.log), "was removed")
	}
	k.log = max(k.log, logs.highest)
	// With one log there is none left to be flushed, so that Badger knows every table.
	if news && logs.count == 1 {
		if known := e.tables(); tables > known {
			tell("", fmt.Sprintf("has %d tables, of which Badger knows %d", tables, known))
		}
	}
	return found
}

// since says what became of a file that only grows or stays.
func since(file string, is, was ownfile.Mark) string {
	switch {
	case is.Fixed() != was.Fixed():
		return is.Fixed().Since(was.Fixed())
	case is.Links > 1:
		return "has another name now"
	case is.Size < was.Size && !isLog(file):
		return "was cut off"
	}
	return ""
}

type logFiles struct{ count, highest int }

// listEngine describes the files of a Badger directory. One that goes meanwhile is left out.
func listEngine(dir string) (files map[string]ownfile.Mark, logs logFiles, tables int, err error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, logs, 0, err
	}
	files = make(map[string]ownfile.Mark, len(list))
	for _, e := range list {
		mark, err := ownfile.Of(filepath.Join(dir, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, logs, 0, err
		}
		files[e.Name()] = mark
		switch {
		case isLog(e.Name()):
			n := 0
			fmt.Sscanf(e.Name(), "%d", &n) //nolint:errcheck // isLog has seen its digits
			logs = logFiles{logs.count + 1, max(logs.highest, n)}
		case isTable(e.Name()):
			tables++
		}
	}
	return files, logs, tables, nil
}

func isLog(file string) bool   { return numbered(file, ".mem") }
func isTable(file string) bool { return numbered(file, ".sst") }

// numbered reports whether file is a number and the extension.
func numbered(file, extension string) bool {
	digits, ok := strings.CutSuffix(file, extension)
	return ok && len(digits) >= 5 && len(digits) <= 10 && strings.Trim(digits, "0123456789") == ""
}
