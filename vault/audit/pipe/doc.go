// Package pipe is the sink of an audit log that writes lines into a FIFO, for a
// program that carries them elsewhere. It never waits for somebody to open the
// other end, and writes into no FIFO that anybody could read, or others could swap.
package pipe
