package render

import (
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
)

// Alias is an alias as JSON shows it.
type Alias struct {
	Name    string     `json:"name"`
	Key     string     `json:"key"`
	Created *time.Time `json:"created"`
	Moved   *time.Time `json:"moved,omitempty"`
}

// NewAlias is the JSON view of an alias.
func NewAlias(a *vaultdv1.Alias) Alias {
	return Alias{Name: a.GetName(), Key: a.GetKey(), Created: instant(a.GetCreated()), Moved: instant(a.GetMoved())}
}

// Alias prints one alias in full.
func (p *Printer) Alias(a *vaultdv1.Alias) error {
	return p.Object(NewAlias(a), func(t *Table) { p.aliasFields(t, a) })
}

// SetAlias prints an alias with the key that it pointed to before.
func (p *Printer) SetAlias(a *vaultdv1.Alias, previous string) error {
	return p.Object(struct {
		Alias
		Previous string `json:"previous,omitempty"`
	}{NewAlias(a), previous}, func(t *Table) {
		p.aliasFields(t, a)
		t.Field("Before", previous)
	})
}

func (p *Printer) aliasFields(t *Table, a *vaultdv1.Alias) {
	t.Field("Alias", a.GetName())
	t.Field("Key", a.GetKey())
	t.Field("Created", p.When(a.GetCreated()))
	t.Field("Moved", p.When(a.GetMoved()))
}

// AliasList prints many aliases, one a row.
func (p *Printer) AliasList(aliases []*vaultdv1.Alias) error {
	views := make([]Alias, len(aliases))
	for i, a := range aliases {
		views[i] = NewAlias(a)
	}
	return p.Object(struct {
		Aliases []Alias `json:"aliases"`
	}{views}, func(t *Table) {
		t.Row("NAME", "KEY", "MOVED")
		for _, a := range aliases {
			moved := a.GetMoved()
			if moved == nil {
				moved = a.GetCreated()
			}
			t.Row(a.GetName(), a.GetKey(), p.Until(moved))
		}
	})
}
