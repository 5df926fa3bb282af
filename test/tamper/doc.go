// Package tamper holds the tests of what the daemon does when somebody else
// touches its files and socket: real daemons, and a hand in their directories.
package tamper
