package store

import "fmt"

// Severity ranks findings.
type Severity uint8

// The severities.
const (
	Note   Severity = iota // nothing wrong
	Damage                 // Open refuses the store, or a copy is lost; another copy has everything
	Loss                   // no copy verifies
)

func (s Severity) String() string {
	return [...]string{"note", "damage", "loss"}[min(s, Loss)]
}

// Finding is one thing that Check noticed.
type Finding struct {
	File     string // within the store directory, or the anchor's path
	Offset   int64  // of the first bad byte; -1 if the whole file is meant
	Record   string // blinded name of the record in hexadecimal; "" if none is meant
	What     string
	Severity Severity
	Repaired bool
}

func (f Finding) String() string {
	where := f.File
	if f.Offset >= 0 {
		where += fmt.Sprintf(" at byte %d", f.Offset)
	}
	if f.Record != "" {
		where += " record " + f.Record
	}
	s := fmt.Sprintf("%s: %s: %s", f.Severity, where, f.What)
	if f.Repaired {
		s += " (repaired)"
	}
	return s
}

// Report is what Check found.
type Report struct {
	Findings []Finding
	Complete bool   // checked with the key
	Clean    bool   // the store was closed in order
	Records  int    // live records, if Complete
	Seq      uint64 // last commit, if Complete
}

// OK reports whether no damage is left.
func (r *Report) OK() bool {
	for _, f := range r.Findings {
		if f.Severity > Note && !f.Repaired {
			return false
		}
	}
	return true
}
