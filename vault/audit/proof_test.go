package audit_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/vaultd/vaultd/vault/audit"
)

// independent checks a proof by its text, with nothing but x/mod/sumdb.
func independent(text, line, key string) error {
	rest, ok := strings.CutPrefix(text, "c2sp.org/tlog-proof@v1\nindex ")
	if !ok {
		return errors.New("no header")
	}
	head, signed, _ := strings.Cut(rest, "\n\n")
	fields := strings.Split(head, "\n")
	index, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		return err
	}
	var path tlog.RecordProof
	for _, f := range fields[1:] {
		h, err := tlog.ParseHash(f)
		if err != nil {
			return err
		}
		path = append(path, h)
	}
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return err
	}
	n, err := note.Open([]byte(signed), note.VerifierList(verifier))
	if err != nil {
		return err
	}
	parts := strings.Split(n.Text, "\n")
	size, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return err
	}
	root, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || parts[0] != verifier.Name() {
		return fmt.Errorf("%v, %q", err, parts[0])
	}
	return tlog.CheckRecord(path, size, tlog.Hash(root), index, tlog.RecordHash([]byte(line)))
}

func TestProofsConvinceAnIndependentChecker(t *testing.T) {
	dir := build(t, 137, 10000)
	for seq := range int64(137) {
		p, err := audit.Prove(dir, seq)
		if err != nil {
			t.Fatal(err)
		}
		text, line := p.Text(), p.Line
		if err := independent(string(text), string(line), key(t)); err != nil {
			t.Fatal(seq, err)
		}
		if got, _, err := audit.CheckProof(text, line, key(t)); err != nil || got != seq {
			t.Fatal(got, err)
		}
		forged := bytes.Replace(line, []byte("alice"), []byte("alicf"), 1)
		if independent(string(text), string(forged), key(t)) == nil {
			t.Fatal("the checker accepts everything")
		}
		if _, _, err := audit.CheckProof(text, forged, key(t)); err == nil {
			t.Fatal("forged line accepted")
		}
	}
	if _, err := audit.Prove(dir, 137); !errors.Is(err, audit.ErrNotCovered) {
		t.Fatal(err)
	}
}

func TestOpenLogProvesWhatWasJustWritten(t *testing.T) {
	l := open(t, logDir(t), audit.Options{})
	write(t, l, 0, 3)
	if _, err := l.Prove(2); !errors.Is(err, audit.ErrNotCovered) {
		t.Fatal("proved without a signature:", err)
	}
	if err := l.SetSigner(origin, seed); err != nil {
		t.Fatal(err)
	}
	if err := l.AppendHot(record(3)); err != nil {
		t.Fatal(err)
	}
	p, err := l.Prove(3)
	if err != nil {
		t.Fatal(err)
	}
	if err := independent(string(p.Text()), string(p.Line), l.PublicKey()); err != nil {
		t.Fatal(err)
	}
}

func TestNoProofOfAnEditedRecord(t *testing.T) {
	dir := build(t, 20, 1<<20)
	edit(t, filepath.Join(dir, "audit-00000000000000000000.jsonl"), func(b []byte) []byte {
		return bytes.Replace(b, []byte("req-7"), []byte("req-8"), 1)
	})
	if _, err := audit.Prove(dir, 7); !errors.Is(err, audit.ErrTampered) {
		t.Fatal(err)
	}
	if _, err := audit.Prove(dir, 8); err != nil {
		t.Fatal(err)
	}
}
