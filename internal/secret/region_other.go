//go:build !unix

package secret

func mapRegion(n int) region { return heapRegion(n) }
