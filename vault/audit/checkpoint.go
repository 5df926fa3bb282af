package audit

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint is a signed statement of the log's head: a C2SP tlog-checkpoint,
// which is a signed note whose text is origin, size and root.
type Checkpoint struct {
	Origin string
	Head
	Note []byte // as signed, signatures included
}

// maxNote bounds one checkpoint with its signatures.
const maxNote = 64 << 10

func checkpointText(origin string, h Head) string {
	return fmt.Sprintf("%s\n%d\n%s\n", origin, h.Size, h.Root)
}

// ParseCheckpoint parses a checkpoint without looking at its signatures; see
// Verified.
func ParseCheckpoint(data []byte) (Checkpoint, error) {
	if len(data) > maxNote {
		return Checkpoint{}, fmt.Errorf("%w checkpoint: %d bytes", ErrMalformed, len(data))
	}
	text, signatures, found := bytes.Cut(data, []byte("\n\n"))
	if !found || !bytes.HasPrefix(signatures, []byte("— ")) || !bytes.HasSuffix(signatures, []byte("\n")) {
		return Checkpoint{}, fmt.Errorf("%w checkpoint: no signed note", ErrMalformed)
	}
	origin, head, err := parseHead(string(text) + "\n")
	if err != nil {
		return Checkpoint{}, err
	}
	return Checkpoint{Origin: origin, Head: head, Note: bytes.Clone(data)}, nil
}

// parseHead parses a checkpoint's text. Further lines, which the format allows
// for extensions, are accepted and not understood.
func parseHead(text string) (origin string, h Head, err error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 || lines[0] == "" {
		return "", h, fmt.Errorf("%w checkpoint: too few lines", ErrMalformed)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || size >= maxRecords || strconv.FormatInt(size, 10) != lines[1] {
		return "", h, fmt.Errorf("%w checkpoint: bad size", ErrMalformed)
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return "", h, fmt.Errorf("%w checkpoint: bad root", ErrMalformed)
	}
	return lines[0], Head{size, tlog.Hash(root)}, nil
}

// Verified returns an error unless the checkpoint is signed by the key, which
// has the form of the file audit.pub, and is for the log of that key's name.
func (c Checkpoint) Verified(key string) error {
	verifier, err := note.NewVerifier(strings.TrimSpace(key))
	if err != nil {
		return fmt.Errorf("verifier key: %w", err)
	}
	return c.verified(verifier)
}

func (c Checkpoint) verified(v note.Verifier) error {
	n, err := note.Open(c.Note, note.VerifierList(v))
	if err != nil {
		return fmt.Errorf("checkpoint for %d records: %w", c.Size, err)
	}
	// What was signed counts, not what was parsed beside it.
	origin, head, err := parseHead(n.Text)
	if err != nil {
		return err
	}
	if origin != v.Name() || origin != c.Origin || head != c.Head {
		return fmt.Errorf("%w checkpoint: it is for %q, the key is for %q", ErrMalformed, origin, v.Name())
	}
	return nil
}

// splitHistory splits the file of all checkpoints, in which an empty line ends
// each. What follows the last of them was not written completely.
func splitHistory(data []byte) (notes [][]byte, torn []byte) {
	blank := []byte("\n\n")
	for len(data) > 0 {
		text := bytes.Index(data, blank)
		if text < 0 {
			return notes, data
		}
		end := bytes.Index(data[text+2:], blank)
		if end < 0 {
			return notes, data
		}
		end += text + 2
		notes = append(notes, data[:end+1])
		data = data[end+2:]
	}
	return notes, nil
}
