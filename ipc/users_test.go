package ipc_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vaultd/vaultd/ipc"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/api/vaultd/v1/vaultdv1connect"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/fault"
)

// The test binary is its own helper: it runs as another user, does what the
// script says, and prints what came of it.
const (
	helperScript = "VAULTD_TEST_SCRIPT"
	helperSocket = "VAULTD_TEST_SOCKET"
	helperArg    = "VAULTD_TEST_ARG"
)

func runHelper(script string) int {
	scripts := map[string]func(ctx context.Context, socket, arg string) (any, error){
		"own":         helperOwn,
		"foreign":     helperForeign,
		"admin":       helperAdmin,
		"connections": helperConnections,
		"big":         helperBig,
		"often":       helperOften,
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	result, err := scripts[script](ctx, os.Getenv(helperSocket), os.Getenv(helperArg))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		return 1
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // holds what it has until the test is done
	return 0
}

// account is a user of this machine that is neither root nor nobody.
func account(t *testing.T, name string) *user.User {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	u, err := user.Lookup(name)
	if err != nil {
		t.Skip(err)
	}
	return u
}

// as runs the helper as u and decodes its answer into result. The helper ends
// when the returned function is called.
func (d *daemon) as(t *testing.T, u *user.User, groups []uint32, script, arg string, result any) (end func()) {
	t.Helper()
	program := filepath.Join(filepath.Dir(filepath.Dir(d.socket)), "helper")
	if _, err := os.Stat(program); err != nil {
		self, err := os.ReadFile("/proc/self/exe")
		if err != nil {
			t.Skip(err)
		}
		if err := os.WriteFile(program, self, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(program)
	cmd.Dir = "/"
	cmd.Env = []string{helperScript + "=" + script, helperSocket + "=" + d.socket, helperArg + "=" + arg}
	cmd.SysProcAttr = runAs(u, groups)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skip("cannot start a helper:", err)
	}
	if err := json.NewDecoder(stdout).Decode(result); err != nil {
		_ = stdin.Close()
		_ = cmd.Wait()
		t.Fatalf("helper %s: %v: %s", script, err, stderr.String())
	}
	return func() {
		_ = stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("helper %s: %v: %s", script, err, stderr.String())
		}
	}
}

// helperOwn lives a user's life in the namespace that arg names.
func helperOwn(ctx context.Context, socket, owner string) (any, error) {
	c, err := client.Dial(ctx, client.WithSocket(socket))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	key := owner + "/mine"
	if _, err := c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: key}); err != nil {
		return nil, err
	}
	sealed, err := c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: key, Plaintext: []byte("own")})
	if err != nil {
		return nil, err
	}
	if _, err := c.Decrypt(ctx, &vaultdv1.DecryptRequest{Ciphertext: sealed.GetCiphertext()}); err != nil {
		return nil, err
	}
	keys, err := c.ListKeys(ctx, &vaultdv1.ListKeysRequest{})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, k := range keys.GetKeys() {
		names = append(names, k.GetName())
	}
	owners, err := c.ListOwners(ctx, &vaultdv1.ListOwnersRequest{})
	if err != nil {
		return nil, err
	}
	for _, o := range owners.GetOwners() {
		names = append(names, o.GetName())
	}
	status, err := c.Status(ctx, &vaultdv1.StatusRequest{})
	if err != nil {
		return nil, err
	}
	if status.GetKeys() != 0 || status.GetOwners() != 0 || status.GetRecords() != 0 {
		return nil, fmt.Errorf("a user is told how much there is: %v", status)
	}
	return names, nil
}

