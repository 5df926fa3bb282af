//go:build linux

package flip

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vaultd/vaultd/test/faultfs"
	"github.com/vaultd/vaultd/test/rig"
	"github.com/vaultd/vaultd/vault/fault"
)

func TestMain(m *testing.M) { rig.Main(m) }

// specimen is a vault at rest.
type specimen struct {
	gallery *rig.Gallery
	files   *faultfs.Image // of the directory above store and anchor
	names   []string       // of the regular files
}

// newSpecimen makes a vault and ends its daemon, gently or not: after a crash
// other files are there than after a clean stop.
func newSpecimen(t *testing.T, clean bool) *specimen {
	t.Helper()
	home := newHome(t, t.TempDir())
	d := rig.MustStart(t, home)
	d.Init(t)
	s := &specimen{gallery: rig.NewGallery(t, d, rig.GalleryOwner, 20)}
	if clean {
		if err := d.Stop(); err != nil {
			t.Fatal(err)
		}
	} else {
		d.Kill()
	}
	var err error
	if s.files, err = faultfs.ReadImage(filepath.Dir(home.Store)); err != nil {
		t.Fatal(err)
	}
	for name, f := range s.files.Files {
		if f.Mode.IsRegular() {
			s.names = append(s.names, name)
		}
	}
	slices.Sort(s.names)
	return s
}

func newHome(t *testing.T, dir string) rig.Home {
	home := rig.NewHome(t, dir)
	home.Config = "min_free = \"1 MiB\"\nballast = \"64 KiB\"\n"
	return home
}

// with returns the specimen's files with some of them changed. Nil data
// removes a file.
func (s *specimen) with(changes map[string][]byte) *faultfs.Image {
	img := &faultfs.Image{Mode: s.files.Mode, Files: map[string]*faultfs.File{}}
	for name, f := range s.files.Files {
		if data, changed := changes[name]; changed {
			if data == nil {
				continue
			}
			c := *f
			c.Data = data
			f = &c
		}
		img.Files[name] = f
	}
	return img
}

// verdict is what became of a damaged vault: no error, or an answer that names
// the damage. Everything else is an error of the test.
func (s *specimen) verdict(t *testing.T, img *faultfs.Image) (fault.Code, error) {
	dir := filepath.Join(t.TempDir(), "v")
	if err := img.WriteTo(dir); err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	d, err := rig.Start(t, newHome(t, dir))
	if err != nil {
		return "", err // a damaged vault is no reason not to start
	}
	defer d.Kill()
	err = d.Unseal(rig.Context(t), rig.Password)
	if err == nil {
		err = s.gallery.Check(rig.Context(t), d.Client)
	}
	switch {
	case d.Panicked() || !d.Running():
		return "", fmt.Errorf("the daemon crashed: %s", d.Log())
	case err == nil:
		return "", errors.Join(d.Stop())
	case !integrity(err):
		return rig.Code(err), fmt.Errorf("%w\nthe daemon's log:\n%s", err, d.Log())
	}
	return rig.Code(err), nil
}

// integrity reports whether each of the joined errors is an answer of the
// daemon that names damage.
func integrity(err error) bool {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return !slices.ContainsFunc(joined.Unwrap(), func(err error) bool { return !integrity(err) })
	}
	return rig.Code(err).Class() == fault.ClassIntegrity
}

// tally counts verdicts by file.
type tally struct {
	mu sync.Mutex
	n  map[string]int
}

func (y *tally) add(name string, code fault.Code) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if code == "" {
		code = "harmless"
	}
	y.n[fmt.Sprintf("%-28s %s", name, code)]++
}

func (y *tally) log(t *testing.T) {
	var lines []string
	for what, n := range y.n {
		lines = append(lines, fmt.Sprintf("%s %d", what, n))
	}
	slices.Sort(lines)
	t.Logf("verdicts:\n%s", strings.Join(lines, "\n"))
}

func TestEveryFlipIsHarmlessOrNamed(t *testing.T) {
	count := 60
	if testing.Short() {
		count = 20
	}
	if s := os.Getenv("VAULTD_FLIPS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			t.Fatalf("VAULTD_FLIPS is %q", s)
		}
		count = n
	}
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("VAULTD_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("VAULTD_SEED=%d", seed)
	for _, clean := range []bool{true, false} {
		t.Run(map[bool]string{true: "after a clean stop", false: "after a crash"}[clean], func(t *testing.T) {
			s := newSpecimen(t, clean)
			t.Logf("files:\n%v", s.files)
			rng := rand.New(rand.NewPCG(seed, 2))
			damages := make(chan damage)
			go func() {
				defer close(damages)
				for i := range count / 2 {
					damages <- s.damage(rng, s.names[i%len(s.names)])
				}
			}()
			y := &tally{n: map[string]int{}}
			var failures atomic.Int32
			var working sync.WaitGroup
			for range 2 {
				working.Go(func() {
					for d := range damages {
						code, err := s.verdict(t, s.with(map[string][]byte{d.name: d.data}))
						if err != nil && failures.Add(1) <= 10 {
							t.Errorf("%s: %v", d.what, err)
						}
						y.add(d.name, code)
					}
				})
			}
			working.Wait()
			y.log(t)
		})
	}
}

