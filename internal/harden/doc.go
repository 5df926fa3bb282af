// Package harden makes a process that holds keys harder to look into: no core
// dump, no debugger, no readable /proc entry, no new privileges, and files that
// only their owner can read. Every measure is tried; what the system refuses is
// reported, never fatal.
//
// # What it costs on Linux
//
// A process that is not dumpable has its /proc/self files owned by root. Unless
// it is root, it can't open its own /proc/self/{environ,maps,mem,io,...} any
// more (world-readable ones such as status, and links such as exe and fd, still
// work from inside), strace, gdb, perf and gcore on it need root, and other
// programs of the same user can't learn its executable through /proc/PID/exe.
// The state ends at execve(2): a child starts dumpable, while the core limit and
// no_new_privs are inherited.
//
// # What it does not stop
//
// Root, and a kernel that is not trusted; a program of the same user that starts
// the daemon itself, in its own way.
package harden
