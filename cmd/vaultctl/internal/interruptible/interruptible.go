// Package interruptible lets a user end a program that waits for input.
package interruptible

import "context"

// Do returns what a blocking read returns, or the error of ctx as soon as that
// ends. The read itself can't be stopped and goes on: this is for a program
// that ends soon after.
func Do[T any](ctx context.Context, read func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		v, err := read()
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}
