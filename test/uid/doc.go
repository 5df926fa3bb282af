// Package uid runs a daemon as a system user and calls it as other users of
// the machine, who are made for the test and removed after it. Whatever they
// ask about a namespace that is not theirs is denied, on both wire forms, in
// the same words whether or not the key is there. It needs root.
package uid
