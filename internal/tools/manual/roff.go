package main

import (
	"bytes"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/russross/blackfriday/v2"
)

// renderer is md2man's but for what has to be other in these pages: code that
// can be copied from a terminal, tables as lists, headings as man pages have
// them, and links to other documents as references to their pages.
type renderer struct {
	page page
	base blackfriday.Renderer
}

func (r *renderer) RenderHeader(w io.Writer, doc *blackfriday.Node) { r.base.RenderHeader(w, doc) }
func (r *renderer) RenderFooter(w io.Writer, doc *blackfriday.Node) { r.base.RenderFooter(w, doc) }

func (r *renderer) walk(w io.Writer, node *blackfriday.Node) {
	node.Walk(func(n *blackfriday.Node, entering bool) blackfriday.WalkStatus {
		return r.RenderNode(w, n, entering)
	})
}

// RenderNode implements blackfriday.Renderer.
func (r *renderer) RenderNode(w io.Writer, n *blackfriday.Node, entering bool) blackfriday.WalkStatus {
	switch n.Type {
	case blackfriday.Code:
		fmt.Fprintf(w, "\\fB%s\\fR", literal(n.Literal))
	case blackfriday.CodeBlock:
		fmt.Fprint(w, "\n.PP\n.RS 4\n.EX\n")
		for line := range bytes.Lines(n.Literal) {
			w.Write(bytes.TrimRight(literalLine(line), " ")) //nolint:errcheck // a buffer
		}
		fmt.Fprint(w, ".EE\n.RE\n")
	case blackfriday.Heading:
		r.heading(w, n)
	case blackfriday.Table:
		r.table(w, n)
	case blackfriday.Link:
		r.link(w, n)
	case blackfriday.HTMLBlock, blackfriday.HTMLSpan, blackfriday.Image:
	case blackfriday.Paragraph:
		// After a list or an example the paragraph begins anew as well.
		if entering && n.Parent.Type == blackfriday.Document && n.Prev != nil && n.Prev.Type != blackfriday.Heading {
			fmt.Fprint(w, "\n.PP\n")
			return blackfriday.GoToNext
		}
		return r.base.RenderNode(w, n, entering)
	default:
		return r.base.RenderNode(w, n, entering)
	}
	return blackfriday.SkipChildren
}

// heading writes .SH for the first two levels, in capitals where it is not the
// name of something, and .SS below.
func (r *renderer) heading(w io.Writer, n *blackfriday.Node) {
	var title string
	for c := n.FirstChild; c != nil; c = c.Next {
		title += string(c.Literal)
	}
	macro := ".SS"
	if n.Level <= 2 {
		macro = ".SH"
		if !strings.HasPrefix(title, "[") {
			title = strings.ToUpper(title)
		}
	}
	fmt.Fprintf(w, "\n%s %s\n", macro, literal([]byte(title)))
}

// table writes a list: the first cell of a row is the term. Where there are more
// than two columns, their headings say what is what.
func (r *renderer) table(w io.Writer, table *blackfriday.Node) {
	var heads []string
	for _, row := range rows(table, blackfriday.TableHead) {
		for c := row.FirstChild; c != nil; c = c.Next {
			heads = append(heads, string(r.inline(c)))
		}
	}
	for _, row := range rows(table, blackfriday.TableBody) {
		fmt.Fprintf(w, "\n.TP\n%s\n", r.inline(row.FirstChild))
		var parts []string
		column := 1
		for c := row.FirstChild.Next; c != nil; c = c.Next {
			text := string(r.inline(c))
			if text != "" && len(heads) > 2 && heads[column] != "" {
				text = heads[column] + ": " + text
			}
			if text != "" {
				parts = append(parts, text)
			}
			column++
		}
		fmt.Fprintf(w, "%s\n", strings.Join(parts, ";\n"))
	}
}

func rows(table *blackfriday.Node, part blackfriday.NodeType) []*blackfriday.Node {
	var all []*blackfriday.Node
	for p := table.FirstChild; p != nil; p = p.Next {
		if p.Type != part {
			continue
		}
		for row := p.FirstChild; row != nil; row = row.Next {
			all = append(all, row)
		}
	}
	return all
}

// inline renders what is in a cell.
func (r *renderer) inline(cell *blackfriday.Node) []byte {
	var b bytes.Buffer
	for c := cell.FirstChild; c != nil; c = c.Next {
		r.walk(&b, c)
	}
	return bytes.TrimSpace(b.Bytes())
}

// link writes the text of a link, and where it leads: the page made of that
// document, or the address.
func (r *renderer) link(w io.Writer, n *blackfriday.Node) {
	for c := n.FirstChild; c != nil; c = c.Next {
		r.walk(w, c)
	}
	target := string(n.LinkData.Destination)
	if strings.Contains(target, "://") {
		if text := n.FirstChild; text == nil || string(text.Literal) != target {
			fmt.Fprintf(w, " \\(la%s\\(ra", literal([]byte(target)))
		}
		return
	}
	document := path.Clean(path.Join(path.Dir(r.page.source), target))
	for _, p := range pages {
		if p.source == document && p != r.page {
			fmt.Fprintf(w, " (see \\fB%s\\fR(%s))", literal([]byte(p.name)), p.section)
		}
	}
}

// What groff would turn into other characters than the ones typed.
var exact = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`)

func literal(text []byte) []byte { return []byte(exact.Replace(string(text))) }

func literalLine(line []byte) []byte {
	line = literal(line)
	if bytes.HasPrefix(line, []byte(".")) {
		line = append([]byte(`\&`), line...)
	}
	return line
}

// tidy takes out what is only noise to a formatter: empty lines outside of
// examples, spaces around lines, a paragraph where a section begins. It breaks
// long lines.
func tidy(roff []byte) []byte {
	var b bytes.Buffer
	example := false
	previous := ""
	for line := range strings.Lines(string(roff)) {
		line = strings.TrimRight(line, " \n")
		switch line {
		case ".EX":
			example = true
		case ".EE":
			example = false
		}
		if !example {
			line = strings.TrimLeft(line, " ")
			heading := strings.HasPrefix(previous, ".SH") || strings.HasPrefix(previous, ".SS")
			if line == "" || line == ".PP" && (heading || previous == ".PP") {
				continue
			}
			if !strings.HasPrefix(line, ".") && previous != ".TP" { // whose next line is the term
				line = wrap(line)
			}
		}
		b.WriteString(line + "\n")
		previous = line
	}
	return b.Bytes()
}

// width of a line that mandoc finds good, in bytes as it counts them.
const width = 80

// bytesOf counts other characters than those of ASCII as mandoc writes them: \[u2026].
func bytesOf(word string) (n int) {
	for _, r := range word {
		if n++; r > 127 {
			n += len(`[u2026]`)
		}
	}
	return n
}

func wrap(line string) string {
	var b strings.Builder
	used := 0
	for _, word := range strings.Split(line, " ") {
		switch {
		case used == 0:
		case used+1+bytesOf(word) > width:
			b.WriteByte('\n')
			used = 0
			if strings.HasPrefix(word, ".") || strings.HasPrefix(word, "'") {
				word = `\&` + word
			}
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += bytesOf(word)
	}
	return b.String()
}
