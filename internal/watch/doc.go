// Package watch tells when files of configuration may have changed, however
// they are changed: written in place, renamed into place, reached over a
// symbolic link that is swapped, or with the whole directory replaced.
//
// It watches directories, since a watch on a file dies with the file, and reads
// nothing in them. What it says is "look again": it may say so for nothing, and
// says so late rather than never. Where the system has no watches left, or a
// directory can't be watched, it looks at names, sizes and times instead.
package watch
