package audit_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/vaultd/vaultd/vault/audit"
)

// Whatever happens to a log between records, it has all of them in the order
// of their numbers, and one changed byte is found at its record.
func TestRandomHistories(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		root, err := os.MkdirTemp("", "audit")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(root)
		dir := filepath.Join(root, "log")
		options := audit.Options{
			SegmentSize: rapid.Int64Range(1, 5000).Draw(t, "segment size"),
			Compress:    rapid.Bool().Draw(t, "compress"), Reserve: -1,
		}
		l := must(t)(audit.Open(dir, options))
		defer func() { l.Close() }()
		n, next := int64(0), func() audit.Record { r := record(0); return r }
		signed := false
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				r := next()
				r.Request = strconv.FormatInt(n, 10)
				if seq, err := l.Append(context.Background(), r); err != nil || seq != n {
					t.Fatal(seq, err)
				}
				n++
			},
			"hot": func(t *rapid.T) {
				for range rapid.IntRange(1, 40).Draw(t, "records") {
					r := next()
					r.Request = strconv.FormatInt(n, 10)
					if err := l.AppendHot(r); err != nil {
						t.Fatal(err)
					}
					n++
				}
			},
			"flush": func(t *rapid.T) {
				if err := l.Flush(); err != nil || l.Head().Size != n {
					t.Fatal(l.Head(), n, err)
				}
			},
			"unseal": func(t *rapid.T) {
				if err := l.SetSigner(origin, seed); err != nil {
					t.Fatal(err)
				}
				signed = true
			},
			"seal": func(t *rapid.T) {
				if err := l.ClearSigner(); err != nil {
					t.Fatal(err)
				}
			},
			"reopen": func(t *rapid.T) {
				head := l.Head()
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
				options.ExpectHead = &head
				l = must(t)(audit.Open(dir, options))
			},
			"": func(t *rapid.T) {
				if s := l.Status(); s.Err != nil || len(s.Problems) > 0 || s.CheckpointErr != nil {
					t.Fatalf("%+v", s)
				}
			},
		})
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		key := ""
		if signed {
			key = audit.PublicKey(dir)
		}
		report, err := audit.Verify(dir, audit.VerifyOptions{Key: key})
		if err != nil || !report.OK() || report.Records != n || report.Size != n {
			t.Fatalf("%d records: %+v, %v", n, report, err)
		}
		at := int64(0)
		for e, err := range audit.Read(dir, audit.Filter{}) {
			if err != nil || e.Seq != at || e.Request != strconv.FormatInt(at, 10) {
				t.Fatalf("%d: %+v, %v", at, e, err)
			}
			at++
		}
		plain, err := filepath.Glob(filepath.Join(dir, "audit-*.jsonl"))
		if err != nil || at != n {
			t.Fatal(at, n, err)
		}
		if len(plain) > 0 && n > 0 {
			flipOne(t, dir, rapid.SampledFrom(plain).Draw(t, "file"), key)
		}
	})
}

// flipOne changes a byte of a segment, and wants exactly its record blamed.
func flipOne(t *rapid.T, dir, path, key string) {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) == 0 {
		return
	}
	bad, err := strconv.ParseInt(filepath.Base(path)[6:26], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	i := rapid.IntRange(0, len(data)-2).Draw(t, "byte")
	for _, c := range data[:i] {
		if c == '\n' {
			bad++
		}
	}
	old := data[i]
	if data[i] = rapid.Byte().Draw(t, "value"); data[i] == old {
		return
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := audit.Verify(dir, audit.VerifyOptions{Key: key})
	if err != nil || r.FirstBad != bad {
		t.Fatalf("byte %d of %s: want %d, got %+v, %v", i, path, bad, r, err)
	}
}

func must(t *rapid.T) func(*audit.Log, error) *audit.Log {
	return func(l *audit.Log, err error) *audit.Log {
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
}
