package command

import (
	"encoding/base64"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/parse"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/render"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/stream"
)

// forTerminal is data as it can be shown: binary bytes that would go to a
// terminal become a line of base64.
func (a *app) forTerminal(data []byte, out string) []byte {
	if out != "" && out != "-" || parse.IsText(data) || !render.IsTerminal(a.stdout) {
		return data
	}
	a.print.Note("This is binary; on a terminal it is shown in base64.")
	return line(base64.StdEncoding.EncodeToString(data))
}

// writeEncoded writes bytes that are not text by nature, such as a signature: a
// line of standard base64, or the bytes themselves when raw.
func (a *app) writeEncoded(out string, data []byte, raw bool) error {
	if !raw {
		data = line(base64.StdEncoding.EncodeToString(data))
	}
	return stream.Write(a.stdout, out, data)
}

func line(s string) []byte { return []byte(s + "\n") }

// timeOf is a time as JSON carries it, nil for none.
func timeOf(ts *timestamppb.Timestamp) *time.Time {
	if ts == nil {
		return nil
	}
	t := ts.AsTime()
	return &t
}
