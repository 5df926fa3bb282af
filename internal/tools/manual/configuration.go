package main

import (
	"errors"
	"fmt"
	"strings"
)

// describe makes Markdown of a commented TOML file. What stands above a section
// or a key, or behind it, describes it; keys that follow each other without a
// comment in between share the one above them.
func describe(source []byte) ([]byte, error) {
	var b strings.Builder
	b.WriteString("title\n\n")
	var text, terms []string
	began := false // a section has
	var mute error // the first key that nothing describes
	flush := func() {
		switch {
		case len(terms) > 0 && len(text) == 0 && mute == nil:
			mute = fmt.Errorf("nothing describes %s; give it a comment", terms[0])
		case len(terms) > 0:
			fmt.Fprintf(&b, "%s\n: %s\n\n", strings.Join(terms, ", "), strings.Join(text, "\n"))
		case len(text) > 0:
			b.WriteString(strings.Join(text, "\n") + "\n\n")
		}
		text, terms = nil, nil
	}
	for n, line := range strings.Split(string(source), "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
			flush()
		case strings.HasPrefix(line, "#"):
			if len(terms) > 0 {
				flush()
			}
			text = append(text, strings.TrimSpace(strings.TrimPrefix(line, "#")))
		case strings.HasPrefix(line, "["):
			flush()
			fmt.Fprintf(&b, "## %s\n\n", line)
			began = true
		case !began || !strings.Contains(line, "="):
			return nil, fmt.Errorf("line %d: a key outside a section, or a value of several lines", n+1)
		default:
			key, comment, commented := strings.Cut(line, "  #")
			if !commented {
				key, comment, commented = strings.Cut(line, " # ")
			}
			if commented {
				if len(terms) > 0 {
					flush()
				}
				text = append(text, strings.TrimSpace(comment))
			}
			terms = append(terms, "`"+strings.TrimSpace(key)+"`")
			if commented {
				flush()
			}
		}
	}
	flush()
	if !began {
		return nil, errors.New("no section in it")
	}
	return []byte(b.String()), mute
}
