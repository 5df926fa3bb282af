// Package reference writes the help of a tree of commands as one Markdown page.
// docs/vaultctl.md and docs/vaultd.md are made by it, and the man pages of them.
// It knows cobra and nothing of what the commands do.
package reference
