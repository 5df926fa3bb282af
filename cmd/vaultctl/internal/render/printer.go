package render

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"github.com/vaultd/vaultd/vault/fault"
)

// Printer prints for one run of the program.
type Printer struct {
	Out, Err io.Writer
	JSON     bool // one object on Out instead of text
	Quiet    bool // no notes and no progress
	Now      func() time.Time
}

// Object prints the result of a command: v as JSON, or what text writes, whose
// tabs become aligned columns. The error is that of writing.
func (p *Printer) Object(v any, text func(w *Table)) error {
	if p.JSON {
		enc := json.NewEncoder(p.Out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(v)
	}
	w := tabwriter.NewWriter(p.Out, 0, 0, 2, ' ', 0)
	text(&Table{w: w})
	return w.Flush()
}

// Note tells the user something that is not the result.
func (p *Printer) Note(format string, args ...any) {
	if !p.Quiet && !p.JSON {
		fmt.Fprintln(p.Err, clean(fmt.Sprintf(format, args...)))
	}
}

// Warn tells the user of something that is not as it should be. -q does not
// silence it; in JSON the result carries it.
func (p *Printer) Warn(format string, args ...any) {
	if !p.JSON {
		fmt.Fprintln(p.Err, clean("warning: "+fmt.Sprintf(format, args...)))
	}
}

// Failure is how an error looks to a program.
type Failure struct {
	Code    fault.Code `json:"code"`
	Message string     `json:"message"`
	Hint    string     `json:"hint,omitempty"`
	Ref     string     `json:"ref,omitempty"` // id of the decision, or of the approval that is awaited
	Exit    int        `json:"exit"`
}

// Fail prints an error on Err.
func (p *Printer) Fail(f Failure) {
	if p.JSON {
		enc := json.NewEncoder(p.Err)
		enc.SetEscapeHTML(false)
		_ = enc.Encode(struct {
			Error Failure `json:"error"`
		}{f})
		return
	}
	name := "vaultctl:"
	if p.colorful(p.Err) {
		name = "\x1b[1;31m" + name + "\x1b[0m"
	}
	fmt.Fprintf(p.Err, "%s %s\n", name, clean(f.Message))
	if f.Hint != "" {
		fmt.Fprintf(p.Err, "hint: %s\n", clean(f.Hint))
	}
}

// IsTerminal reports whether w is a terminal.
func IsTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// colorful follows https://no-color.org.
func (p *Printer) colorful(w io.Writer) bool {
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && IsTerminal(w)
}

// Table writes rows of columns that are aligned when the table ends.
type Table struct {
	w io.Writer
}

// Row writes one row.
func (t *Table) Row(cells ...string) {
	for i, c := range cells {
		cells[i] = clean(c)
	}
	fmt.Fprintln(t.w, strings.Join(cells, "\t"))
}

// Field writes a name and a value, or nothing when the value is empty.
func (t *Table) Field(name, value string) {
	if value != "" {
		t.Row(name, value)
	}
}

// Line writes free text.
func (t *Table) Line(format string, args ...any) {
	fmt.Fprintln(t.w, clean(fmt.Sprintf(format, args...)))
}

// clean keeps control characters from the terminal: a label or a reason is
// somebody else's text, and could otherwise move the cursor or recolor a line.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '\uFFFD'
		}
		return r
	}, s)
}

// Clean is text of others as it may reach the terminal.
func Clean(s string) string { return clean(s) }
