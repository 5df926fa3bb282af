// Package packaging is the files that make vaultd a service of a system. Packages
// install them as they are, and 'vaultd service install' from inside the program,
// so that both give the same service.
package packaging

import "embed"

// Files are below the names that they have in this directory.
//
//go:embed systemd sysusers.d tmpfiles.d etc launchd
var Files embed.FS
