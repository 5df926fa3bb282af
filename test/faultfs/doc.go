// Package faultfs is a file system in memory, mounted through FUSE, that knows
// what was made durable and what was only written. Tests run a program on it,
// cut the power at any moment, and go on from the directory that a machine
// would have found after the cut. It also fails single calls on demand.
//
// What counts as durable:
//
//   - File content becomes durable by fsync, fdatasync or msync of that file,
//     page by page. Everything else may be lost, kept in part, or torn.
//   - Names become durable by the rules of a Model: Ext4, where any fsync
//     commits all earlier changes of the name space in their order, or Posix,
//     where only an fsync of the directory does.
//
// It models the order of durability at the grain of an fsync, not the
// firmware of a drive. The kernel's page cache is in use, so that shared
// mappings work as on a disk. The program under test must be another process:
// a page fault in the process that serves the file system can stop it for good.
//
// Linux only; mounting needs /dev/fuse and root.
package faultfs
