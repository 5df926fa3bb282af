package ipc

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"sync"

	"connectrpc.com/connect"

	"github.com/vaultd/vaultd/vault/fault"
)

// handOver is the listener of the HTTP server: it is given connections that
// were accepted, and found to speak HTTP, elsewhere.
type handOver struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newHandOver() *handOver {
	return &handOver{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (h *handOver) give(c net.Conn) bool {
	select {
	case h.conns <- c:
		return true
	case <-h.closed:
		return false
	}
}

func (h *handOver) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

func (h *handOver) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

func (*handOver) Addr() net.Addr { return &net.UnixAddr{Net: "unix"} }

// httpConn gives the HTTP server the bytes that were read already, then the
// connection itself.
type httpConn struct {
	*conn
	web    *webServer // that serves it
	closed sync.Once
}

func (c *httpConn) Read(b []byte) (int, error) {
	if pending := c.buffer.Bytes(); len(pending) > 0 {
		n := copy(b, pending)
		c.buffer.Consume(n)
		if len(c.buffer.Bytes()) == 0 {
			c.buffer.Release()
		}
		return n, nil
	}
	return c.conn.Read(b)
}

// Close is called by the HTTP server, which by then reads no more.
func (c *httpConn) Close() error {
	err := c.conn.Close()
	c.closed.Do(func() { c.server.leaveHTTP(c.web) })
	return err
}

type connKey struct{}

func (s *Server) newHTTPServer(l Limits) *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:           s.routes(l.MessageSize),
		Protocols:         &protocols,
		ReadHeaderTimeout: l.HeaderTimeout,
		ReadTimeout:       l.RequestTimeout,
		WriteTimeout:      l.RequestTimeout + l.WriteTimeout,
		IdleTimeout:       l.IdleTimeout,
		MaxHeaderBytes:    16 << 10,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          l.InFlight,
			MaxReceiveBufferPerStream:     64 << 10,
			MaxReceiveBufferPerConnection: 256 << 10,
			WriteByteTimeout:              l.WriteTimeout,
		},
		ErrorLog:    slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return s.base },
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c.(*httpConn).conn)
		},
	}
}

// routes has one Connect handler for each row of the method table.
func (s *Server) routes(messageSize int) http.Handler {
	mux := http.NewServeMux()
	options := []connect.HandlerOption{
		connect.WithReadMaxBytes(messageSize),
		connect.WithSendMaxBytes(2 * messageSize),
		connect.WithCompressMinBytes(math.MaxInt), // secrets beside chosen text are never compressed
		connect.WithCompression("gzip", nil, nil),
	}
	options = append(options, codecs()...)
	for _, m := range methods {
		mux.Handle(m.procedure(), s.account(m, messageSize, m.handler(s, options)))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeHTTPFault(w, http.StatusNotFound, fault.E(fault.CodeUnknownMethod, "there is no such method").
			WithHint("POST to /vaultd.v1.VaultService/Status, for example"))
	})
	return mux
}

// account gives every HTTP request its call, sets memory aside for its
// message, and overwrites what the handler held once the answer is encoded.
// Copies that net/http and Connect made on the way are out of reach.
func (s *Server) account(m *method, messageSize int, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _ := r.Context().Value(connKey{}).(*conn)
		if c == nil {
			writeHTTPFault(w, http.StatusInternalServerError, fault.E(fault.CodeInternal, "internal error"))
			return
		}
		c.spoke() // only now: net/http drops a request that it reads while it shuts down
		size := messageSize
		if r.ContentLength >= 0 && r.ContentLength < int64(size) {
			size = int(r.ContentLength)
		}
		if m.lists {
			size += messageSize // the answer is large though the request is not
		}
		if !s.admission.grow(c.uid, c.rank(), size) {
			writeHTTPFault(w, http.StatusTooManyRequests, errNoMemory)
			return
		}
		defer s.admission.grow(c.uid, c.rank(), -size)
		state := &call{conn: c, form: FormHTTP}
		defer func() {
			for _, m := range state.held {
				wipe(m)
			}
		}()
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callKey{}, state)))
	})
}

// writeHTTPFault answers in Connect's JSON where no Connect handler does.
func writeHTTPFault(w http.ResponseWriter, status int, e *fault.Error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	b, _ := json.Marshal(map[string]string{"code": connectCode(e.Code).String(), "message": e.Error()})
	_, _ = w.Write(b)
	_, _ = io.WriteString(w, "\n")
}

const httpTooManyConnections = "HTTP/1.1 429 Too Many Requests\r\n" +
	"Content-Type: application/json\r\nConnection: close\r\nContent-Length: 71\r\n\r\n" +
	`{"code":"resource_exhausted","message":"too many connections are open"}`
