// Package policy decides who may do what to which key. It knows nothing of
// sockets, files or storage: a [Principal], an [Action] and a [Resource] come
// in, a [Decision] goes out.
//
// A user owns the namespace of its own name, administrators may do everything,
// and everybody else is denied. A [Grant] allows more than that, or denies what
// this rule would allow; a deny wins over every allow. Grants are compiled into
// a [Set] that never changes, and [Policy.Install] puts a set in force whole.
// Package policyfile reads grants from files.
package policy
