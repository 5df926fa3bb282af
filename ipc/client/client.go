package client

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/vaultd/vaultd/internal/paths"
	"github.com/vaultd/vaultd/internal/perm"
	"github.com/vaultd/vaultd/vault/fault"
)

// Error is what every method of a Client returns when it fails.
type Error = fault.Error

// Defaults of the options.
const (
	DefaultConnections = 16
	DefaultTimeout     = time.Minute
)

// maxAnswer bounds an answer, against a daemon gone mad.
const maxAnswer = 64 << 20

// Option changes how Dial behaves.
type Option func(*Client)

// WithSocket names the daemon's socket. The default is the one that the
// environment variable VAULTD_SOCKET names, else the user's own if there is
// one, else the machine's.
func WithSocket(path string) Option { return func(c *Client) { c.socket = path } }

// WithConnections bounds the connections open at once. Calls beyond it wait.
// The default is DefaultConnections.
func WithConnections(n int) Option {
	return func(c *Client) { c.slots = make(chan struct{}, max(1, n)) }
}

// WithTimeout bounds a call whose context has no deadline. The default is
// DefaultTimeout, which is longer than the daemon takes by its own default.
func WithTimeout(d time.Duration) Option { return func(c *Client) { c.timeout = d } }

// Client calls one daemon.
type Client struct {
	socket  string
	timeout time.Duration
	slots   chan struct{} // holds one token for each connection in use

	mu     sync.Mutex // guards what follows
	idle   []*wire    // the most recently used last
	closed bool
}

// Dial finds the daemon and connects to it. The error is daemon_unreachable
// when there is none, or the caller may not connect to it.
func Dial(ctx context.Context, options ...Option) (*Client, error) {
	c := &Client{timeout: DefaultTimeout, slots: make(chan struct{}, DefaultConnections)}
	for _, set := range options {
		set(c)
	}
	if c.socket == "" {
		c.socket = findSocket()
	}
	w, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	c.idle = append(c.idle, w)
	return c, nil
}

// findSocket is the first place that has a socket, or else the last. One that
// nobody named must not be where another user could pass for the daemon.
func findSocket() string {
	places := paths.Sockets(os.Getenv)
	for i, place := range places {
		if i < len(places)-1 && perm.Owned(filepath.Dir(place)) != nil {
			continue
		}
		if info, err := os.Stat(place); err == nil && info.Mode().Type() == fs.ModeSocket {
			return place
		}
	}
	return places[len(places)-1]
}

// Socket is the path of the daemon's socket.
func (c *Client) Socket() string { return c.socket }

// Close closes the connections. Calls that are running fail.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, w := range c.idle {
		w.close()
	}
	c.idle = nil
	return nil
}

func (c *Client) connect(ctx context.Context) (*wire, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", c.socket)
	if err == nil {
		return newWire(conn), nil
	}
	e := fault.E(fault.CodeUnreachable, "no daemon answers at %s", c.socket).Because(err)
	switch {
	case ctx.Err() != nil:
		return nil, fault.E(fault.CodeTimeout, "connecting to %s took too long", c.socket).Because(errors.Join(ctx.Err(), err))
	case errors.Is(err, fs.ErrPermission):
		return nil, fault.E(fault.CodeUnreachable, "you may not connect to %s", c.socket).
			WithHint("ask the administrator for access to the socket").Because(err)
	case errors.Is(err, fs.ErrNotExist):
		return nil, e.WithHint("start the daemon with 'vaultd', or name its socket by VAULTD_SOCKET")
	}
	return nil, e.WithHint("is the daemon running? start it with 'vaultd'")
}

// take gives an idle connection, or a new one, and whether it is new. Every
// wire taken goes back by put or drop.
func (c *Client) take(ctx context.Context, fresh bool) (w *wire, isNew bool, err error) {
	select {
	case c.slots <- struct{}{}:
	default:
		select {
		case c.slots <- struct{}{}:
		case <-ctx.Done():
			return nil, false, timedOut(ctx)
		}
	}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		<-c.slots
		return nil, false, fault.E(fault.CodeUnreachable, "the client is closed")
	}
	if n := len(c.idle); n > 0 && !fresh {
		w = c.idle[n-1]
		c.idle = c.idle[:n-1]
		c.mu.Unlock()
		return w, false, nil
	}
	c.mu.Unlock()
	if w, err = c.connect(ctx); err != nil {
		<-c.slots
		return nil, false, err
	}
	return w, true, nil
}

func (c *Client) put(w *wire) {
	c.mu.Lock()
	if c.closed {
		w.close()
	} else {
		c.idle = append(c.idle, w)
	}
	c.mu.Unlock()
	<-c.slots
}

func (c *Client) drop(w *wire) {
	w.close()
	<-c.slots
}

// dropIdle closes the connections that wait, when one of them turns out dead:
// the daemon has been restarted, so that all of them are.
func (c *Client) dropIdle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.idle {
		w.close()
	}
	c.idle = nil
}
