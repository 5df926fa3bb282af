//go:build !unix

package pipe

import (
	"errors"
	"os"
)

func openFIFO(string) (*os.File, error) { return nil, errors.ErrUnsupported }

func readerGone(err error) error { return err }
