// Package guess attacks the vault's password through the socket, from many
// processes and connections at once, while the daemon is stopped and killed in
// between, and counts how many guesses it checks.
package guess
