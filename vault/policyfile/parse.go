package policyfile

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/vaultd/vaultd/vault/policy"
)

// Bounds of a file and of a directory.
const (
	MaxFile  = 1 << 20 // bytes
	MaxFiles = 1024
)

// Parse reads the grants of one file, whose name stands in their ids and in
// errors. Each error is a [*policy.Flaw]; with any, there are no grants.
//
// A grant with a name has an id made of the file's and its own name, and keeps
// its count of uses when it is edited. Without one, the id is made of all the
// grant says.
func Parse(name string, data []byte) ([]policy.Grant, []error) {
	p := parser{file: name}
	if len(data) > MaxFile {
		p.flaw(0, "", "longer than %d bytes", MaxFile)
		return nil, p.errors()
	}
	// What truncates a file before it writes it leaves it empty for a moment.
	if len(bytes.TrimSpace(data)) == 0 {
		p.flaw(0, "", "is empty; a file without grants has at least a comment")
		return nil, p.errors()
	}
	p.parse(string(data))
	if len(p.flaws) > 0 {
		return nil, p.errors()
	}
	return p.grants, nil
}

type parser struct {
	file   string
	md     toml.MetaData
	grants []policy.Grant
	flaws  []*policy.Flaw
}

func (p *parser) flaw(line int, field, format string, args ...any) {
	p.flaws = append(p.flaws, &policy.Flaw{
		Source: policy.Source{File: p.file, Line: line}, Field: field, What: fmt.Sprintf(format, args...),
	})
}

// errors are the flaws in the order of lines.
func (p *parser) errors() []error {
	slices.SortStableFunc(p.flaws, func(a, b *policy.Flaw) int {
		return cmp.Or(cmp.Compare(a.Source.Line, b.Source.Line), cmp.Compare(a.Field, b.Field))
	})
	all := make([]error, len(p.flaws))
	for i, f := range p.flaws {
		all[i] = f
	}
	return all
}

func (p *parser) parse(text string) {
	var top map[string]toml.Primitive
	md, err := toml.Decode(text, &top)
	if err != nil {
		var syntax toml.ParseError
		if errors.As(err, &syntax) {
			p.flaw(syntax.Position.Line, "", "%s", strings.ToValidUTF8(syntax.Message, "?"))
		} else {
			p.flaw(0, "", "%v", err)
		}
		return
	}
	p.md = md
	headers := headerLines(text)
	for key, value := range top {
		if key != "grant" {
			p.flaw(p.line(value), "", "unknown key %q; a file has only [[grant]]", key)
			continue
		}
		var tables []map[string]toml.Primitive
		if p.md.PrimitiveDecode(value, &onlyTables{}) != nil || p.md.PrimitiveDecode(value, &tables) != nil {
			p.flaw(p.line(value), "", "write each grant below a line [[grant]]")
			continue
		}
		if len(tables) > policy.MaxGrants {
			p.flaw(0, "", "%d grants; there can be at most %d", len(tables), policy.MaxGrants)
			return
		}
		seen := map[string]int{}
		for i, table := range tables {
			line := 0
			if i < len(headers) {
				line = headers[i]
			}
			p.grant(table, line, seen)
		}
	}
}

// grant reads one table. Seen are the lines of the grants so far, by id.
func (p *parser) grant(table map[string]toml.Primitive, header int, seen map[string]int) {
	var g policy.Grant
	lines := make(map[string]int, len(table))
	before := len(p.flaws)
	for key, value := range table {
		line := p.line(value)
		lines[key] = line
		if header == 0 || line != 0 && line < header {
			header = line // a table written in one line
		}
		set, known := fields[key]
		if !known {
			p.flaw(line, "", "unknown key %q in a grant; it is one of %s", key, strings.Join(fieldNames, ", "))
			continue
		}
		var v any
		if err := p.md.PrimitiveDecode(value, &v); err != nil {
			p.flaw(line, key, "%v", err)
		} else if err := set(&g, v); err != nil {
			p.flaw(line, key, "%v", err)
		}
	}
	g.Source = policy.Source{File: p.file, Line: header}
	if len(p.flaws) > before {
		return // what is missing from half a grant would mislead
	}
	g.ID = idOf(&g)
	if at, twice := seen[g.ID]; twice {
		what := "says the same as the grant in line %d"
		if g.Name != "" {
			what = "has the name of the grant in line %d"
		}
		p.flaw(header, "", what, at)
		return
	}
	seen[g.ID] = header
	for _, f := range g.Validate() {
		line := lines[f.Field]
		if line == 0 {
			line = header
		}
		p.flaw(line, f.Field, "%s", f.What)
	}
	p.grants = append(p.grants, g)
}

// idOf is the id of a grant in a file.
func idOf(g *policy.Grant) string {
	what := []byte(g.Name)
	if g.Name == "" {
		said := *g
		said.Source, said.ID = policy.Source{}, ""
		what, _ = json.Marshal(said) // strings, numbers and times always can be
	}
	h := sha256.New()
	fmt.Fprintf(h, "vaultd/1/policy-file-grant\x00%s\x00%t\x00%s", filepath.Base(g.Source.File), g.Name != "", what)
	return policy.FormatID([policy.IDSize]byte(h.Sum(nil)[:policy.IDSize]))
}

// headerLines are the lines of the [[grant]] headers. The parser has accepted
// the text, so that what looks like one outside of a string is one.
func headerLines(text string) []int {
	var lines []int
	var open string // delimiter of the multi-line string that we are in
	n := 0
	for line := range strings.Lines(text) {
		n++
		if open == "" && isHeader(line) {
			lines = append(lines, n)
		}
		open = stringState(line, open)
	}
	return lines
}

func isHeader(line string) bool {
	line, ok := strings.CutPrefix(strings.TrimSpace(line), "[[")
	if !ok {
		return false
	}
	name, _, ok := strings.Cut(line, "]]")
	return ok && strings.Trim(strings.TrimSpace(name), `"'`) == "grant"
}

// stringState is the multi-line string that is open after the line.
func stringState(line, open string) string {
	for i := 0; i < len(line); i++ {
		switch {
		case open != "":
			if open[0] == '"' && line[i] == '\\' {
				i++
			} else if strings.HasPrefix(line[i:], open) {
				i += len(open) - 1
				open = ""
			}
		case line[i] == '#':
			return ""
		case line[i] == '"' || line[i] == '\'':
			quote := line[i : i+1]
			if three := strings.Repeat(quote, 3); strings.HasPrefix(line[i:], three) {
				open = three
				i += 2
			} else {
				open = quote
			}
		}
	}
	if len(open) == 1 {
		return "" // ends with its line
	}
	return open
}

// locator refuses every value: the library then says where the value was.
type locator struct{}

func (locator) UnmarshalTOML(any) error { return errNotHere }

var errNotHere = errors.New("not here")

func (p *parser) line(value toml.Primitive) int {
	var at toml.ParseError
	if errors.As(p.md.PrimitiveDecode(value, &locator{}), &at) {
		return at.Position.Line
	}
	return 0
}

// onlyTables refuses what is not a list of tables; the library would leave a
// map empty instead.
type onlyTables struct{}

func (onlyTables) UnmarshalTOML(value any) error {
	switch list := value.(type) {
	case []map[string]any:
		return nil
	case []any:
		for _, v := range list {
			if _, ok := v.(map[string]any); !ok {
				return errNotHere
			}
		}
		return nil
	}
	return errNotHere
}