// helperForeign makes every call about somebody else's namespace and about the
// vault itself, and answers with the code of each. arg is a ciphertext.
func helperForeign(ctx context.Context, socket, ciphertext string) (any, error) {
	c, err := client.Dial(ctx, client.WithSocket(socket))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	codes := make(map[string]fault.Code)
	note := func(what string, err error) { codes[what] = codeOf(err) }
	for _, key := range []string{"root/there", "root/not-there", "nobody-at-all/x"} {
		_, err = c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: key})
		note("CreateKey "+key, err)
		_, err = c.ShowKey(ctx, &vaultdv1.ShowKeyRequest{Name: key})
		note("ShowKey "+key, err)
		_, err = c.PublicKey(ctx, &vaultdv1.PublicKeyRequest{Name: key})
		note("PublicKey "+key, err)
		_, err = c.RotateKey(ctx, &vaultdv1.RotateKeyRequest{Name: key})
		note("RotateKey "+key, err)
		_, err = c.ImportKey(ctx, &vaultdv1.ImportKeyRequest{Name: key})
		note("ImportKey "+key, err)
		_, err = c.ExportKey(ctx, &vaultdv1.ExportKeyRequest{Name: key})
		note("ExportKey "+key, err)
		_, err = c.DestroyKey(ctx, &vaultdv1.DestroyKeyRequest{Name: key})
		note("DestroyKey "+key, err)
		_, err = c.RevokeKey(ctx, &vaultdv1.RevokeKeyRequest{Name: key})
		note("RevokeKey "+key, err)
		_, err = c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: key})
		note("Encrypt "+key, err)
		_, err = c.Decrypt(ctx, &vaultdv1.DecryptRequest{Key: key, Ciphertext: ciphertext})
		note("Decrypt "+key, err)
		_, err = c.Sign(ctx, &vaultdv1.SignRequest{Key: key})
		note("Sign "+key, err)
		_, err = c.Verify(ctx, &vaultdv1.VerifyRequest{Key: key})
		note("Verify "+key, err)
		_, err = c.MAC(ctx, &vaultdv1.MACRequest{Key: key})
		note("MAC "+key, err)
		_, err = c.VerifyMAC(ctx, &vaultdv1.VerifyMACRequest{Key: key})
		note("VerifyMAC "+key, err)
		_, err = c.Agree(ctx, &vaultdv1.AgreeRequest{Key: key})
		note("Agree "+key, err)
		_, err = c.CheckRevocation(ctx, &vaultdv1.CheckRevocationRequest{Subject: key})
		note("CheckRevocation "+key, err)
		for _, keys := range [][2]string{{"bin/mine", key}, {key, "bin/mine"}} {
			_, err = c.OfferExchange(ctx, &vaultdv1.OfferExchangeRequest{SigningKey: keys[0], SessionKey: keys[1]})
			note("OfferExchange "+keys[0]+" "+keys[1], err)
			_, err = c.AcceptExchange(ctx, &vaultdv1.AcceptExchangeRequest{SigningKey: keys[0], SessionKey: keys[1]})
			note("AcceptExchange "+keys[0]+" "+keys[1], err)
		}
	}
	for _, owner := range []string{"root", "nobody-at-all"} {
		_, err = c.ListKeys(ctx, &vaultdv1.ListKeysRequest{Owner: owner})
		note("ListKeys "+owner, err)
		_, err = c.ShowOwner(ctx, &vaultdv1.ShowOwnerRequest{Name: owner})
		note("ShowOwner "+owner, err)
		_, err = c.ListRevocations(ctx, &vaultdv1.ListRevocationsRequest{Owner: owner})
		note("ListRevocations "+owner, err)
		_, err = c.CheckRevocation(ctx, &vaultdv1.CheckRevocationRequest{Subject: owner})
		note("CheckRevocation "+owner, err)
		_, err = c.FinishExchange(ctx, &vaultdv1.FinishExchangeRequest{Owner: owner})
		note("FinishExchange "+owner, err)
	}
	for _, owner := range []string{"root", "bin", "nobody-at-all"} {
		_, err = c.CreateOwner(ctx, &vaultdv1.CreateOwnerRequest{Name: owner})
		note("CreateOwner "+owner, err)
		_, err = c.RevokeOwner(ctx, &vaultdv1.RevokeOwnerRequest{Name: owner})
		note("RevokeOwner "+owner, err)
		_, err = c.ReinstateOwner(ctx, &vaultdv1.ReinstateOwnerRequest{Name: owner})
		note("ReinstateOwner "+owner, err)
	}
	// A ciphertext that names its key: one of root's, and one of nobody's.
	_, err = c.Decrypt(ctx, &vaultdv1.DecryptRequest{Ciphertext: ciphertext})
	note("Decrypt by id", err)
	unknown := []byte(ciphertext)
	for i := 12; i < 20; i++ { // within the key id
		unknown[i] = 'A'
	}
	_, err = c.Decrypt(ctx, &vaultdv1.DecryptRequest{Ciphertext: string(unknown)})
	note("Decrypt by unknown id", err)
	_, err = c.Init(ctx, &vaultdv1.InitRequest{Password: []byte("x")})
	note("Init", err)
	_, err = c.Unseal(ctx, &vaultdv1.UnsealRequest{Password: []byte("x")})
	note("Unseal", err)
	_, err = c.Seal(ctx, &vaultdv1.SealRequest{})
	note("Seal", err)
	_, err = c.ChangePassword(ctx, &vaultdv1.ChangePasswordRequest{OldPassword: []byte("x")})
	note("ChangePassword", err)
	return codes, nil
}

func TestUserOwnsTheNamespaceOfItsName(t *testing.T) {
	u := account(t, "bin")
	d := start(t)
	d.createKey(t, "root/there", "")
	var names []string
	d.as(t, u, nil, "own", "bin", &names)()
	if fmt.Sprint(names) != "[bin/mine bin]" {
		t.Errorf("a user sees %v", names)
	}
}

