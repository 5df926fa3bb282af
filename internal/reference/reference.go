package reference

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Markdown is the reference of root and all commands below it, in the order and
// the groups of its help.
func Markdown(root *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n<!-- Made from the commands' own help by a test; see TestReference. -->\n\n", root.Name())
	fmt.Fprintf(&b, "%s.\n\n%s", root.Short, block(root.Long))
	b.WriteString("## Flags of every command\n\n")
	flags(&b, root.PersistentFlags())
	group(&b, root, "", "Commands")
	for _, g := range root.Groups() {
		group(&b, root, g.ID, strings.TrimSuffix(g.Title, ":"))
	}
	for _, cmd := range root.Commands() {
		if cmd.IsAdditionalHelpTopicCommand() && cmd.GroupID == "" {
			fmt.Fprintf(&b, "## %s\n\n%s", cmd.Short, block(cmd.Long))
		}
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// group writes the commands of one group of the root's help, if it has any.
func group(b *strings.Builder, root *cobra.Command, id, title string) {
	begun := false
	for _, cmd := range root.Commands() {
		if cmd.GroupID != id || cmd.IsAdditionalHelpTopicCommand() || cmd.Hidden || cmd.Name() == "completion" || cmd.Name() == "help" {
			continue
		}
		if !begun {
			fmt.Fprintf(b, "## %s\n\n", title)
			begun = true
		}
		section(b, cmd)
	}
}

func section(b *strings.Builder, cmd *cobra.Command) {
	fmt.Fprintf(b, "### %s\n\n%s.\n\n", cmd.CommandPath(), cmd.Short)
	if !cmd.HasSubCommands() || cmd.Flags().HasFlags() {
		fmt.Fprintf(b, "```\n%s\n```\n\n", cmd.UseLine())
	}
	b.WriteString(block(cmd.Long))
	flags(b, cmd.LocalNonPersistentFlags())
	if cmd.Example != "" {
		var lines []string
		for line := range strings.Lines(cmd.Example) {
			lines = append(lines, strings.TrimPrefix(strings.TrimRight(line, "\n"), "  "))
		}
		fmt.Fprintf(b, "```sh\n%s\n```\n\n", strings.Join(lines, "\n"))
	}
	for _, sub := range cmd.Commands() {
		section(b, sub)
	}
}

func flags(b *strings.Builder, set *pflag.FlagSet) {
	begun := false
	set.VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" || f.Hidden {
			return
		}
		if !begun {
			b.WriteString("| Flag | Meaning |\n|---|---|\n")
			begun = true
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
	if begun {
		b.WriteString("\n")
	}
}

// block is text of the help as Markdown: paragraphs with indented lines in them
// are kept as they are.
func block(text string) string {
	if text == "" {
		return ""
	}
	parts := strings.Split(text, "\n\n")
	for i, p := range parts {
		if strings.Contains("\n"+p, "\n ") {
			parts[i] = "```\n" + p + "\n```"
		}
	}
	return strings.Join(parts, "\n\n") + "\n\n"
}
