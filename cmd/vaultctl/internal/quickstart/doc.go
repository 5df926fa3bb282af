// Package quickstart is a guided tour on a real, unsealed vault: two owners with
// signing keys agree on a session key, use it, and see a changed message
// refused. It works again on a vault where it ran before, and leaves its keys.
package quickstart
