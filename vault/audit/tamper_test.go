package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vaultd/vaultd/vault/audit"
)

// Numbers that no log has are refused, and end nothing.
func TestAbsurdNumbers(t *testing.T) {
	pristine := build(t, 20, 1<<20)
	const huge = "9223372036854775807"
	for name, harm := range map[string]func(dir string) error{
		"segment": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "audit-0"+huge+".jsonl"), []byte("{\"seq\":"+huge+",\n"), 0o600)
		},
		"record": func(dir string) error {
			edit(t, segments(t, dir)[0], func(b []byte) []byte { return bytes.Replace(b, []byte(`"seq":7,`), []byte(`"seq":`+huge+`,`), 1) })
			return nil
		},
		"checkpoint": func(dir string) error {
			edit(t, filepath.Join(dir, "checkpoint"), func(b []byte) []byte { return bytes.Replace(b, []byte("\n20\n"), []byte("\n"+huge+"\n"), 1) })
			return nil
		},
		"state": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "state"), []byte("x\n"+huge+"\n"+newest(t, dir).Root.String()+"\n"), 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := copyDir(t, pristine)
			if err := harm(dir); err != nil {
				t.Fatal(err)
			}
			verify(t, dir)
			if _, err := audit.Prove(dir, 3); err != nil {
				t.Fatal(err)
			}
			l := open(t, dir, audit.Options{})
			write(t, l, 0, 3)
			if size := l.Head().Size; size < 23 || size > 26 {
				t.Fatal(size)
			}
		})
	}
}

func TestUntouchedVerifies(t *testing.T) {
	dir := build(t, 300, 10000)
	r := verify(t, dir)
	wantOK(t, r, 300)
	if r.Covered != 300 || r.Segments < 8 || r.Checkpoints < 8 {
		t.Fatalf("%+v", r)
	}
}

// linesOf splits a segment in lines with their newlines.
func linesOf(b []byte) [][]byte { return slices.Collect(bytes.Lines(b)) }

// Each edit is made at a random record of a random segment, and has to be
// found at exactly that record.
func TestEditsAreFoundAtTheirRecord(t *testing.T) {
	const n = 300
	pristine := build(t, n, 10000)
	random := rand.New(rand.NewPCG(1, 2))
	edits := map[string]func(lines [][]byte, i int) [][]byte{
		"flip a bit": func(lines [][]byte, i int) [][]byte {
			at := random.IntN(len(lines[i]) - 1)
			bit := byte(1) << random.IntN(7)
			if lines[i][at]^bit == '\n' {
				bit = 0x80
			}
			lines[i][at] ^= bit
			return lines
		},
		"edit the outcome": func(lines [][]byte, i int) [][]byte {
			lines[i] = bytes.Replace(lines[i], []byte(`"allowed"`), []byte(`"denied"`), 1)
			return lines
		},
		"drop": func(lines [][]byte, i int) [][]byte { return slices.Delete(lines, i, i+1) },
		"swap": func(lines [][]byte, i int) [][]byte {
			lines[i], lines[i+1] = lines[i+1], lines[i]
			return lines
		},
		"repeat": func(lines [][]byte, i int) [][]byte { return slices.Insert(lines, i, lines[max(i-1, 1-i)]) },
		"insert": func(lines [][]byte, i int) [][]byte {
			forged := bytes.Replace(lines[i], []byte(`"alice"`), []byte(`"mallory"`), 1)
			return slices.Insert(lines, i, forged)
		},
		"insert garbage": func(lines [][]byte, i int) [][]byte { return slices.Insert(lines, i, []byte("hello\n")) },
		"make endless":   func(lines [][]byte, i int) [][]byte { lines[i] = bytes.Repeat([]byte("x"), 200000); return lines },
	}
	for name, change := range edits {
		t.Run(name, func(t *testing.T) {
			for range 4 {
				dir := copyDir(t, pristine)
				paths := segments(t, dir)
				path := paths[random.IntN(len(paths))]
				var first int64
				fmt.Sscanf(filepath.Base(path), "audit-%d.jsonl", &first)
				bad := int64(-1)
				edit(t, path, func(b []byte) []byte {
					lines := linesOf(b)
					i := random.IntN(len(lines) - 1)
					bad = first + int64(i)
					return bytes.Join(change(lines, i), nil)
				})
				r := verify(t, dir)
				if r.FirstBad != bad {
					t.Fatalf("want %d, got %+v", bad, r.Problems)
				}
			}
		})
	}
}

