// Package speed measures the product as its users meet it: real programs, a
// real socket, a real disk. Where a figure is a comparison, both sides are
// measured in turns in the same run, so that the machine's mood cancels out.
//
//	go test -run '^$' -bench . ./test/speed
package speed
