// Package full fills the disk under a daemon. Changes are then refused with
// storage_full and nothing is lost; sealing, revoking and destroying work; a
// restart works; and the service goes on by itself when space returns. The
// disks are small file systems mounted for the test, which needs root.
package full