// damage is one changed file.
type damage struct {
	name, what string
	data       []byte
}

// damage flips a bit, or up to all bits of a byte, or cuts the file off.
func (s *specimen) damage(rng *rand.Rand, name string) damage {
	data := bytes.Clone(s.files.Files[name].Data)
	if data == nil {
		data = []byte{}
	}
	if len(data) == 0 {
		return damage{name, fmt.Sprintf("%s, which was empty, holds a byte", name), []byte{0}}
	}
	at := rng.IntN(len(data))
	switch rng.IntN(5) {
	case 0: // near the start, where headers are
		at = rng.IntN(min(len(data), 64))
	case 1: // near the end
		at = len(data) - 1 - rng.IntN(min(len(data), 64))
	case 2:
		return damage{name, fmt.Sprintf("%s cut from %d bytes to %d", name, len(data), at), data[:at]}
	}
	mask := byte(1 << rng.IntN(8))
	if rng.IntN(3) == 0 {
		mask = byte(1 + rng.IntN(255))
	}
	data[at] ^= mask
	return damage{name, fmt.Sprintf("%s byte %d of %d xor %#02x", name, at, len(data), mask), data}
}

// Files that vanish, are emptied, or change places.
func TestWholeFileDamageIsNamed(t *testing.T) {
	s := newSpecimen(t, true)
	for _, name := range s.names {
		for what, data := range map[string][]byte{"removed": nil, "emptied": {}} {
			t.Run(what+" "+name, func(t *testing.T) {
				code, err := s.verdict(t, s.with(map[string][]byte{name: data}))
				if err != nil {
					t.Errorf("%s: %v", code, err)
				}
				t.Logf("verdict: %q", code)
			})
		}
	}
	rng := rand.New(rand.NewPCG(1, 3))
	for range 6 {
		a, b := s.names[rng.IntN(len(s.names))], s.names[rng.IntN(len(s.names))]
		if a == b {
			continue
		}
		t.Run("swapped "+a+" and "+b, func(t *testing.T) {
			code, err := s.verdict(t, s.with(map[string][]byte{a: s.files.Files[b].Data, b: s.files.Files[a].Data}))
			if err != nil {
				t.Errorf("%s: %v", code, err)
			}
		})
	}
}

// A vault whose files are older than its anchor must say so: each file alone,
// and the whole directory.
func TestOlderFilesAreNoticed(t *testing.T) {
	for _, clean := range []bool{true, false} {
		t.Run(map[bool]string{true: "after a clean stop", false: "after a crash"}[clean], func(t *testing.T) {
			testOlderFiles(t, clean)
		})
	}
}

func testOlderFiles(t *testing.T, clean bool) {
	home := newHome(t, t.TempDir())
	d := rig.MustStart(t, home)
	end := func() *faultfs.Image {
		t.Helper()
		if clean {
			if err := d.Stop(); err != nil {
				t.Fatal(err)
			}
		} else {
			time.Sleep(1500 * time.Millisecond) // the anchor follows within a second
			d.Kill()
		}
		img, err := faultfs.ReadImage(filepath.Dir(home.Store))
		if err != nil {
			t.Fatal(err)
		}
		return img
	}
	d.Init(t)
	rig.NewGallery(t, d, rig.GalleryOwner, 3)
	old := end()
	d = rig.MustStart(t, home)
	if err := d.Unseal(rig.Context(t), rig.Password); err != nil {
		t.Fatal(err)
	}
	s := &specimen{gallery: rig.NewGallery(t, d, "second", 3)}
	s.files = end()

	t.Run("the whole directory", func(t *testing.T) {
		img := &faultfs.Image{Mode: old.Mode, Files: map[string]*faultfs.File{}}
		for name, f := range old.Files {
			if strings.HasPrefix(name, "store") {
				img.Files[name] = f
			}
		}
		for name, f := range s.files.Files {
			if !strings.HasPrefix(name, "store") {
				img.Files[name] = f
			}
		}
		if code, err := s.verdict(t, img); code != fault.CodeStoreRolledBack {
			t.Errorf("an older directory answers %q, %v", code, err)
		}
	})
	for name, f := range old.Files {
		now, there := s.files.Files[name]
		if !f.Mode.IsRegular() || there && bytes.Equal(now.Data, f.Data) {
			continue
		}
		t.Run("only "+name, func(t *testing.T) {
			img := s.with(nil)
			img.Files[name] = f
			code, err := s.verdict(t, img)
			if err != nil {
				t.Errorf("%s: %v", code, err)
			}
			t.Logf("verdict: %q", code)
		})
	}
}
