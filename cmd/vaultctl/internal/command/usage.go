package command

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/vaultd/vaultd/vault/fault"
)

// outputFlag is -o: true is JSON.
type outputFlag bool

func (o *outputFlag) Set(s string) error {
	if s != "text" && s != "json" {
		return fault.E(fault.CodeBadArgument, "%q is not a known output", s).WithHint("one of: text, json")
	}
	*o = s == "json"
	return nil
}

func (o *outputFlag) String() string {
	if *o {
		return "json"
	}
	return "text"
}

func (o *outputFlag) Type() string { return "FORMAT" }

// group is what a command does that only holds others.
func group(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		err := fault.E(fault.CodeUsage, "'%s' has no command %q", cmd.CommandPath(), args[0])
		cmd.SuggestionsMinimumDistance = 2
		if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
			return err.WithHint("did you mean '%s %s'?", cmd.CommandPath(), like[0])
		}
		return seeHelp(err, cmd)
	}
	if cmd.HasParent() {
		return seeHelp(fault.E(fault.CodeUsage, "'%s' needs a command", cmd.CommandPath()), cmd)
	}
	return cmd.Help()
}

// takes checks the arguments by their names: "KEY" must be there, "[FILE]" may.
func takes(names ...string) cobra.PositionalArgs {
	least := len(names)
	for least > 0 && strings.HasPrefix(names[least-1], "[") {
		least--
	}
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return seeHelp(fault.E(fault.CodeUsage, "'%s' needs %s", cmd.CommandPath(), strings.Join(names[len(args):least], " and ")), cmd)
		case len(args) > len(names):
			return seeHelp(fault.E(fault.CodeUsage, "'%s' does not take %q", cmd.CommandPath(), args[len(names)]), cmd)
		}
		return nil
	}
}

func seeHelp(err *fault.Error, cmd *cobra.Command) *fault.Error {
	return err.WithHint("see '%s --help'", cmd.CommandPath())
}

// needs is the error for a flag that must be given.
func needs(cmd *cobra.Command, flag string) error {
	return seeHelp(fault.E(fault.CodeUsage, "'%s' needs --%s", cmd.CommandPath(), flag), cmd)
}

// flagError turns pflag's errors into ours.
func flagError(cmd *cobra.Command, err error) error {
	var invalid *pflag.InvalidValueError
	var known *fault.Error
	if errors.As(err, &invalid) && errors.As(err, &known) {
		out := *known
		out.Message = fmt.Sprintf("--%s: %s", invalid.GetFlag().Name, known.Message)
		return &out
	}
	return seeHelp(fault.E(fault.CodeUsage, "%v", err), cmd)
}

// example indents the lines of an Example as cobra's help prints them.
func example(s string) string {
	lines := strings.Split(strings.Trim(s, "\n"), "\n")
	for i, l := range lines {
		if l != "" {
			lines[i] = "  " + l
		}
	}
	return strings.Join(lines, "\n")
}

// helpCommand is cobra's, but for the error about an unknown topic.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Show the help of a command, or of a topic such as exit-codes",
		Args:  cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return seeHelp(fault.E(fault.CodeUsage, "there is no help on %q", strings.Join(args, " ")), root)
			}
			cmd.InitDefaultHelpFlag()
			return cmd.Help()
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			cmd, _, err := root.Find(args)
			if err != nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var names []string
			for _, sub := range cmd.Commands() {
				if sub.IsAvailableCommand() || sub.IsAdditionalHelpTopicCommand() {
					names = append(names, sub.Name()+"\t"+sub.Short)
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
}
