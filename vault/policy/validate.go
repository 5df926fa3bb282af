package policy

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// Bounds of a grant and of a set.
const (
	MaxGrants  = 65536
	maxList    = 256  // entries of any list in a grant
	maxText    = 1024 // bytes of any text in a grant
	maxPeriod  = 366 * 24 * time.Hour
	leastToPer = time.Second
)

// Flaw is one thing that is wrong with a grant.
type Flaw struct {
	Grant  string // id, or name where there is none
	Source Source
	Field  string // as in a policy file: "verbs"; empty for the grant as a whole
	What   string // what was expected
}

func (f *Flaw) Error() string {
	var at string
	switch {
	case f.Source.File != "" && f.Source.Line > 0:
		at = fmt.Sprintf("%s:%d: ", f.Source.File, f.Source.Line)
	case f.Source.File != "":
		at = f.Source.File + ": "
	case f.Grant != "":
		at = "grant " + f.Grant + ": "
	}
	if f.Field != "" {
		at += f.Field + ": "
	}
	return at + f.What
}

// Validate returns everything that is wrong with the grant by itself, nil when
// nothing is.
func (g *Grant) Validate() []*Flaw {
	v := validator{grant: g}
	if _, err := ParseID(g.ID); err != nil {
		v.flaw("id", "%v", err)
	}
	v.text("name", g.Name)
	if g.Effect != Allow && g.Effect != Deny {
		v.flaw("effect", `wants "allow" or "deny"`)
	}
	v.subject()
	bits := v.verbs()
	v.keys()
	v.conditions(bits)
	if bits&ofPolicy != 0 {
		v.ofPolicy()
	}
	return v.flaws
}

type validator struct {
	grant *Grant
	flaws []*Flaw
}

func (v *validator) flaw(field, format string, args ...any) {
	name := v.grant.ID
	if name == "" {
		name = v.grant.Name
	}
	v.flaws = append(v.flaws, &Flaw{name, v.grant.Source, field, fmt.Sprintf(format, args...)})
}

func (v *validator) text(field, s string) {
	if len(s) > maxText {
		v.flaw(field, "longer than %d bytes", maxText)
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }) {
		v.flaw(field, "has a control character or is not UTF-8")
	}
}

func (v *validator) subject() {
	s := &v.grant.Subject
	named := s.User != "" || s.UID != nil || s.Group != "" || s.GID != nil
	switch {
	case !named && !s.AnyUser:
		v.flaw("", "says nobody: give user, uid, group or gid, or any_user = true (unit, exe and label only narrow it)")
	case named && s.AnyUser:
		v.flaw("any_user", "contradicts user, uid, group or gid; give one or the other")
	}
	for _, f := range []struct{ field, text string }{
		{"user", s.User}, {"group", s.Group}, {"unit", s.Unit}, {"user_unit", s.UserUnit}, {"exe", s.Exe}, {"label", s.Label},
	} {
		v.text(f.field, f.text)
	}
	for _, f := range []struct{ field, text string }{{"unit", s.Unit}, {"user_unit", s.UserUnit}} {
		if ext := path.Ext(f.text); f.text != "" && (strings.Contains(f.text, "/") || ext != ".service" && ext != ".scope") {
			v.flaw(f.field, "wants the name of a service or scope, such as %q", "backup.service")
		}
	}
	if s.Exe != "" && (!path.IsAbs(s.Exe) || path.Clean(s.Exe) != s.Exe) {
		v.flaw("exe", "wants an absolute path without . and .., such as %q", "/usr/bin/backup")
	}
	if p := s.Process; p != nil {
		if p.PID <= 0 || p.Started == 0 {
			v.flaw("process", "wants a process number and when that process started")
		}
		v.text("process", p.Boot)
		if v.grant.Effect == Deny {
			v.flaw("process", "a deny for one process is undone by starting another; deny its user")
		}
	}
}

func (v *validator) verbs() verbs {
	if len(v.grant.Verbs) == 0 {
		v.flaw("verbs", "is missing; it lists some of %s", strings.Join(Verbs(), ", "))
	}
	v.length("verbs", len(v.grant.Verbs))
	var bits verbs
	for _, name := range v.grant.Verbs {
		bit, ok := byVerb[name]
		if !ok {
			v.flaw("verbs", "%q is no verb; it is one of %s", clip(name), strings.Join(Verbs(), ", "))
		}
		if ok && v.grant.Effect == Allow && bit&^onlyDenied == 0 {
			v.flaw("verbs", "%s can only be denied: it is the administrators', and no grant gives it", name)
		}
		bits |= bit
	}
	return bits
}

func (v *validator) keys() {
	g := v.grant
	if len(g.Keys) == 0 {
		v.flaw("keys", `is missing; it lists patterns such as "alice/*"`)
	}
	v.length("keys", len(g.Keys))
	for _, k := range g.Keys {
		if _, err := parsePattern(k); err != nil {
			v.flaw("keys", "%v", err)
		}
	}
	v.length("labels", len(g.Labels))
	for _, l := range g.Labels {
		v.pair("labels", l)
	}
	v.length("types", len(g.Types))
	for _, t := range g.Types {
		if t == "" {
			v.flaw("types", "has an empty entry")
		}
		v.text("types", t)
	}
}

func (v *validator) conditions(bits verbs) {
	c := &v.grant.Conditions
	v.length("context", len(c.Context))
	for _, s := range c.Context {
		v.pair("context", s)
		if _, err := parseWant(s); err != nil {
			v.flaw("context", "%v", err)
		}
	}
	if !c.NotBefore.IsZero() && !c.NotAfter.IsZero() && !c.NotAfter.After(c.NotBefore) {
		v.flaw("not_after", "is not after not_before, so the grant would never apply")
	}
	switch {
	case (c.Uses == 0) != (c.Per == 0):
		v.flaw("uses", `go together with per: uses = 100 and per = "1h"`)
	case c.Per != 0 && (c.Per < leastToPer || c.Per > maxPeriod || c.Per%time.Second != 0):
		v.flaw("per", "wants whole seconds, from 1s to 8784h")
	}
	if v.grant.limited() && v.grant.Effect == Deny {
		v.flaw("uses", "a deny has no uses to count")
	}
	if other := bits &^ dangerous; c.FourEyes && other != 0 {
		v.flaw("four_eyes", "goes only with %s; give the other verbs (%s) in a grant of their own",
			strings.Join(dangerous.names(), ", "), strings.Join(other.names(), ", "))
	}
}

// ofPolicy: a grant that does nothing for change_policy is a mistake, and a
// dangerous one where it was meant to hold somebody back.
func (v *validator) ofPolicy() {
	g := v.grant
	if !slices.ContainsFunc(g.Keys, func(k string) bool {
		p, err := parsePattern(k)
		return err != nil || p.covers(Resource{})
	}) {
		v.flaw("keys", `%s is about the vault itself, which only "*/*" covers`, verbChangePolicy)
	}
	if len(g.Labels)+len(g.Types)+len(g.Context) > 0 {
		v.flaw("verbs", "%s has no labels, type or context, so the grant would never apply to it; give it in a grant of its own", verbChangePolicy)
	}
}

func (v *validator) length(field string, n int) {
	if n > maxList {
		v.flaw(field, "has more than %d entries", maxList)
	}
}

func (v *validator) pair(field, s string) {
	v.text(field, s)
	if name, _, _ := strings.Cut(s, "="); name == "" {
		v.flaw(field, `%q wants "name" or "name=value"`, clip(s))
	}
}
