// Package ipc is the daemon's socket: it accepts connections, learns from the
// kernel who is calling, and turns requests into calls of package vault.
//
// One socket carries two forms of one protocol, told apart by their first
// byte: frames (package frame) and HTTP with Connect, gRPC or JSON. Both end
// in the same table of methods (methods.go) and the same line of steps
// (invoke.go): authorize, perform, record, reply. The protocol is specified in
// docs/PROTOCOL.md.
package ipc
