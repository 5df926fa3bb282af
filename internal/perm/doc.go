// Package perm refuses files and directories that somebody else could change.
// A configuration that another user can edit, or a store below a directory that
// another user can rename, is not the one that its owner wrote.
package perm
