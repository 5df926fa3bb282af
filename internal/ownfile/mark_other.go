//go:build !unix

package ownfile

import (
	"io/fs"
	"os"
)

const (
	typeBits = uint32(fs.ModeType)
	noFollow = 0
)

// Of looks at what is at path; a symbolic link is not followed.
func Of(path string) (Mark, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return Mark{}, err
	}
	return mark(info), nil
}

// OfOpen looks at an open file, which may have lost its name.
func OfOpen(f *os.File) (Mark, error) {
	info, err := f.Stat()
	if err != nil {
		return Mark{}, err
	}
	return mark(info), nil
}

func mark(info fs.FileInfo) Mark {
	return Mark{Links: 1, Mode: uint32(info.Mode()), Size: info.Size(), Modified: info.ModTime().UnixNano()}
}
