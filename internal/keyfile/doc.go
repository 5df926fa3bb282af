// Package keyfile makes and reads the file whose bytes open a key slot: 32 random
// bytes that only their owner can read. The daemon reads it at boot, and whoever
// has it opens the vault, so that a file that others can read is refused.
package keyfile
