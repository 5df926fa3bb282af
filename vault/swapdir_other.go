//go:build !linux

package vault

import "errors"

func exchangeDirs(string, string) error { return errors.ErrUnsupported }
