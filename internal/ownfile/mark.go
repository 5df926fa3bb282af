package ownfile

import (
	"errors"
	"fmt"
	"io/fs"
)

// Mark is what the file system says of a file. Two marks are equal when nothing
// happened to the file in between.
type Mark struct {
	Device, Inode     uint64 // zero where the system has none
	Links             uint64
	UID, GID          uint32
	Mode              uint32 // as the system has it, with the type
	Size              int64
	Modified, Changed int64 // nanoseconds since 1970; Changed is zero where the system has none
}

const permBits = 0o7777

// SameFile reports whether both are of one file, whatever is in it.
func (m Mark) SameFile(o Mark) bool {
	return m.Device == o.Device && m.Inode == o.Inode && m.Mode&typeBits == o.Mode&typeBits
}

// Fixed is what stays of a file or directory whose contents may change.
func (m Mark) Fixed() Mark {
	m.Links, m.Size, m.Modified, m.Changed = 0, 0, 0, 0
	return m
}

// Since says what became of a file that was as before, empty for nothing.
func (m Mark) Since(before Mark) string {
	switch {
	case m == before:
		return ""
	case !m.SameFile(before):
		return "was replaced by another"
	case m.UID != before.UID || m.GID != before.GID:
		return fmt.Sprintf("belongs to %d:%d now, not to %d:%d", m.UID, m.GID, before.UID, before.GID)
	case m.Mode != before.Mode:
		return fmt.Sprintf("has mode %04o now, not %04o", m.Mode&permBits, before.Mode&permBits)
	case m.Links > before.Links:
		return "has another name now"
	case m.Links < before.Links:
		return "lost a name"
	case m.Size != before.Size:
		return fmt.Sprintf("has %d bytes now, not %d", m.Size, before.Size)
	}
	return "was touched"
}

// Missing is what became of a file that can't be looked at, empty when err is nil.
func Missing(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, fs.ErrNotExist):
		return "was removed"
	}
	return "can't be reached any more"
}
