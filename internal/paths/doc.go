// Package paths knows where a vault lives when nobody says otherwise: for the
// machine after the Filesystem Hierarchy Standard, for a user after the XDG Base
// Directory Specification. It touches nothing, and imports nothing, so that a
// client can ask it too.
package paths
