package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newConfigCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Look at the configuration",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "check",
		Short: "Say whether the configuration is right, and where it is not",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := s.load()
			if err != nil {
				return err
			}
			if _, err := policyOf(c.Access); err != nil {
				return err
			}
			if err := checkPolicyFiles(c.Access.PolicyDir); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), "the configuration is fine")
			return nil
		},
	}, &cobra.Command{
		Use:   "show",
		Short: "Print the configuration in force, as a file",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := s.load()
			if err != nil {
				return err
			}
			text, err := c.TOML()
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		},
	})
	return cmd
}
