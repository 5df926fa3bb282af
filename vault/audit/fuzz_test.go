package audit_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/vaultd/vaultd/vault/audit"
)

// What Decode accepts is exactly what AppendLine writes.
func FuzzDecode(f *testing.F) {
	r := record(1)
	r.Extra = []audit.Field{{Name: "a", Value: "\n"}}
	f.Add(audit.AppendLine(nil, &r))
	f.Add([]byte(`{"seq":0,"time":"1970-01-01T00:00:00Z","principal":{"uid":0,"gid":0,"pid":-1},"action":"","outcome":"","duration_us":0}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := audit.Decode(line)
		if err != nil {
			return
		}
		if again := audit.AppendLine(nil, &r); !bytes.Equal(again, line) || bytes.ContainsRune(line, '\n') || len(line) >= audit.MaxLine {
			t.Fatalf("%q became %q", line, again)
		}
	})
}

// A checkpoint or proof that nobody signed is never accepted.
func FuzzCheckpoint(f *testing.F) {
	dir := build(f, 30, 1<<20)
	signed := newest(f, dir)
	p, err := audit.Prove(dir, 3)
	if err != nil {
		f.Fatal(err)
	}
	public := key(f)
	f.Add(signed.Note)
	f.Add(p.Text())
	f.Fuzz(func(t *testing.T, data []byte) {
		if c, err := audit.ParseCheckpoint(data); err == nil {
			if err := c.Verified(public); err == nil && c.Head != signed.Head {
				t.Fatalf("forged: %q", data)
			}
		}
		if seq, c, err := audit.CheckProof(data, p.Line, public); err == nil && (seq != 3 || c.Head != signed.Head) {
			t.Fatalf("forged: %q", data)
		}
	})
}

// Whatever stands in the hash file, Verify finds no fault with the records,
// and a log that is opened goes on after them.
func FuzzHashFile(f *testing.F) {
	dir := build(f, 9, 1<<20)
	good, err := os.ReadFile(filepath.Join(dir, "hashes"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:100])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, hashes []byte) {
		if len(hashes) > 8*len(good) {
			return
		}
		dir := copyDir(t, dir)
		edit(t, filepath.Join(dir, "hashes"), func([]byte) []byte { return hashes })
		r := verify(t, dir)
		// More hashes than records may be the rest of a log that was cut.
		if r.FirstBad >= 0 && r.FirstBad < 9 || !bytes.Equal(hashes, good) && bytes.HasPrefix(good, hashes) && r.OK() {
			t.Fatalf("%+v", r)
		}
		l := open(t, dir, audit.Options{})
		want := int64(9 + len(l.Status().Problems)) // each is in a record
		if size := l.Head().Size; size != want {
			t.Fatal(size)
		}
		l.Close()
		if r := verify(t, dir); r.FirstBad != -1 || r.Records != want {
			t.Fatalf("%+v", r)
		}
	})
}

// Rubbish in any other file of the directory ends nothing.
func FuzzOtherFiles(f *testing.F) {
	dir := build(f, 9, 1<<20)
	for i, name := range []string{"checkpoint", "checkpoints", "state", "audit.pub"} {
		b, _ := os.ReadFile(filepath.Join(dir, name))
		f.Add(uint8(i), b)
		f.Add(uint8(i), append(b, "\n\n— x\n\n"...))
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		dir := copyDir(t, dir)
		name := []string{"checkpoint", "checkpoints", "state", "audit.pub"}[which%4]
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
		verify(t, dir)
		l := open(t, dir, audit.Options{})
		write(t, l, 9, 11)
		l.Close()
	})
}
