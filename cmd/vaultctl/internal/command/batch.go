package command

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/interruptible"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/stream"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/fault"
)

// What goes in one call: at most as many items, and as many bytes, as the daemon
// takes, with answers that are larger than the requests.
const (
	batchItems = 500
	batchBytes = stream.MaxInput / 2
)

func (a *app) batch() *cobra.Command {
	var in string
	cmd := &cobra.Command{
		Use:   "batch [KEY]",
		Short: "Perform many requests, one JSON object a line",
		Long: strings.TrimSpace(`
Read requests from standard input, one JSON object a line, and write a result
for each, in the same order: the answer, or {"error":{…}}. One that fails leaves
the others alone. Many go in one call to the daemon, which is faster by far than
a call each.

A request is an object with one member, which is one of encrypt, decrypt, sign,
verify, mac, verifyMac, rewrap, generateDataKey and derive. What is in it is the
request of that name as docs/PROTOCOL.md has it: names in lowerCamelCase, bytes
in base64. A key name alone is a key of your own. KEY is for requests that name
none; what is decrypted or rewrapped names its key by itself.

The exit status is 0 when none failed, and else that of the first that did.`),
		Example: example(`
vaultctl batch < requests.jsonl > results.jsonl
vaultctl batch session --in plaintexts.jsonl
echo '{"encrypt":{"key":"session","plaintext":"aGVsbG8="}}' | vaultctl batch`),
		Args:              takes("[KEY]"),
		ValidArgsFunction: a.completeKey,
	}
	cmd.Flags().StringVar(&in, "in", "", "read the requests from this `FILE` instead of standard input")
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		from, done, err := a.open(in, "requests")
		if err != nil {
			return err
		}
		defer done()
		r := &batchReader{names: a.names.Key, lines: bufio.NewReaderSize(from, 64<<10)}
		if len(args) > 0 {
			if r.key, err = a.names.Key(args[0]); err != nil {
				return err
			}
		}
		worst := 0
		for {
			items, readErr := interruptible.Do(ctx, r.next)
			if len(items) > 0 {
				status, err := a.performBatch(ctx, c, items)
				if err != nil {
					return err
				}
				if worst == 0 {
					worst = status
				}
			}
			switch {
			case errors.Is(readErr, io.EOF) && worst != 0:
				return answered(worst)
			case errors.Is(readErr, io.EOF):
				return nil
			case readErr != nil:
				return readErr
			}
		}
	})
	return cmd
}

// performBatch makes one call, prints a line for each result, and returns the exit
// status of the first that failed.
func (a *app) performBatch(ctx context.Context, c *client.Client, items []*vaultdv1.BatchItem) (status int, err error) {
	r, err := call(ctx, a, "Performing", c.Batch, &vaultdv1.BatchRequest{Items: items})
	if err != nil {
		return 0, err
	}
	w := bufio.NewWriter(a.stdout)
	for _, result := range r.GetResults() {
		if e := result.GetError(); e != nil && status == 0 {
			status = int(e.GetExit())
		}
		text, err := protojson.Marshal(result)
		if err != nil {
			return 0, err
		}
		var compact bytes.Buffer // protojson puts spaces where it likes
		if err := json.Compact(&compact, text); err != nil {
			return 0, err
		}
		compact.WriteByte('\n')
		if _, err := w.Write(compact.Bytes()); err != nil {
			return 0, err
		}
		clear(text)
		clear(compact.Bytes())
	}
	return status, w.Flush()
}

// batchReader reads requests, one a line.
type batchReader struct {
	names func(string) (string, error)
	lines *bufio.Reader
	line  int
	key   string // of requests that name none
	held  []byte // a line that did not go in the call before
}

// next reads as many as go in one call, and waits for no more than there are. Its
// error is io.EOF behind the last, and what was read before an error is returned
// with it.
func (r *batchReader) next() (items []*vaultdv1.BatchItem, err error) {
	for size := 0; len(items) < batchItems; {
		text := r.held
		r.held = nil
		if text == nil {
			if len(items) > 0 && r.lines.Buffered() == 0 {
				return items, nil // who writes them may wait for these
			}
			if text, err = r.readLine(); err != nil {
				return items, err
			}
		}
		if size += len(text); size > batchBytes && len(items) > 0 {
			r.held = text
			return items, nil
		}
		item := new(vaultdv1.BatchItem)
		if err := protojson.Unmarshal(text, item); err != nil {
			// Its text may quote a secret.
			return items, fault.E(fault.CodeBadArgument, "line %d is not a request", r.line).WithHint("see 'vaultctl batch --help'")
		}
		if err := r.complete(item); err != nil {
			return items, err
		}
		items = append(items, item)
	}
	return items, nil
}

// readLine is the next line that is not empty.
func (r *batchReader) readLine() ([]byte, error) {
	for {
		r.line++
		var text []byte
		for {
			part, err := r.lines.ReadSlice('\n')
			text = append(text, part...)
			if len(text) > 2*stream.MaxInput {
				return nil, fault.E(fault.CodeTooLarge, "line %d is larger than a request can be", r.line)
			}
			if err == nil || errors.Is(err, io.EOF) && len(text) > 0 {
				break
			}
			if !errors.Is(err, bufio.ErrBufferFull) {
				return nil, err
			}
		}
		if text = bytes.TrimSpace(text); len(text) > 0 {
			return text, nil
		}
	}
}

// complete puts the caller's own namespace before key names that have none.
func (r *batchReader) complete(item *vaultdv1.BatchItem) error {
	var names []*string
	var needed *string // what can't go without a key
	switch q := item.GetRequest().(type) {
	case *vaultdv1.BatchItem_Encrypt:
		needed = &q.Encrypt.Key
	case *vaultdv1.BatchItem_Decrypt:
		names = append(names, &q.Decrypt.Key)
	case *vaultdv1.BatchItem_Sign:
		needed = &q.Sign.Key
	case *vaultdv1.BatchItem_Verify:
		needed = &q.Verify.Key
	case *vaultdv1.BatchItem_Mac:
		needed = &q.Mac.Key
	case *vaultdv1.BatchItem_VerifyMac:
		needed = &q.VerifyMac.Key
	case *vaultdv1.BatchItem_Rewrap:
		names = append(names, &q.Rewrap.Key, &q.Rewrap.ToKey)
	case *vaultdv1.BatchItem_GenerateDataKey:
		needed = &q.GenerateDataKey.Key
	case *vaultdv1.BatchItem_Derive:
		needed = &q.Derive.Key
	}
	if needed != nil {
		if *needed == "" {
			*needed = r.key
		}
		names = append(names, needed)
	}
	for _, name := range names {
		if *name == "" {
			continue // the ciphertext names it, or the daemon says what is missing
		}
		full, err := r.names(*name)
		if err != nil {
			return fault.E(fault.CodeBadArgument, "line %d: %v", r.line, err)
		}
		*name = full
	}
	return nil
}
