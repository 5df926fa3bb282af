// Package stream reads what a command works on and writes what it made: bounded
// input from a file or standard input, and output files that appear only when
// they are complete, readable by their owner alone.
package stream
