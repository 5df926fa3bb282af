//go:build linux

package secrets

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/test/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }

const (
	label  = "a-label-that-tells-too-much"
	reason = "a-reason-that-tells-too-much"
)

// exported makes exportable keys and gives back their material.
func exported(t *testing.T, d *rig.Daemon) []needle {
	t.Helper()
	var needles []needle
	ctx, c := rig.Context(t), d.Client
	for i, kind := range []string{"fernet", "xaes-256-gcm", "hmac-sha256", "rsa-2048", "ecdsa-p256", "ed25519"} {
		name := fmt.Sprintf("%s/%s-%d", rig.GalleryOwner, rig.GalleryKey, i)
		created, err := c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{
			Name: name, Type: kind, Exportable: true, NoExpiry: true, Labels: map[string]string{"what": label},
		})
		if err != nil {
			t.Fatal(err)
		}
		format := vaultdv1.PrivateKeyFormat_PRIVATE_KEY_FORMAT_RAW
		if slices.Contains(created.GetKey().GetUses(), vaultdv1.KeyUse_KEY_USE_SIGN) {
			format = vaultdv1.PrivateKeyFormat_PRIVATE_KEY_FORMAT_PKCS8_PEM
		}
		out, err := c.ExportKey(ctx, &vaultdv1.ExportKeyRequest{Name: name, Format: format})
		if err != nil {
			t.Fatal(err)
		}
		for part, secret := range parts(t, format, out.GetMaterial()) {
			needles = append(needles, material(kind+" "+part, secret)...)
		}
	}
	return needles
}

// parts are the secret numbers of a private key.
func parts(t *testing.T, format vaultdv1.PrivateKeyFormat, exported []byte) map[string][]byte {
	t.Helper()
	if format == vaultdv1.PrivateKeyFormat_PRIVATE_KEY_FORMAT_RAW {
		return map[string][]byte{"key": exported}
	}
	block, _ := pem.Decode(exported)
	if block == nil {
		t.Fatalf("no PEM in %q", exported)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	switch k := parsed.(type) {
	case *rsa.PrivateKey:
		return map[string][]byte{"d": k.D.Bytes(), "p": k.Primes[0].Bytes(), "q": k.Primes[1].Bytes(), "q inverse": k.Precomputed.Qinv.Bytes()}
	case *ecdsa.PrivateKey:
		b, err := k.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		return map[string][]byte{"scalar": b}
	case ed25519.PrivateKey:
		return map[string][]byte{"seed": k.Seed()}
	}
	t.Fatalf("a %T", parsed)
	return nil
}

func TestNothingSecretInFilesAndLogs(t *testing.T) {
	dir := t.TempDir()
	home := rig.NewHome(t, dir)
	home.Config = "min_free = \"1 MiB\"\nballast = \"1 MiB\"\n[log]\nlevel = \"debug\"\n"
	d := rig.MustStart(t, home)
	d.Init(t)
	rig.NewGallery(t, d, rig.GalleryOwner, 3)
	needles := exported(t, d)
	needles = append(needles, text("password", rig.Password)...)
	needles = append(needles, text("owner's name", rig.GalleryOwner)...)
	needles = append(needles, text("key's name", rig.GalleryKey)...)
	needles = append(needles, text("plaintext", "plaintext of "+rig.GalleryOwner)...)
	needles = append(needles, text("label", label)...)
	needles = append(needles, text("reason", reason)...)
	ctx := rig.Context(t)
	if _, err := d.Client.RevokeKey(ctx, &vaultdv1.RevokeKeyRequest{Name: rig.GalleryOwner + "/more-0", Reason: reason}); err != nil {
		t.Fatal(err)
	}
	_ = d.Unseal(ctx, rig.Password+"x") // refused, and logged
	_, _ = d.Client.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: rig.GalleryOwner + "/no-such-" + rig.GalleryKey})

	dirs := []string{home.Store, filepath.Dir(home.Anchor), home.Run}
	look := func(when string) {
		t.Helper()
		searchTree(t, when, dirs, needles)
		search(t, when+": the log", []byte(d.Log()), needles)
	}
	look("unsealed")
	if _, err := d.Client.DestroyKey(ctx, &vaultdv1.DestroyKeyRequest{Name: rig.GalleryOwner + "/more-1", Now: true, Reason: reason}); err != nil {
		t.Fatal(err)
	}
	look("after a rewrite")
	if _, err := d.Client.Seal(ctx, &vaultdv1.SealRequest{}); err != nil {
		t.Fatal(err)
	}
	look("sealed")
	if err := d.Unseal(ctx, rig.Password); err != nil {
		t.Fatal(err)
	}
	d.Kill()
	look("after a crash")
}

// A daemon that is made to crash, with every limit on core dumps lifted,
// leaves no core, and its last words hold no secret.
func TestCrashLeavesNoCore(t *testing.T) {
	if pattern, err := os.ReadFile("/proc/sys/kernel/core_pattern"); err != nil || strings.HasPrefix(string(pattern), "|") || strings.Contains(string(pattern), "/") {
		t.Skipf("cores go elsewhere on this machine: %s", pattern)
	}
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &old); err != nil {
		t.Fatal(err)
	}
	lifted := unix.Rlimit{Cur: old.Max, Max: old.Max}
	if os.Geteuid() == 0 {
		lifted = unix.Rlimit{Cur: math.MaxUint64, Max: math.MaxUint64}
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &lifted); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Setrlimit(unix.RLIMIT_CORE, &old) }()

	// The control: another program does leave one here.
	control := t.TempDir()
	victim := exec.Command("sh", "-c", "kill -ABRT $$")
	victim.Dir = control
	if err := victim.Run(); err == nil || !coreIn(t, control) {
		t.Skip("no program leaves a core on this machine")
	}

	t.Setenv("GOTRACEBACK", "crash")
	home := rig.NewHome(t, t.TempDir())
	d := rig.MustStart(t, home)
	d.Init(t)
	needles := append(exported(t, d), text("password", rig.Password)...)
	rig.NewGallery(t, d, rig.GalleryOwner, 1)
	if err := d.Process.Process.Signal(syscall.SIGABRT); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); d.Running() && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	if d.Running() {
		t.Fatal("SIGABRT does not end the daemon")
	}
	for _, dir := range []string{home.Run, home.Store, filepath.Dir(home.Anchor)} {
		if coreIn(t, dir) {
			t.Errorf("the daemon left a core in %s", dir)
		}
	}
	search(t, "its last words", []byte(d.Log()), needles)
}

func coreIn(t *testing.T, dir string) bool {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "core*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(found) > 0
}

// Another process of the daemon's own user can't read its memory.
func TestMemoryIsClosedToTheSameUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("becoming another user needs root")
	}
	const uid = 54321
	dir, err := os.MkdirTemp("", "vaultd-mem-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	home := rig.NewHome(t, dir)
	home.User = &syscall.Credential{Uid: uid, Gid: uid}
	for _, d := range []string{dir, home.Run} {
		if err := os.Chown(d, uid, uid); err != nil {
			t.Fatal(err)
		}
	}
	d := rig.MustStart(t, home)
	for _, file := range []string{"mem", "maps", "environ"} {
		path := fmt.Sprintf("/proc/%d/%s", d.Process.Process.Pid, file)
		spy := exec.Command("head", "-c", "1", path)
		spy.SysProcAttr = &syscall.SysProcAttr{Credential: home.User}
		out, err := spy.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "ermission denied") {
			t.Errorf("%s opens for a process of the same user: %v %s", path, err, out)
		}
	}
}
