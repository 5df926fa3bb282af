// Package prompt gets secrets and confirmations from the user. A secret comes
// from the controlling terminal without echo, from an open file descriptor, or
// from a file; never from an argument or the environment, where other processes
// can read it. What it returns is in locked memory and is wiped by the caller.
package prompt
