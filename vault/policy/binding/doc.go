// Package binding notices when the account behind a uid is no longer the one it
// was, so that whoever gets a used uid, or a used name, does not get the keys.
//
// A principal is bound as uid, user name, machine and generation when it first
// comes. From then on it is known, as long as all of these stay. Otherwise it
// is changed, stays so whatever the account does next, and gets nothing until
// an administrator adopts it (it is the same principal after all) or retires it
// (it is over). The package is pure: bindings are stored by who calls it, and
// accounts are looked up by who calls it.
package binding
