// Package backup writes and reads backup files: a header in clear, and behind it
// the records of a vault in frames that are sealed under a key of the file's own.
// It knows bytes and their order. What the records say, where they come from and
// where they go is the vault's affair. docs/FORMAT.md has the layout.
//
// The frames follow the STREAM construction (Hoang, Reyhanitabar, Rogaway and
// Vizár, CRYPTO 2015), as age does: a counter and a mark of the last frame in
// the nonce. So none can be changed, moved, left out or added.
package backup
