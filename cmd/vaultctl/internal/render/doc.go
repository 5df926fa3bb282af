// Package render prints results: aligned text for people, or one JSON object
// per command with stable field names for programs. Results go to standard
// output; errors, notes and progress to standard error.
package render