// Even when whoever edits knows the format and repairs the hash file, the
// signed checkpoints tell, and narrow it down to what lies between two.
func TestEditWithHashFileRepairedIsFound(t *testing.T) {
	dir := build(t, 200, 10000)
	paths := segments(t, dir)
	var first int64
	fmt.Sscanf(filepath.Base(paths[3]), "audit-%d.jsonl", &first)
	edit(t, paths[3], func(b []byte) []byte {
		return bytes.Replace(b, []byte(`"allowed"`), []byte(`"denied"`), 1)
	})
	// The log itself computes the hashes again when they are not there.
	hidden := filepath.Join(t.TempDir(), "checkpoints")
	signed := []string{"checkpoint", "checkpoints", "state"}
	if err := os.Mkdir(hidden, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range signed[:2] {
		if err := os.Rename(filepath.Join(dir, name), filepath.Join(hidden, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Truncate(filepath.Join(dir, "hashes"), 0); err != nil {
		t.Fatal(err)
	}
	open(t, dir, audit.Options{}).Close()
	for _, name := range signed[:2] {
		if err := os.Rename(filepath.Join(hidden, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if r := verify(t, dir); r.FirstBad != first {
		t.Fatalf("want %d, got %+v", first, r.Problems)
	}
}

func TestCutTailIsFound(t *testing.T) {
	pristine := build(t, 120, 10000)
	for _, c := range []struct {
		name string
		cut  func(t *testing.T, dir string)
		bad  int64
	}{
		{"last lines", func(t *testing.T, dir string) {
			paths := segments(t, dir)
			edit(t, paths[len(paths)-1], func(b []byte) []byte {
				lines := linesOf(b)
				return bytes.Join(lines[:len(lines)-2], nil)
			})
		}, 118},
		{"within a line", func(t *testing.T, dir string) {
			paths := segments(t, dir)
			edit(t, paths[len(paths)-1], func(b []byte) []byte { return b[:len(b)-20] })
		}, 119},
		{"last segment and its hashes", func(t *testing.T, dir string) {
			paths := segments(t, dir)
			if err := errors.Join(os.Remove(paths[len(paths)-1]), os.Truncate(filepath.Join(dir, "hashes"), 0)); err != nil {
				t.Fatal(err)
			}
		}, -2},
		{"everything", func(t *testing.T, dir string) {
			for _, p := range segments(t, dir) {
				if err := os.Remove(p); err != nil {
					t.Fatal(err)
				}
			}
		}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := copyDir(t, pristine)
			if c.bad == -2 {
				paths := segments(t, dir)
				fmt.Sscanf(filepath.Base(paths[len(paths)-1]), "audit-%d.jsonl", &c.bad)
			}
			c.cut(t, dir)
			if r := verify(t, dir); r.FirstBad != c.bad {
				t.Fatalf("want %d, got %+v", c.bad, r.Problems)
			}
			// The daemon notices as well, says so in a record, and the numbers go on.
			l := open(t, dir, audit.Options{})
			if s := l.Status(); len(s.Problems) == 0 || s.Problems[0].Seq != c.bad {
				t.Fatalf("want %d, got %+v", c.bad, s.Problems)
			}
			write(t, l, 0, 1)
			found := false
			for e, err := range l.Read(audit.Filter{From: 120}) {
				found = found || err == nil && e.Action == audit.ActionTampered
			}
			if c.name != "last segment and its hashes" && !found {
				t.Fatal("no record of it")
			}
		})
	}
}

func TestMissingAndReplacedSegments(t *testing.T) {
	pristine := build(t, 200, 10000)
	paths := segments(t, pristine)
	firstOf := func(i int) (first int64) {
		fmt.Sscanf(filepath.Base(paths[i]), "audit-%d.jsonl", &first)
		return first
	}
	for _, c := range []struct {
		name   string
		change func(at func(i int) string) error
		bad    int64
	}{
		{"first gone", func(at func(int) string) error { return os.Remove(at(0)) }, 0},
		{"middle gone", func(at func(int) string) error { return os.Remove(at(2)) }, firstOf(2)},
		{"another in its place", func(at func(int) string) error {
			b, err := os.ReadFile(at(1))
			return errors.Join(err, os.WriteFile(at(3), b, 0o600))
		}, firstOf(3)},
		{"emptied", func(at func(int) string) error { return os.Truncate(at(3), 0) }, firstOf(3)},
		{"two swapped", func(at func(int) string) error {
			return errors.Join(os.Rename(at(1), at(1)+"x"), os.Rename(at(2), at(1)), os.Rename(at(1)+"x", at(2)))
		}, firstOf(1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := copyDir(t, pristine)
			if err := c.change(func(i int) string { return filepath.Join(dir, filepath.Base(paths[i])) }); err != nil {
				t.Fatal(err)
			}
			if r := verify(t, dir); r.FirstBad != c.bad {
				t.Fatalf("want %d, got %+v", c.bad, r.Problems)
			}
		})
	}
}

func TestRollbackIsFoundByWhatIsKeptElsewhere(t *testing.T) {
	dir := build(t, 60, 10000)
	old := copyDir(t, dir)
	l := open(t, dir, audit.Options{})
	if err := l.SetSigner(origin, seed); err != nil {
		t.Fatal(err)
	}
	write(t, l, 60, 80)
	kept, err := l.Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	head := l.Head()
	l.Close()
	if r, err := audit.Verify(dir, audit.VerifyOptions{Key: key(t), Against: &kept}); err != nil || !r.OK() {
		t.Fatalf("%+v, %v", r, err)
	}
	r, err := audit.Verify(old, audit.VerifyOptions{Key: key(t), Against: &kept})
	if err != nil || r.FirstBad != 60 {
		t.Fatalf("%+v, %v", r, err)
	}
	// An older copy fits together: only a head from elsewhere tells.
	wantOK(t, verify(t, old), 60)
	rolled := open(t, old, audit.Options{ExpectHead: &head})
	if s := rolled.Status(); len(s.Problems) != 1 || s.Problems[0].Seq != 60 || !errors.Is(s.Problems[0], audit.ErrTampered) {
		t.Fatalf("%+v", s)
	}
	// Other records, as many as before.
	write(t, rolled, 1000, 1030)
	if err := rolled.CheckHead(head); !errors.Is(err, audit.ErrTampered) {
		t.Fatal(err)
	}
	rolled.Close()
	if r, err := audit.Verify(old, audit.VerifyOptions{Against: &kept}); err != nil || r.OK() {
		t.Fatalf("%+v, %v", r, err)
	}
	// A head that is contained is fine.
	again := open(t, dir, audit.Options{ExpectHead: &head})
	if s := again.Status(); len(s.Problems) != 0 {
		t.Fatalf("%+v", s)
	}
}

func TestDamagedHashFileIsNamedAndMadeAgain(t *testing.T) {
	pristine := build(t, 150, 10000)
	want, err := os.ReadFile(filepath.Join(pristine, "hashes"))
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func([]byte) []byte{
		"leaf":  func(b []byte) []byte { b[3] ^= 1; return b },
		"inner": func(b []byte) []byte { b[2*32+5] ^= 1; return b },
		"late":  func(b []byte) []byte { b[len(b)-33] ^= 1; return b },
		"short": func(b []byte) []byte { return b[:len(b)/2+7] },
		"empty": func([]byte) []byte { return nil },
		"zeros": func(b []byte) []byte { clear(b); return b },
	} {
		t.Run(name, func(t *testing.T) {
			dir := copyDir(t, pristine)
			edit(t, filepath.Join(dir, "hashes"), damage)
			r := verify(t, dir)
			if p, _ := r.First(); r.OK() || r.FirstBad != -1 || p.Where != "hashes" {
				t.Fatalf("%+v", r)
			}
			open(t, dir, audit.Options{}).Close()
			got, err := os.ReadFile(filepath.Join(dir, "hashes"))
			if err != nil {
				t.Fatal(err)
			}
			// Damage inside an old subtree concerns nobody who appends, and is
			// left to Verify.
			if name != "leaf" && name != "inner" && !bytes.HasPrefix(got, want) {
				t.Fatal("not made again")
			}
		})
	}
}

func TestCheckpointFilesAreVerified(t *testing.T) {
	pristine := build(t, 150, 10000)
	for name, damage := range map[string]func(dir string){
		"bit in the signature": func(dir string) {
			edit(t, filepath.Join(dir, "checkpoint"), func(b []byte) []byte { b[len(b)-20] ^= 1; return b })
		},
		"size in the history": func(dir string) {
			edit(t, filepath.Join(dir, "checkpoints"), func(b []byte) []byte { b[len(origin)+1] ^= 1; return b })
		},
		"both gone": func(dir string) {
			if err := errors.Join(os.Remove(filepath.Join(dir, "checkpoint")), os.Remove(filepath.Join(dir, "checkpoints"))); err != nil {
				t.Fatal(err)
			}
		},
		"another key": func(dir string) {
			other, err := audit.VerifierKey(origin, bytes.Repeat([]byte{8}, 32))
			if err != nil {
				t.Fatal(err)
			}
			edit(t, filepath.Join(dir, "audit.pub"), func([]byte) []byte { return []byte(other) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := copyDir(t, pristine)
			damage(dir)
			if r := verify(t, dir); r.OK() {
				t.Fatalf("%+v", r)
			}
		})
	}
}

func TestDeletedFilesArePutBackAndRecorded(t *testing.T) {
	for name, c := range map[string]struct {
		harm func(dir, segment string) error
		what string
	}{
		"segment deleted": {func(_, s string) error { return os.Remove(s) }, "deleted"},
		"segment replaced": {func(_, s string) error {
			return errors.Join(os.WriteFile(s+".new", []byte("{}\n"), 0o600), os.Rename(s+".new", s))
		}, "replaced"},
		"segment appended to": {func(_, s string) error {
			f, err := os.OpenFile(s, os.O_APPEND|os.O_WRONLY, 0)
			if err == nil {
				_, err = f.WriteString("{\"seq\":9}\n")
				err = errors.Join(err, f.Close())
			}
			return err
		}, "somebody else"},
		"hashes deleted":    {func(dir, _ string) error { return os.Remove(filepath.Join(dir, "hashes")) }, "deleted"},
		"hashes cut":        {func(dir, _ string) error { return os.Truncate(filepath.Join(dir, "hashes"), 32) }, "cut off"},
		"directory deleted": {func(dir, _ string) error { return os.RemoveAll(dir) }, "deleted"},
		"directory replaced": {func(dir, _ string) error {
			return errors.Join(os.Rename(dir, dir+".old"), os.Mkdir(dir, 0o700))
		}, "deleted"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := logDir(t)
			l := open(t, dir, audit.Options{})
			if err := l.SetSigner(origin, seed); err != nil {
				t.Fatal(err)
			}
			write(t, l, 0, 10)
			if err := c.harm(dir, segments(t, dir)[0]); err != nil {
				t.Fatal(err)
			}
			write(t, l, 10, 20)
			s := l.Status()
			if len(s.Problems) == 0 || !strings.Contains(s.Problems[0].What, c.what) || !errors.Is(s.Problems[0], audit.ErrTampered) {
				t.Fatalf("%+v", s)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			recorded := 0
			for e, err := range audit.Read(dir, audit.Filter{Action: audit.ActionTampered}) {
				if err != nil {
					t.Fatal(err)
				}
				recorded++
				if len(e.Extra) != 3 || !strings.Contains(e.Extra[0].Value, c.what) {
					t.Fatalf("%+v", e)
				}
			}
			if recorded != len(s.Problems) {
				t.Fatal(recorded, "records of", s.Problems)
			}
			wantOK(t, verify(t, dir), int64(20+recorded))
		})
	}
}

// A file that stands where the next segment will be is moved, not appended to.
func TestPlantedSegmentIsMovedAway(t *testing.T) {
	dir := build(t, 20, 1<<20)
	l := open(t, dir, audit.Options{SegmentSize: 1})
	if err := os.WriteFile(filepath.Join(dir, "audit-00000000000000000020.jsonl"), []byte("x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(context.Background(), record(20)); err != nil {
		t.Fatal(err)
	}
	if s := l.Status(); len(s.Problems) != 1 {
		t.Fatalf("%+v", s)
	}
	l.Close()
	wantOK(t, verify(t, dir), 21)
	if foreign, _ := filepath.Glob(filepath.Join(dir, "foreign-*")); len(foreign) != 1 {
		t.Fatal(foreign)
	}
}

// Where no file can be made nothing is written, and nothing is lost when it can.
func TestDirectoryThatIsNoneRefusesAndRecovers(t *testing.T) {
	dir := logDir(t)
	l := open(t, dir, audit.Options{})
	write(t, l, 0, 5)
	if err := errors.Join(os.Rename(dir, dir+".old"), os.WriteFile(dir, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if _, err := l.Append(context.Background(), record(5)); !errors.Is(err, audit.ErrUnavailable) {
			t.Fatal(err)
		}
		if err := l.AppendHot(record(5)); !errors.Is(err, audit.ErrUnavailable) {
			t.Fatal(err)
		}
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	write(t, l, 5, 6)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := audit.Verify(dir, audit.VerifyOptions{})
	if err != nil || len(l.Status().Problems) < 2 {
		t.Fatalf("%+v, %v", l.Status(), err)
	}
	wantOK(t, r, int64(6+len(l.Status().Problems))) // each is in a record
}
