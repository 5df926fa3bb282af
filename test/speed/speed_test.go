//go:build unix

package speed

import (
	"crypto"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/test/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }

func start(b *testing.B) *rig.Daemon {
	b.Helper()
	d := rig.MustStart(b, rig.NewHome(b, b.TempDir()))
	d.Init(b)
	return d
}

// median of at least one duration, in milliseconds.
func median(d []time.Duration) float64 {
	slices.Sort(d)
	return float64(d[len(d)/2].Microseconds()) / 1000
}

// BenchmarkStatus is the whole life of a vaultctl that asks for the status.
func BenchmarkStatus(b *testing.B) {
	d := start(b)
	ctl := rig.Program(b, "vaultctl")
	var all []time.Duration
	for b.Loop() {
		c := exec.Command(ctl, "status")
		c.Env = d.Home.Env()
		began := time.Now()
		if out, err := c.CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		all = append(all, time.Since(began))
	}
	b.ReportMetric(median(all), "ms/median")
}

// BenchmarkIdleMemory reports what an unsealed daemon keeps resident.
func BenchmarkIdleMemory(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("reads /proc")
	}
	for _, keys := range []int{0, 10_000} {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) {
			d := start(b)
			create(b, d, keys)
			if _, err := d.Client.Seal(b.Context(), &vaultdv1.SealRequest{}); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(resident(b, d), "MiB-sealed")
			if err := d.Unseal(b.Context(), rig.Password); err != nil {
				b.Fatal(err)
			}
			time.Sleep(3 * time.Second) // idle is what it is after a while
			for b.Loop() {
				b.ReportMetric(resident(b, d), "MiB-unsealed")
			}
		})
	}
}

// resident is VmRSS in MiB.
func resident(b *testing.B, d *rig.Daemon) float64 {
	b.Helper()
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(d.Process.Process.Pid), "status"))
	if err != nil {
		b.Fatal(err)
	}
	for _, line := range strings.Split(string(status), "\n") {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				b.Fatal(err)
			}
			return float64(kib) / 1024
		}
	}
	b.Fatal("no VmRSS")
	return 0
}

// create makes keys by many writers.
func create(b *testing.B, d *rig.Daemon, keys int) {
	b.Helper()
	const writers = 64
	c := dial(b, d, writers)
	var next atomic.Int64
	var writing sync.WaitGroup
	for range writers {
		writing.Go(func() {
			for n := next.Add(1); n <= int64(keys); n = next.Add(1) {
				_, err := c.CreateKey(b.Context(), &vaultdv1.CreateKeyRequest{Name: fmt.Sprintf("bench%d/key-%d", n%16, n)})
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	writing.Wait()
}

func dial(b *testing.B, d *rig.Daemon, connections int) *client.Client {
	b.Helper()
	c, err := client.Dial(b.Context(), client.WithSocket(d.Home.Socket()), client.WithConnections(connections))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close() })
	return c
}

// BenchmarkUnseal opens a vault of 10,000 keys and reports what that takes
// beyond the password's PBKDF2, which is measured beside it.
func BenchmarkUnseal(b *testing.B) {
	d := start(b)
	create(b, d, 10_000)
	status, err := d.Client.Status(b.Context(), &vaultdv1.StatusRequest{})
	if err != nil {
		b.Fatal(err)
	}
	var beyond, kdf []time.Duration
	for b.Loop() {
		if _, err := d.Client.Seal(b.Context(), &vaultdv1.SealRequest{}); err != nil {
			b.Fatal(err)
		}
		began := time.Now()
		if _, err := pbkdf2.Key(sha256.New, rig.Password, make([]byte, 32), int(status.GetKdfIterations()), 32); err != nil {
			b.Fatal(err)
		}
		derive := time.Since(began)
		began = time.Now()
		if err := d.Unseal(b.Context(), rig.Password); err != nil {
			b.Fatal(err)
		}
		kdf = append(kdf, derive)
		beyond = append(beyond, time.Since(began)-derive)
	}
	b.ReportMetric(median(kdf), "ms-kdf")
	b.ReportMetric(median(beyond), "ms-beyond-kdf")
}

// BenchmarkRSASign compares signing over the socket with crypto/rsa on all
// cores in this process, in turns of half a second.
func BenchmarkRSASign(b *testing.B) {
	d := start(b)
	if _, err := d.Client.CreateKey(b.Context(), &vaultdv1.CreateKeyRequest{Name: "bench/rsa", Type: "rsa-2048"}); err != nil {
		b.Fatal(err)
	}
	own, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	digest := sha256.Sum256([]byte("message"))
	workers := 2 * runtime.GOMAXPROCS(0)
	c := dial(b, d, workers)
	socket := func() error {
		_, err := c.Sign(b.Context(), &vaultdv1.SignRequest{
			Key: "bench/rsa", Message: digest[:], Prehashed: true, Scheme: vaultdv1.SignatureScheme_SIGNATURE_SCHEME_PKCS1V15,
		})
		return err
	}
	inProcess := func() error {
		_, err := rsa.SignPKCS1v15(nil, own, crypto.SHA256, digest[:])
		return err
	}
	var there, here float64
	for b.Loop() {
		here += rate(b, runtime.GOMAXPROCS(0), inProcess)
		there += rate(b, workers, socket)
	}
	b.ReportMetric(there/float64(b.N), "socket/s")
	b.ReportMetric(here/float64(b.N), "in-process/s")
	b.ReportMetric(100*there/here, "%")
}

// rate runs f on so many goroutines for half a second, and says how often a
// second it ran.
func rate(b *testing.B, workers int, f func() error) float64 {
	b.Helper()
	var count atomic.Int64
	var working sync.WaitGroup
	began := time.Now()
	for range workers {
		working.Go(func() {
			for time.Since(began) < 500*time.Millisecond {
				if err := f(); err != nil {
					b.Error(err)
					return
				}
				count.Add(1)
			}
		})
	}
	working.Wait()
	return float64(count.Load()) / time.Since(began).Seconds()
}

// BenchmarkWriters compares 64 concurrent writers with one.
func BenchmarkWriters(b *testing.B) {
	d := start(b)
	c := dial(b, d, 64)
	// Many keys, so that few versions gather on each: a key's record grows with them.
	const rotated = 4096
	create(b, d, rotated)
	var n atomic.Int64
	writes := map[string]func() error{
		"create": func() error {
			_, err := c.CreateKey(b.Context(), &vaultdv1.CreateKeyRequest{Name: fmt.Sprintf("w%d/k%d", n.Load()%64, n.Add(1))})
			return err
		},
		"rotate": func() error {
			i := 1 + n.Add(1)%rotated
			_, err := c.RotateKey(b.Context(), &vaultdv1.RotateKeyRequest{Name: fmt.Sprintf("bench%d/key-%d", i%16, i)})
			return err
		},
	}
	for _, name := range []string{"create", "rotate"} {
		b.Run(name, func(b *testing.B) {
			var one, many float64
			for b.Loop() {
				one += rate(b, 1, writes[name])
				many += rate(b, 64, writes[name])
			}
			b.ReportMetric(one/float64(b.N), "one/s")
			b.ReportMetric(many/float64(b.N), "64/s")
			b.ReportMetric(many/one, "times")
		})
	}
}
