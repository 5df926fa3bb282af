package rig

import (
	"errors"

	"github.com/vaultd/vaultd/vault/fault"
)

// Code is the stable code of an error from the daemon; empty without an error,
// internal for an error that has none, such as a lost connection.
func Code(err error) fault.Code {
	var e *fault.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Code
	}
	return fault.CodeInternal
}
