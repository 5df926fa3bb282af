// Package ownfile tells what somebody else did to a file that only this process
// writes: removed it, put another in its place, edited it, or merely touched it.
//
// It asks the file system for identity, times and permissions, and reads bytes
// only where these differ from the last look. A change that sets the times back
// still shows by the time of change, which no system call sets.
package ownfile
