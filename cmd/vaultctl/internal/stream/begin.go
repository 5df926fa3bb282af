package stream

import (
	"context"
	"errors"
	"io"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/interruptible"
	"github.com/vaultd/vaultd/vault/fault"
)

// Begin reads up to limit bytes, and reports whether there are more: then it
// returns one byte more than that.
func Begin(ctx context.Context, from io.Reader, limit int) (b []byte, more bool, err error) {
	b, err = interruptible.Do(ctx, func() ([]byte, error) { return io.ReadAll(io.LimitReader(from, int64(limit)+1)) })
	if err != nil {
		return nil, false, readError(err)
	}
	return b, len(b) > limit, nil
}

// Rest copies what is left to w.
func Rest(w io.Writer, from io.Reader) error {
	_, err := io.Copy(w, from)
	return readError(err)
}

func readError(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return fault.E(fault.CodeBadArgument, "read the input: %v", err)
}
