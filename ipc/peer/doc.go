// Package peer reads from the kernel who is at the other end of a Unix
// socket, and nothing else does. What it finds becomes a policy.Principal.
//
// Credentials are those of the process that called connect(2), fixed at that
// moment; a socket that is passed on keeps them. Only the user, the group and
// the supplementary groups are fit for granting. Executable and systemd unit
// describe the process as it is when they are read, are left empty whenever
// they cannot be had without a race, and may only narrow what the user has.
package peer
