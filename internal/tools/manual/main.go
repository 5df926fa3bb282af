// Command manual makes the man pages of the project's documentation, so that
// nothing has to be written twice. Each page is one Markdown file, or the
// commented configuration file; see pages.
//
// It is run by `make manual` at the top of the repository.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cpuguy83/go-md2man/v2/md2man"
	"github.com/russross/blackfriday/v2"
)

// page is one man page: where its text comes from, and what only a man page has.
type page struct {
	name, section string
	source        string // in the repository
	about         string // for NAME, as apropos shows it
	synopsis      string // Markdown
}

func (p page) file() string { return p.name + "." + p.section }

var pages = []page{
	{
		name: "vaultctl", section: "1", source: "docs/vaultctl.md", about: "use the keys of a vault that never gives them away",
		synopsis: "**vaultctl** *command* [*argument* ...] [*flag* ...]",
	},
	{
		name: "age-plugin-vaultd", section: "1", source: "packaging/man/age-plugin-vaultd.1.md", about: "use keys of vaultd with the age program",
		synopsis: "**age-plugin-vaultd** **--age-plugin**=*state-machine*",
	},
	{
		name: "vaultd", section: "8", source: "docs/vaultd.md", about: "key-management service for one machine",
		synopsis: "**vaultd** [*command*] [*flag* ...]",
	},
	{
		name: "vaultd.toml", section: "5", source: "packaging/vaultd.toml", about: "configuration of vaultd",
		synopsis: "`/etc/vaultd/vaultd.toml`  \n`~/.config/vaultd/vaultd.toml`",
	},
	{
		name: "vaultd-policy", section: "5", source: "docs/POLICY.md", about: "who may do what to which key of vaultd",
		synopsis: "`/etc/vaultd/policy.d/*.toml`",
	},
	{name: "vaultd", section: "7", source: "packaging/man/vaultd.7.md", about: "what vaultd is, and how its parts fit"},
	{name: "vaultd-audit", section: "7", source: "docs/AUDIT.md", about: "the audit log of vaultd, and how to verify it"},
	{name: "vaultd-backup", section: "7", source: "docs/BACKUP.md", about: "how a vault of vaultd is backed up and restored"},
	{name: "vaultd-service", section: "7", source: "docs/SERVICE.md", about: "how vaultd is installed, run, upgraded and repaired"},
	{name: "vaultd-streams", section: "7", source: "docs/STREAMS.md", about: "how vaultctl encrypts data of any size, as age files"},
	{name: "vaultd-security", section: "7", source: "docs/THREAT-MODEL.md", about: "what vaultd protects, from whom, and what not"},
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("manual: ")
	root := flag.String("root", ".", "`directory` of the repository")
	out := flag.String("out", "", "`directory` for the pages, with man1 and the like made in it")
	version := flag.String("version", "", "`version` for the foot of the pages")
	epoch := flag.Int64("date", 0, "date for the foot of the pages, in `seconds` since 1970")
	flag.Parse()
	if *out == "" || *epoch == 0 {
		log.Fatal("-out and -date are needed")
	}
	foot := time.Unix(*epoch, 0).UTC().Format("2006-01-02") + `" "vaultd ` + *version
	for _, p := range pages {
		if err := write(*root, *out, foot, p); err != nil {
			log.Fatalf("%s: %v", p.file(), err)
		}
	}
}

func write(root, out, foot string, p page) error {
	source, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(p.source)))
	if err != nil {
		return err
	}
	if filepath.Ext(p.source) == ".toml" {
		if source, err = describe(source); err != nil {
			return err
		}
	}
	dir := filepath.Join(out, "man"+p.section)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, p.file()), render(p, foot, source), 0o644)
}

// render makes the page of a document. The title of the document gives way to
// the parts that every man page begins with.
func render(p page, foot string, source []byte) []byte {
	var head bytes.Buffer
	fmt.Fprintf(&head, "# NAME\n\n%s - %s\n\n", p.name, p.about)
	if p.synopsis != "" {
		fmt.Fprintf(&head, "# SYNOPSIS\n\n%s\n\n", p.synopsis)
	}
	_, body, _ := bytes.Cut(source, []byte("\n"))
	head.WriteString("# DESCRIPTION\n\n")
	head.Write(bytes.TrimLeft(body, "\n"))
	head.WriteString("\n# SEE ALSO\n\n" + seeAlso(p) + "\n")

	base := md2man.NewRoffRenderer()
	r := &renderer{page: p, base: base}
	md := blackfriday.New(blackfriday.WithExtensions(base.GetExtensions()), blackfriday.WithRenderer(r))
	var roff bytes.Buffer
	fmt.Fprintf(&roff, ".TH \"%s\" %s \"%s\"\n", strings.ToUpper(p.name), p.section, foot)
	r.walk(&roff, md.Parse(head.Bytes()))
	return tidy(roff.Bytes())
}

// seeAlso names the other pages, by section and name.
func seeAlso(p page) string {
	var b bytes.Buffer
	for section := '1'; section <= '8'; section++ {
		for _, other := range pages {
			if other.section != string(section) || other == p {
				continue
			}
			if b.Len() > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "**%s**(%s)", other.name, other.section)
		}
	}
	return b.String()
}