func TestEverythingElseIsDenied(t *testing.T) {
	u := account(t, "bin")
	d := start(t)
	d.createKey(t, "root/there", "")
	sealed, err := d.dial(t).Encrypt(t.Context(), &vaultdv1.EncryptRequest{Key: "root/there", Plaintext: []byte("secret")})
	if err != nil {
		t.Fatal(err)
	}
	var codes map[string]fault.Code
	d.as(t, u, nil, "foreign", sealed.GetCiphertext(), &codes)()
	if len(codes) < 70 {
		t.Errorf("only %d calls were made", len(codes))
	}
	for what, code := range codes {
		if code != fault.CodePermissionDenied {
			t.Errorf("%s: %q", what, code)
		}
	}
}

func TestAdminGroupDoesEverything(t *testing.T) {
	u := account(t, "bin")
	d := start(t, func(c *ipc.Config) { c.Policy.AdminGroups = []uint32{4711} })
	d.createKey(t, "games/theirs", "")
	var status struct{ Keys uint64 }
	d.as(t, u, []uint32{4711}, "admin", "games/theirs", &status)()
	if status.Keys != 1 {
		t.Errorf("an administrator is told of %d keys", status.Keys)
	}
}

// helperAdmin does what only administrators may, to the key that arg names.
func helperAdmin(ctx context.Context, socket, key string) (any, error) {
	c, err := client.Dial(ctx, client.WithSocket(socket))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if _, err := c.RotateKey(ctx, &vaultdv1.RotateKeyRequest{Name: key}); err != nil {
		return nil, err
	}
	status, err := c.Status(ctx, &vaultdv1.StatusRequest{})
	if err != nil {
		return nil, err
	}
	_, err = c.Seal(ctx, &vaultdv1.SealRequest{})
	return struct{ Keys uint64 }{status.GetKeys()}, err
}

// helperConnections opens connections until one is refused, and answers how many it got.
func helperConnections(_ context.Context, socket, _ string) (any, error) {
	n := 0
	for ; n < 200; n++ {
		c, err := net.Dial("unix", socket)
		if err != nil {
			return nil, err
		}
		if _, err := c.Write([]byte("\x00VD\x01\x00\x00\x00\x08\x00\x01\x00\x00\x00\x00\x00\x00")); err != nil {
			break
		}
		answer := make([]byte, 5)
		if _, err := io.ReadFull(c, answer); err != nil || answer[4] != 0 {
			break
		}
		helperHolds = append(helperHolds, c)
	}
	return n, nil
}

// helperHolds are connections that stay open until the helper ends.
var helperHolds []net.Conn

func TestConnectionsOfOneUserAreLimited(t *testing.T) {
	bin, games := account(t, "bin"), account(t, "games")
	d := start(t, withLimits(ipc.Limits{ConnectionsPerUser: 10, Connections: 20, ReservedConnections: 4}))
	var n int
	end := d.as(t, bin, nil, "connections", "", &n)
	if n != 10 {
		t.Errorf("the first user got %d connections", n)
	}
	var m int
	end2 := d.as(t, games, nil, "connections", "", &m)
	if m != 6 {
		t.Errorf("the second user got %d connections", m)
	}
	// The administrator gets in all the same.
	if _, err := d.dial(t).Status(t.Context(), &vaultdv1.StatusRequest{}); err != nil {
		t.Error(err)
	}
	end()
	end2()
	var again int
	d.as(t, bin, nil, "connections", "", &again)()
	if again != 10 {
		t.Errorf("after all were closed the user got %d connections", again)
	}
}

// helperBig sends one large message in each form and answers with the codes.
func helperBig(ctx context.Context, socket, _ string) (any, error) {
	c, err := client.Dial(ctx, client.WithSocket(socket))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if _, err := c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: "bin/k"}); err != nil {
		return nil, err
	}
	req := &vaultdv1.EncryptRequest{Key: "bin/k", Plaintext: make([]byte, 200_000)}
	_, err = c.Encrypt(ctx, req)
	codes := []fault.Code{codeOf(err)}
	h := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}
	defer h.CloseIdleConnections()
	_, err = vaultdv1connect.NewVaultServiceClient(h, "http://vaultd").Encrypt(ctx, req)
	codes = append(codes, codeOf(err))
	req.Plaintext = req.Plaintext[:1000]
	_, err = c.Encrypt(ctx, req)
	return append(codes, codeOf(err)), nil
}

func TestMemoryOfOneUserIsLimited(t *testing.T) {
	u := account(t, "bin")
	d := start(t, withLimits(ipc.Limits{MemoryPerUser: 100_000}))
	var codes []string
	d.as(t, u, nil, "big", "", &codes)()
	if want := "busy, connect resource_exhausted, "; strings.Join(codes, ", ") != want {
		t.Errorf("codes %q, want %q", strings.Join(codes, ", "), want)
	}
	// Another user has memory of its own.
	d.createKey(t, "root/k", "")
	if _, err := d.dial(t).Encrypt(t.Context(), &vaultdv1.EncryptRequest{Key: "root/k", Plaintext: make([]byte, 200_000)}); err != nil {
		t.Error(err)
	}
}
