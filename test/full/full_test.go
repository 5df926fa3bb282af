//go:build linux

package full

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/test/rig"
	"github.com/vaultd/vaultd/vault/fault"
)

func TestMain(m *testing.M) { rig.Main(m) }

// newDisk mounts a file system of 128 MiB that goes with the test.
func newDisk(t *testing.T, kind string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	dir := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	var mount *exec.Cmd
	switch kind {
	case "tmpfs":
		mount = exec.Command("mount", "-t", "tmpfs", "-o", "size=128m,mode=0700", "vaultd-test", dir)
	case "ext4":
		if _, err := exec.LookPath("mkfs.ext4"); err != nil {
			t.Skip(err)
		}
		image := filepath.Join(t.TempDir(), "image")
		if err := os.WriteFile(image, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(image, 128<<20); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("mkfs.ext4", "-q", "-F", "-m", "0", image).CombinedOutput(); err != nil {
			t.Skipf("mkfs.ext4: %v: %s", err, out)
		}
		mount = exec.Command("mount", "-o", "loop", image, dir)
	}
	if out, err := mount.CombinedOutput(); err != nil {
		t.Skipf("mount: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
			_ = exec.Command("umount", "-l", dir).Run()
		}
	})
	return dir
}

// fill writes a file until nothing more fits.
func fill(t *testing.T, dir string) (empty func()) {
	t.Helper()
	name := filepath.Join(dir, "filler")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size >= 512; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Sync(); err != nil && !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFullDisk(t *testing.T) {
	for _, kind := range []string{"ext4", "tmpfs"} {
		t.Run(kind, func(t *testing.T) {
			disk := newDisk(t, kind)
			home := rig.NewHome(t, disk)
			d := rig.MustStart(t, home)
			d.Init(t)
			gallery := rig.NewGallery(t, d, "full", 5)
			rig.NewGallery(t, d, "spare", 5) // whose keys are ended below
			check := func(when string) {
				t.Helper()
				if !d.Running() || d.Panicked() {
					t.Fatalf("%s: the daemon is gone: %s", when, d.Log())
				}
				if err := gallery.Check(rig.Context(t), d.Client); err != nil {
					t.Errorf("%s: %v", when, err)
				}
			}
			create := func(name string) error {
				_, err := d.Client.CreateKey(rig.Context(t), &vaultdv1.CreateKeyRequest{Name: name})
				return err
			}

			empty := fill(t, disk)
			// What is in flight when the disk fills may still fit, not for long.
			var err error
			for i := 0; err == nil && i < 10_000; i++ {
				err = create(fmt.Sprintf("full/late-%d", i))
			}
			if rig.Code(err) != fault.CodeStorageFull {
				t.Fatalf("a new key on a full disk answers %v; the log:\n%s", err, d.Log())
			}
			check("full")

			end := func(when string, n int) {
				t.Helper()
				ctx := rig.Context(t)
				if _, err := d.Client.RevokeKey(ctx, &vaultdv1.RevokeKeyRequest{Name: fmt.Sprintf("spare/more-%d", n)}); err != nil {
					t.Errorf("%s: revoke: %v", when, err)
				}
				if _, err := d.Client.DestroyKey(ctx, &vaultdv1.DestroyKeyRequest{Name: fmt.Sprintf("spare/more-%d", n+1)}); err != nil {
					t.Errorf("%s: destroy: %v", when, err)
				}
			}
			ended := func(when string, n int) {
				t.Helper()
				for i, want := range []fault.Code{fault.CodeRevoked, fault.CodeKeyDestroyed} {
					_, err := d.Client.Encrypt(rig.Context(t), &vaultdv1.EncryptRequest{Key: fmt.Sprintf("spare/more-%d", n+i)})
					if rig.Code(err) != want {
						t.Errorf("%s: %v, not %s", when, err, want)
					}
				}
			}
			end("full", 0)
			ended("full", 0)
			if standing := newcomer(t, home); standing != "fresh" {
				t.Errorf("full: somebody new is %q; the log:\n%s", standing, d.Log())
			}

			if _, err := d.Client.Seal(rig.Context(t), &vaultdv1.SealRequest{}); err != nil {
				t.Errorf("seal on a full disk: %v", err)
			}
			if err := d.Unseal(rig.Context(t), rig.Password); err != nil {
				t.Fatalf("unseal on a full disk: %v; the log:\n%s", err, d.Log())
			}
			check("unsealed again, full")
			ended("unsealed again, full", 0)

			d.Kill()
			if d, err = rig.Start(t, home); err != nil {
				t.Fatalf("start on a full disk: %v", err)
			}
			if err := d.Unseal(rig.Context(t), rig.Password); err != nil {
				t.Fatalf("unseal on a full disk after a crash: %v; the log:\n%s", err, d.Log())
			}
			check("restarted, full")
			ended("restarted, full", 0)
			end("restarted, full", 2)
			ended("restarted, full", 2)
			if err := d.Stop(); err != nil {
				t.Errorf("stop on a full disk: %v", err)
			}
			d = rig.MustStart(t, home)
			if err := d.Unseal(rig.Context(t), rig.Password); err != nil {
				t.Fatalf("unseal on a full disk after a stop: %v; the log:\n%s", err, d.Log())
			}
			ended("stopped and started, full", 2)

			// Somebody takes what the ballast gave. The daemon starts all the
			// same; at worst it stays sealed until there is space.
			d.Kill()
			again := fillMore(t, disk)
			if d, err = rig.Start(t, home); err != nil {
				t.Fatalf("start on a disk filled twice: %v", err)
			}
			if err = d.Unseal(rig.Context(t), rig.Password); err != nil && rig.Code(err) != fault.CodeStorageFull {
				t.Fatalf("unseal on a disk filled twice: %v; the log:\n%s", err, d.Log())
			}
			empty()
			again()
			if err != nil {
				err = d.Unseal(rig.Context(t), rig.Password)
			}
			if err != nil {
				t.Fatalf("unseal with space again: %v; the log:\n%s", err, d.Log())
			}
			for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
				if err = create("full/after"); err == nil {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("a minute after space returned: %v; the log:\n%s", err, d.Log())
				}
			}
			check("with space again")
			ended("with space again", 0)
			ended("with space again", 2)
		})
	}
}

