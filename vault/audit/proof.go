package audit

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const proofHeader = "c2sp.org/tlog-proof@v1\n"

// Proof shows that a record is in the log, to anybody who has the verifier key
// and no access to the log.
type Proof struct {
	Seq        int64
	Line       []byte // the record, without newline
	Path       tlog.RecordProof
	Checkpoint Checkpoint
}

// Text is the proof in the C2SP tlog-proof form. The record's line is not in it.
func (p Proof) Text() []byte {
	out := fmt.Appendf([]byte(proofHeader), "index %d\n", p.Seq)
	for _, h := range p.Path {
		out = fmt.Appendf(out, "%s\n", h)
	}
	return append(append(out, '\n'), p.Checkpoint.Note...)
}

// Prove returns the proof of record seq in the log of dir, by the newest
// checkpoint. A record that none covers is ErrNotCovered.
func Prove(dir string, seq int64) (Proof, error) {
	newest, history, _, _ := readCheckpoints(dir)
	if len(history) > 0 && history[len(history)-1].Size > newest.Size {
		newest = history[len(history)-1]
	}
	return prove(dir, seq, newest)
}

// Prove is Prove for an open log. If no checkpoint covers the record yet and
// there is a key, then one is made.
func (l *Log) Prove(seq int64) (Proof, error) {
	l.mu.Lock()
	newest := l.newest
	l.mu.Unlock()
	if seq >= newest.Size {
		var err error
		if newest, err = l.Checkpoint(); err != nil {
			return Proof{}, err
		}
	}
	return prove(l.dir, seq, newest)
}

func prove(dir string, seq int64, c Checkpoint) (Proof, error) {
	p := Proof{Seq: seq, Checkpoint: c}
	if seq < 0 || c.Note == nil || seq >= c.Size {
		return p, fmt.Errorf("record %d: %w", seq, ErrNotCovered)
	}
	f, err := os.Open(filepath.Join(dir, hashesName))
	if err != nil {
		return p, err
	}
	defer f.Close()
	if p.Path, err = tlog.ProveRecord(c.Size, seq, storedHashes{f}); err != nil {
		return p, err
	}
	if p.Line, err = lineAt(dir, seq); err != nil {
		return p, err
	}
	// A proof that proves nothing is not handed out.
	if err := tlog.CheckRecord(p.Path, c.Size, c.Root, seq, tlog.RecordHash(p.Line)); err != nil {
		return p, Problem{seq, "the record does not lead to the checkpoint: " + err.Error(), ""}
	}
	return p, nil
}

// lineAt reads the line of a record.
func lineAt(dir string, seq int64) (found []byte, err error) {
	segments, err := listSegments(dir)
	if err != nil {
		return nil, err
	}
	for i, s := range segments {
		if s.first > seq || i+1 < len(segments) && segments[i+1].first <= seq {
			continue
		}
		at := s.first
		err := eachLine(dir, s, func(_ int64, line []byte) error {
			if at == seq {
				found = bytes.Clone(line)
				return errFirstLine
			}
			at++
			return nil
		})
		if errors.Is(err, errFirstLine) {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, Problem{seq, "the record is missing", ""}
}

// CheckProof verifies a proof in text form for a record's line with the
// verifier key, and returns the record's sequence number and the checkpoint.
func CheckProof(text, line []byte, key string) (int64, Checkpoint, error) {
	seq, path, c, err := parseProof(text)
	if err != nil {
		return -1, c, err
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(key))
	if err != nil {
		return -1, c, fmt.Errorf("verifier key: %w", err)
	}
	if err := c.verified(verifier); err != nil {
		return -1, c, err
	}
	if err := tlog.CheckRecord(path, c.Size, c.Root, seq, tlog.RecordHash(line)); err != nil {
		return -1, c, fmt.Errorf("record %d: %w", seq, err)
	}
	return seq, c, nil
}

func parseProof(text []byte) (seq int64, path tlog.RecordProof, c Checkpoint, err error) {
	malformed := func(what string) (int64, tlog.RecordProof, Checkpoint, error) {
		return -1, nil, c, fmt.Errorf("%w proof: %s", ErrMalformed, what)
	}
	if len(text) > 2*maxNote {
		return malformed("too long")
	}
	rest, found := bytes.CutPrefix(text, []byte(proofHeader))
	if !found {
		return malformed("it does not begin with " + strings.TrimSpace(proofHeader))
	}
	head, signed, found := bytes.Cut(rest, []byte("\n\n"))
	if !found {
		return malformed("no checkpoint")
	}
	lines := strings.Split(string(head), "\n")
	if strings.HasPrefix(lines[0], "extra ") {
		lines = lines[1:]
	}
	if len(lines) == 0 || len(lines) > 64 {
		return malformed("bad length")
	}
	digits, found := strings.CutPrefix(lines[0], "index ")
	if seq, err = strconv.ParseInt(digits, 10, 64); !found || err != nil || seq < 0 || strconv.FormatInt(seq, 10) != digits {
		return malformed("bad index")
	}
	for _, line := range lines[1:] {
		h, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(h) != tlog.HashSize {
			return malformed("bad hash")
		}
		path = append(path, tlog.Hash(h))
	}
	c, err = ParseCheckpoint(signed)
	return seq, path, c, err
}
