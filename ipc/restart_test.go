package ipc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vaultd/vaultd/ipc"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/ipc/frame"
	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
)

// restart puts a new server over the same vault on the same socket.
func (d *daemon) restart(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := d.server.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	d.server = ipc.NewServer(ipc.Config{Vault: d.vault, Policy: &policy.Policy{}, Version: "restarted"})
	d.serve(t)
}

func TestClientSurvivesARestart(t *testing.T) {
	d := start(t)
	c := d.dial(t)
	var calls sync.WaitGroup
	for range 5 { // several idle connections
		calls.Go(func() { _, _ = c.Status(t.Context(), &vaultdv1.StatusRequest{}) })
	}
	calls.Wait()
	d.restart(t)
	// Not even a request that changes something may fail: none was sent to the dead daemon.
	for i := range 5 {
		if _, err := c.CreateKey(t.Context(), &vaultdv1.CreateKeyRequest{Name: fmt.Sprintf("root/k%d", i)}); err != nil {
			t.Errorf("call %d after the restart: %v", i, err)
		}
	}
	status, err := c.Status(t.Context(), &vaultdv1.StatusRequest{})
	if err != nil || status.GetVersion() != "restarted" {
		t.Errorf("%v, %v", status, err)
	}
}

func TestClientWithoutDaemon(t *testing.T) {
	_, err := client.Dial(t.Context(), client.WithSocket(filepath.Join(t.TempDir(), "none")))
	if !errors.Is(err, &fault.Error{Code: fault.CodeUnreachable}) {
		t.Errorf("dial: %v", err)
	}
	d := start(t)
	c := d.dial(t)
	if err := d.server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = c.Status(t.Context(), &vaultdv1.StatusRequest{})
	wantCode(t, "after the daemon went", err, fault.CodeUnreachable)
}

// impostor answers connections as run says, and counts the requests that it read.
func impostor(t *testing.T, run func(n int, c net.Conn) (goOn bool)) (socket string, requests *atomic.Int32) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	requests = new(atomic.Int32)
	var group sync.WaitGroup
	group.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			group.Go(func() {
				defer c.Close()
				preface := make([]byte, 4)
				if _, err := io.ReadFull(c, preface); err != nil {
					return
				}
				for {
					header := make([]byte, frame.RequestHeader)
					if _, err := io.ReadFull(c, header); err != nil {
						return
					}
					r, _, err := frame.ParseRequest(header, 1<<20)
					if err != nil {
						return
					}
					if _, err := io.CopyN(io.Discard, c, int64(r.Size)); err != nil {
						return
					}
					if !run(int(requests.Add(1)), c) {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); group.Wait() })
	return socket, requests
}

func TestRequestThatMayHaveBeenPerformedIsNotRepeated(t *testing.T) {
	silentOnSecond := func(n int, c net.Conn) bool {
		if n != 2 {
			_, _ = c.Write([]byte{0, 0, 0, 1, 0})
		}
		return n != 2
	}
	for _, test := range []struct {
		name     string
		call     func(context.Context, *client.Client) error
		requests int32
		want     fault.Code
	}{
		{"rotating", func(ctx context.Context, c *client.Client) error {
			_, err := c.RotateKey(ctx, &vaultdv1.RotateKeyRequest{Name: "a/b"})
			return err
		}, 2, fault.CodeUnreachable},
		{"encrypting", func(ctx context.Context, c *client.Client) error {
			_, err := c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: "a/b"})
			return err
		}, 3, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			socket, requests := impostor(t, silentOnSecond)
			c, err := client.Dial(t.Context(), client.WithSocket(socket))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := test.call(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			err = test.call(t.Context(), c) // the second request is read and never answered
			wantCode(t, test.name, err, test.want)
			if n := requests.Load(); n != test.requests {
				t.Errorf("%d requests arrived, want %d", n, test.requests)
			}
		})
	}
}

func TestContextBoundsACall(t *testing.T) {
	socket, _ := impostor(t, func(int, net.Conn) bool { return true })
	c, err := client.Dial(t.Context(), client.WithSocket(socket))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begun := time.Now()
	_, err = c.Status(ctx, &vaultdv1.StatusRequest{})
	wantCode(t, "deadline", err, fault.CodeTimeout)
	ctx, cancel = context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err = c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: "a/b"})
	wantCode(t, "cancelled", err, fault.CodeTimeout)
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestTimeoutTravelsToTheDaemon(t *testing.T) {
	d := start(t, func(c *ipc.Config) {
		c.Audit = func(ctx context.Context, e ipc.Event) error {
			if e.Action != policy.ListKeys {
				return nil
			}
			deadline, ok := ctx.Deadline()
			if left := time.Until(deadline); !ok || left > 20*time.Second {
				return fmt.Errorf("deadline %v %t", left, ok)
			}
			return nil
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // less than the daemon's own bound
	defer cancel()
	if _, err := d.dial(t).ListKeys(ctx, &vaultdv1.ListKeysRequest{}); err != nil {
		t.Error(err)
	}
}

func TestShutdownLetsRunningRequestsFinish(t *testing.T) {
	entered, proceed := make(chan struct{}), make(chan struct{})
	eachForm(t, func(t *testing.T, d *daemon, c caller) {
		answered := make(chan error, 1)
		go func() {
			_, err := c.ShowOwner(context.Background(), &vaultdv1.ShowOwnerRequest{Name: "nobody"})
			answered <- err
		}()
		<-entered
		idle := d.raw(t) // must not hold the shutdown up
		_, _ = io.WriteString(idle, frame.Preface)
		stopped := make(chan error, 1)
		go func() { stopped <- d.server.Shutdown(context.Background()) }()
		closesWithin(t, idle, 20*time.Second)
		select {
		case err := <-stopped:
			t.Error("shut down while a request runs:", err)
		case err := <-answered:
			t.Error("answered too early:", err)
		case <-time.After(50 * time.Millisecond):
		}
		proceed <- struct{}{}
		if err := <-stopped; err != nil {
			t.Error("shutdown:", err)
		}
		wantCode(t, "the request", <-answered, fault.CodeOwnerNotFound)
	}, func(c *ipc.Config) {
		c.Audit = func(_ context.Context, e ipc.Event) error {
			if e.Action == policy.ShowOwner {
				entered <- struct{}{}
				<-proceed
			}
			return nil
		}
	})
}

func TestShutdownCutsOffWhatDoesNotFinish(t *testing.T) {
	release := make(chan struct{})
	entered := make(chan struct{}, 1)
	d := start(t, func(c *ipc.Config) {
		c.Audit = func(_ context.Context, e ipc.Event) error {
			if e.Action == policy.ShowOwner {
				entered <- struct{}{}
				<-release
			}
			return nil
		}
	})
	c := d.dial(t)
	answered := make(chan error, 1)
	go func() {
		_, err := c.ShowOwner(context.Background(), &vaultdv1.ShowOwnerRequest{Name: "nobody"})
		answered <- err
	}()
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := d.server.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("shutdown: %v", err)
	}
	wantCode(t, "the request", <-answered, fault.CodeUnreachable)
	close(release)
}

// A daemon that is told to stop at once has not failed.
func TestServeAfterShutdown(t *testing.T) {
	d := start(t)
	server := ipc.NewServer(ipc.Config{Vault: d.vault, Policy: &policy.Policy{}})
	if err := server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(filepath.Dir(d.socket), "late"))
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Serve(t.Context(), l); err != nil {
		t.Error("serve:", err)
	}
	if err := l.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is open still: %v", err)
	}
}
