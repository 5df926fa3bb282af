// Package parse turns what a user types after vaultctl into values that the
// service takes: key names, lifetimes, context, labels, uses and bytes. It asks
// nobody and rejects what the daemon would reject anyway only where the answer
// is clearer at the place of the mistake. Every error is a *fault.Error of the
// usage class.
package parse