// newcomer is the standing of a user who connects for the first time: it has to
// be known before it can end anything.
func newcomer(t *testing.T, home rig.Home) string {
	t.Helper()
	if _, err := user.LookupId("2"); err != nil {
		t.Log("nobody is new: the machine has no uid 2:", err)
		return "fresh"
	}
	if err := os.Chmod(home.Run, 0o755); err != nil {
		t.Fatal(err)
	}
	var c *client.Client
	var err error
	rig.Become(2, 2, func() { c, err = client.Dial(rig.Context(t), client.WithSocket(home.Socket())) })
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	me, err := c.WhoAmI(rig.Context(t), &vaultdv1.WhoAmIRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return me.GetStanding()
}

// fillMore takes what a crash gave back.
func fillMore(t *testing.T, dir string) (empty func()) {
	t.Helper()
	below := filepath.Join(dir, "more")
	if err := os.Mkdir(below, 0o700); errors.Is(err, syscall.ENOSPC) {
		return func() {}
	} else if err != nil {
		t.Fatal(err)
	}
	return fill(t, below)
}

// The disk fills while many write: what was acknowledged is there, and the
// daemon lives.
func TestDiskFillsUnderLoad(t *testing.T) {
	disk := newDisk(t, "ext4")
	home := rig.NewHome(t, disk)
	d := rig.MustStart(t, home)
	d.Init(t)
	var mu sync.Mutex
	acked := map[string]bool{}
	var writing sync.WaitGroup
	for w := range 8 {
		writing.Go(func() {
			for i := range 100_000 {
				name := fmt.Sprintf("w%d/k%d", w, i)
				_, err := d.Client.CreateKey(rig.Context(t), &vaultdv1.CreateKeyRequest{
					Name: name, Labels: map[string]string{"fill": strings.Repeat("x", 255)},
				})
				if err != nil {
					if rig.Code(err) != fault.CodeStorageFull {
						t.Errorf("a disk that fills answers %v", err)
					}
					return
				}
				mu.Lock()
				acked[name] = true
				mu.Unlock()
			}
		})
	}
	time.Sleep(300 * time.Millisecond)
	fill(t, disk)
	writing.Wait()
	if !d.Running() || d.Panicked() {
		t.Fatalf("the daemon is gone: %s", d.Log())
	}
	d.Kill()
	d = rig.MustStart(t, home)
	if err := d.Unseal(rig.Context(t), rig.Password); err != nil {
		t.Fatalf("unseal: %v; the log:\n%s", err, d.Log())
	}
	ctx := rig.Context(t)
	for name := range acked {
		if _, err := d.Client.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: name, Plaintext: []byte("x")}); err != nil {
			t.Fatalf("of %d acknowledged keys %s: %v", len(acked), name, err)
		}
	}
	t.Logf("%d keys were acknowledged", len(acked))
}
