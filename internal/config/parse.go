package config

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// Problem is one thing that is wrong in a configuration file.
type Problem struct {
	File string
	Line int // 0 when unknown
	What string
}

func (p *Problem) Error() string {
	if p.Line == 0 {
		return fmt.Sprintf("%s: %s", p.File, p.What)
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.What)
}

// Parse reads the TOML in data over base and checks the result. The error joins
// every [Problem] found, in the order of lines; name stands for the file.
func Parse(name string, data []byte, base Config) (Config, error) {
	p := parser{file: name, lines: map[string]int{}}
	// A copy of what base shares, so that decoding can't write into it.
	c := base
	c.Access.AdminGroups = slices.Clone(base.Access.AdminGroups)
	c.Unseal.Sources = slices.Clone(base.Unseal.Sources)

	var top map[string]toml.Primitive
	md, err := toml.Decode(string(data), &top)
	if err != nil {
		return Config{}, p.syntax(err)
	}
	p.md = md
	sections := fields(reflect.ValueOf(&c).Elem())
	for section, value := range top {
		into, known := sections[section]
		if !known {
			p.unknown("", section, value, sections)
			continue
		}
		p.section(section, value, fields(into))
	}
	if len(p.problems) == 0 { // bounds of a half-read configuration would mislead
		for _, b := range c.broken() {
			p.report(p.lines[b.key], "%s", b.what)
		}
	}
	if len(p.problems) > 0 {
		return Config{}, p.joined()
	}
	return c, nil
}

// Check returns every value that is out of bounds, as one error. It is for a
// configuration that flags have changed after it was loaded.
func (c Config) Check() error {
	var all []error
	for _, b := range c.broken() {
		all = append(all, errors.New(b.what))
	}
	return errors.Join(all...)
}

type parser struct {
	file     string
	md       toml.MetaData
	lines    map[string]int // by key, "socket.path"
	problems []*Problem
}

func (p *parser) section(name string, value toml.Primitive, known map[string]reflect.Value) {
	var values map[string]toml.Primitive
	if p.md.PrimitiveDecode(value, &onlyTable{}) != nil || p.md.PrimitiveDecode(value, &values) != nil {
		p.report(p.line(value), "%q is a section; write [%s] on a line of its own", name, name)
		return
	}
	for key, value := range values {
		into, ok := known[key]
		if !ok {
			p.unknown(name, key, value, known)
			continue
		}
		line := p.line(value)
		p.lines[name+"."+key] = line
		if err := p.md.PrimitiveDecode(value, into.Addr().Interface()); err != nil {
			p.report(line, "[%s] %s: %s", name, key, reason(err, into))
		}
	}
}

// unknown reports a key that is not known in the section, with the way out.
func (p *parser) unknown(section, key string, value toml.Primitive, known map[string]reflect.Value) {
	what := fmt.Sprintf("unknown section [%s]", key)
	if section != "" {
		what = fmt.Sprintf("unknown key %q in [%s]", key, section)
	}
	names := make([]string, 0, len(known))
	for n := range known {
		names = append(names, n)
	}
	slices.Sort(names)
	if home := sectionOf(key); section != "" && home != "" {
		what += fmt.Sprintf("; it belongs in [%s]", home)
	} else if near, ok := nearest(key, names); ok {
		what += fmt.Sprintf("; did you mean %q?", near)
	} else {
		what += "; it is one of " + strings.Join(names, ", ")
	}
	p.report(p.line(value), "%s", what)
}

// sectionOf is the one section that has the key, empty for none or several.
func sectionOf(key string) string {
	home := ""
	for name, section := range fields(reflect.ValueOf(&Config{}).Elem()) {
		if _, ok := fields(section)[key]; !ok {
			continue
		}
		if home != "" {
			return ""
		}
		home = name
	}
	return home
}

func (p *parser) report(line int, format string, args ...any) {
	p.problems = append(p.problems, &Problem{p.file, line, fmt.Sprintf(format, args...)})
}

func (p *parser) joined() error {
	slices.SortFunc(p.problems, func(a, b *Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), strings.Compare(a.What, b.What))
	})
	all := make([]error, len(p.problems))
	for i, problem := range p.problems {
		all[i] = problem
	}
	return errors.Join(all...)
}

func (p *parser) syntax(err error) error {
	var syntax toml.ParseError
	if errors.As(err, &syntax) {
		return &Problem{p.file, syntax.Position.Line, syntax.Message}
	}
	return &Problem{p.file, 0, err.Error()}
}

// locator refuses every value: the library then says where the value was.
type locator struct{}

func (locator) UnmarshalTOML(any) error { return errNotHere }

// onlyTable refuses what is not a table; the library leaves a map empty instead.
type onlyTable struct{}

func (onlyTable) UnmarshalTOML(value any) error {
	if _, ok := value.(map[string]any); ok {
		return nil
	}
	return errNotHere
}

var errNotHere = errors.New("not here")

func (p *parser) line(value toml.Primitive) int {
	var at toml.ParseError
	if errors.As(p.md.PrimitiveDecode(value, &locator{}), &at) {
		return at.Position.Line
	}
	return 0
}

// reason says what is wrong with a value in terms of what is wanted there.
func reason(err error, into reflect.Value) string {
	var at toml.ParseError
	if errors.As(err, &at) { // from one of our types, in its own words
		return at.Message
	}
	switch into.Kind() {
	case reflect.String:
		return "wants a string"
	case reflect.Slice:
		return "wants a list of strings"
	case reflect.Bool:
		return "wants true or false"
	default:
		return "wants a whole number"
	}
}

// fields are the fields of a struct by their name in the file.
func fields(v reflect.Value) map[string]reflect.Value {
	m := make(map[string]reflect.Value, v.NumField())
	for i := range v.NumField() {
		m[v.Type().Field(i).Tag.Get("toml")] = v.Field(i)
	}
	return m
}
