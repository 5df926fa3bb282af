// Package command is the tree of vaultctl's commands: one file for each group,
// each command parsing its arguments, making one or a few calls through
// ipc/client, and printing. It holds no rule of the vault's own.
package command
