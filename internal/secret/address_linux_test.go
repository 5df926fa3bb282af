package secret

import "unsafe"

func addressOf(s *Bytes) uintptr { return uintptr(unsafe.Pointer(s.mem)) }

func addressOfSlice(b []byte) int64 { return int64(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }

// peek reads off bytes from the start of s, in or out of bounds.
//
//go:nocheckptr
func peek(s *Bytes, off int) byte { return *(*byte)(unsafe.Add(unsafe.Pointer(s.mem), off)) }
