// Package lifecycle drives every state, operation and key type through a real
// socket and compares what happens with SP 800-57 Part 1 Rev. 5, section 7, as
// it is written down here a second time.
package lifecycle
