// Package policyfile reads grants from the TOML files of a directory, such as
// /etc/vaultd/policy.d. It is strict: an unknown key, a wrong type, or a grant
// that could not be meant so is an error with file, line and what was expected,
// and one broken file makes the whole directory broken, so that a caller keeps
// the policy it has. A file that somebody else could change is not read.
// docs/POLICY.md describes the format.
package policyfile
