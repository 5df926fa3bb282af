package command

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "write docs/vaultctl.md anew")

// TestReference holds docs/vaultctl.md to the commands' own help. After a
// change: go test ./cmd/vaultctl/internal/command -run TestReference -update
func TestReference(t *testing.T) {
	path := filepath.Join("..", "..", "..", "..", "docs", "vaultctl.md")
	want := reference(tree())
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("the reference is not the help's; write it anew with -update: %s", diff)
	}
}

func reference(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString("# vaultctl\n\n<!-- Made from the commands' own help by a test; see TestReference. -->\n\n")
	fmt.Fprintf(&b, "%s.\n\n%s\n\n", root.Short, block(root.Long))
	b.WriteString("## Flags of every command\n\n")
	flags(&b, root.PersistentFlags())
	for _, g := range root.Groups() {
		fmt.Fprintf(&b, "## %s\n\n", strings.TrimSuffix(g.Title, ":"))
		for _, cmd := range root.Commands() {
			if cmd.GroupID == g.ID && cmd.Name() != "completion" && cmd.Name() != "help" {
				walk(cmd, func(c *cobra.Command) { section(&b, c) })
			}
		}
	}
	for _, cmd := range root.Commands() {
		if cmd.IsAdditionalHelpTopicCommand() && cmd.GroupID == "" {
			fmt.Fprintf(&b, "## %s\n\n%s\n\n", cmd.Short, block(cmd.Long))
		}
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

func section(b *strings.Builder, cmd *cobra.Command) {
	fmt.Fprintf(b, "### %s\n\n%s.\n\n", cmd.CommandPath(), cmd.Short)
	if !cmd.HasSubCommands() || cmd.Name() == "mac" {
		fmt.Fprintf(b, "```\n%s\n```\n\n", cmd.UseLine())
	}
	fmt.Fprintf(b, "%s\n\n", block(cmd.Long))
	flags(b, cmd.LocalNonPersistentFlags())
	if cmd.Example != "" {
		var lines []string
		for line := range strings.Lines(cmd.Example) {
			lines = append(lines, strings.TrimPrefix(strings.TrimRight(line, "\n"), "  "))
		}
		fmt.Fprintf(b, "```sh\n%s\n```\n\n", strings.Join(lines, "\n"))
	}
}

func flags(b *strings.Builder, set *pflag.FlagSet) {
	any := false
	set.VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" || f.Hidden {
			return
		}
		if !any {
			b.WriteString("| Flag | Meaning |\n|---|---|\n")
			any = true
		}
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		kind, usage := pflag.UnquoteUsage(f)
		if kind != "" {
			name += " " + kind
		}
		fmt.Fprintf(b, "| `%s` | %s |\n", name, strings.ReplaceAll(usage, "|", "\\|"))
	})
	if any {
		b.WriteString("\n")
	}
}

// block is text of the help as Markdown: paragraphs with indented lines in them
// are kept as they are.
func block(text string) string {
	parts := strings.Split(text, "\n\n")
	for i, p := range parts {
		if strings.Contains("\n"+p, "\n  ") || strings.Contains("\n"+p, "\n ") {
			parts[i] = "```\n" + p + "\n```"
		}
	}
	return strings.Join(parts, "\n\n")
}
