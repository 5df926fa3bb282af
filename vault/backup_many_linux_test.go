package vault_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vaultd/vaultd/vault"
)

func init() { restoreInChild = restoreFrom }

// restoreFrom never returns: it restores what the parent has backed up, so that
// the memory of that can be told from the test's.
func restoreFrom(dir string) {
	o := restoreOptions(dir)
	for _, name := range []string{"full", "since"} {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			fmt.Println(err)
			os.Exit(3)
		}
		info, err := f.Stat()
		if err != nil {
			fmt.Println(err)
			os.Exit(3)
		}
		o.Files = append(o.Files, sized{f, info.Size()})
	}
	if _, err := vault.Restore(ctx, o); err != nil {
		fmt.Println(err)
		os.Exit(3)
	}
	// Not what the parent is told of the child: that counts the parent itself, of
	// which the child was a copy.
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		fmt.Println(err)
		os.Exit(3)
	}
	fmt.Print(string(status))
	os.Exit(0)
}

type sized struct {
	*os.File
	size int64
}

func (s sized) Size() int64 { return s.size }

// backupTo writes a backup to a file and returns by how much what is used of the
// heap grew, looking a few times.
func (r *rig) backupTo(path string, o vault.BackupOptions) (grown int64, made vault.KnownBackup) {
	r.Helper()
	b, err := r.BeginBackup(ctx, o)
	if err != nil {
		r.Fatal(err)
	}
	defer b.Close()
	f, err := os.Create(path)
	if err != nil {
		r.Fatal(err)
	}
	defer f.Close()
	base, peak := heap(), int64(0)
	for n := 0; ; n++ {
		part, done, err := b.Read(ctx, 960<<10)
		if err != nil {
			r.Fatal(err)
		}
		if _, err := f.Write(part); err != nil {
			r.Fatal(err)
		}
		if n%64 == 1 {
			peak = max(peak, heap())
		}
		if done {
			return max(peak, heap()) - base, b.Made()
		}
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Backup and restore take memory that does not grow with the vault.
// VAULTD_RECORDS says of how many records it is; 'make backup-many' says a million.
func TestBackupOfManyRecordsTakesLittleMemory(t *testing.T) {
	records := 4_000
	if n, err := strconv.Atoi(os.Getenv("VAULTD_RECORDS")); err == nil {
		records = n
	} else if testing.Short() {
		t.Skip("the long variant measures")
	}
	r := newRig(t)
	began := time.Now()
	var next atomic.Int64
	var makers sync.WaitGroup
	for range 64 {
		makers.Go(func() {
			for n := next.Add(1); n <= int64(records/3); n = next.Add(1) { // a key is three records
				if _, err := r.CreateKey(ctx, vault.CreateKey{Name: r.name(fmt.Sprintf("owner%d/key%d", n%100, n))}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	makers.Wait()
	c := r.encrypt("owner1/key1", "one of many")
	t.Logf("%d records made in %v", r.Status().Records, time.Since(began))

	dir := t.TempDir()
	began = time.Now()
	grown, made := r.backupTo(filepath.Join(dir, "full"), vault.BackupOptions{})
	t.Logf("full backup in %v, heap %d MiB more", time.Since(began), grown>>20)
	r.create("owner1/last", "")
	began = time.Now()
	more, _ := r.backupTo(filepath.Join(dir, "since"), vault.BackupOptions{SinceHash: made.Hash})
	t.Logf("incremental backup in %v, heap %d MiB more", time.Since(began), more>>20)
	if most := max(grown, more); most > 32<<20 {
		t.Errorf("a backup takes %d MiB of heap", most>>20)
	}
	began = time.Now()
	if report := r.liveCheck(); !report.OK() {
		t.Errorf("check: %+v", report.Findings)
	}
	t.Logf("checked in %v", time.Since(began))
	if err := r.Vault.Close(); err != nil {
		t.Fatal(err)
	}

	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	began = time.Now()
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), restoreEnv+"="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("restore: %v\n%s", err, out)
	}
	_, text, _ := strings.Cut(string(out), "VmHWM:")
	resident := 0
	if _, err := fmt.Sscan(text, &resident); err != nil {
		t.Fatal(err)
	}
	t.Logf("restored in %v, at most %d MiB resident", time.Since(began), resident>>10)
	if resident > 128<<10 {
		t.Errorf("a restore takes %d MiB", resident>>10)
	}
	began = time.Now()
	n := r.at(dir)
	t.Logf("unsealed in %v", time.Since(began))
	n.mustDecrypt("owner1/key1", c, "one of many")
	if _, err := n.ShowKey(ctx, n.name("owner1/last")); err != nil {
		t.Error(err)
	}
	if is, want := n.Status().Keys, records/3+1; is != want {
		t.Errorf("%d keys, want %d", is, want)
	}
}
