// Package api holds the service definition of vaultd and the code generated
// from it. Edit vaultd/v1/vaultd.proto, then run `go generate ./ipc/api`.
package api

//go:generate go -C ../../internal/tools run ./protogen vaultd/v1/vaultd.proto
