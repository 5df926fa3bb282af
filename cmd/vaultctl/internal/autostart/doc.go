// Package autostart finds the daemon that a command talks to, and starts the
// user's own one when it does not run yet, as gpg-agent is started. The daemon
// decides by its own lock which of several is the one; whoever loses, connects.
package autostart
