package ipc_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vaultd/vaultd/ipc"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/ipc/frame"
	"github.com/vaultd/vaultd/vault/fault"
)

// raw connects without speaking.
func (d *daemon) raw(tb testing.TB) net.Conn {
	tb.Helper()
	c, err := net.Dial("unix", d.socket)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

// statusFrame is a whole request.
func statusFrame() []byte {
	return frame.AppendRequest(nil, frame.Request{Method: uint16(vaultdv1.Method_METHOD_STATUS)})
}

// readAnswer reads one answer and returns its status and, if it is an error, the code.
func readAnswer(tb testing.TB, c net.Conn) (uint8, fault.Code) {
	tb.Helper()
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	var header [frame.ResponseHeader]byte
	if _, err := io.ReadFull(c, header[:]); err != nil {
		tb.Fatal("no answer:", err)
	}
	body := make([]byte, binary.BigEndian.Uint32(header[:])-1)
	if _, err := io.ReadFull(c, body); err != nil {
		tb.Fatal(err)
	}
	var e vaultdv1.Error
	if header[4] != frame.StatusOK {
		if err := e.UnmarshalVT(body); err != nil {
			tb.Fatal(err)
		}
	}
	return header[4], fault.Code(e.GetCode())
}

// closesWithin fails the test unless the daemon closes c in time, and returns
// what came before.
func closesWithin(tb testing.TB, c net.Conn, d time.Duration) []byte {
	tb.Helper()
	_ = c.SetReadDeadline(time.Now().Add(d))
	b, err := io.ReadAll(c)
	if err, ok := err.(net.Error); ok && err.Timeout() {
		tb.Errorf("the connection is still open after %v", d)
	}
	return b
}

// works fails the test unless the daemon serves a client promptly.
func (d *daemon) works(tb testing.TB) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 20*time.Second)
	defer cancel()
	c, err := client.Dial(ctx, client.WithSocket(d.socket))
	if err != nil {
		tb.Error(err)
		return
	}
	defer c.Close()
	if _, err := c.Status(ctx, &vaultdv1.StatusRequest{}); err != nil {
		tb.Error("another client is not served:", err)
	}
}

func TestMessageSizeIsLimited(t *testing.T) {
	const limit = 50_000
	eachForm(t, func(t *testing.T, d *daemon, c caller) {
		d.createKey(t, "root/k", "")
		req := &vaultdv1.EncryptRequest{Key: "root/k"}
		req.Plaintext = make([]byte, limit/2)
		if _, err := c.Encrypt(t.Context(), req); err != nil {
			t.Error("half the limit:", err)
		}
		req.Plaintext = make([]byte, 2*limit)
		_, err := c.Encrypt(t.Context(), req)
		switch code := codeOf(err); code {
		case fault.CodeTooLarge, "connect resource_exhausted":
		default:
			t.Errorf("twice the limit: %q (%v)", code, err)
		}
		d.works(t)
	}, withLimits(ipc.Limits{MessageSize: limit}))
}

func TestLargestMessageGoesThroughEveryForm(t *testing.T) {
	eachForm(t, func(t *testing.T, d *daemon, c caller) {
		d.createKey(t, "root/k", "")
		plaintext := bytes.Repeat([]byte{7}, 700_000) // 934 kB as JSON
		sealed, err := c.Encrypt(t.Context(), &vaultdv1.EncryptRequest{Key: "root/k", Plaintext: plaintext, Binary: true})
		if err != nil {
			t.Fatal(err)
		}
		opened, err := c.Decrypt(t.Context(), &vaultdv1.DecryptRequest{CiphertextBinary: sealed.GetCiphertextBinary()})
		if err != nil || !bytes.Equal(opened.GetPlaintext(), plaintext) {
			t.Error("the plaintext came back changed:", err)
		}
	})
}

func TestHugeLengthIsRefusedBeforeItArrives(t *testing.T) {
	d := start(t)
	c := d.raw(t)
	_, _ = io.WriteString(c, frame.Preface+"\xff\xff\xff\xff")
	if _, code := readAnswer(t, c); code != fault.CodeTooLarge {
		t.Errorf("code %q", code)
	}
	closesWithin(t, c, 20*time.Second)
}

func TestSilenceIsCutOff(t *testing.T) {
	d := start(t, withLimits(ipc.Limits{HeaderTimeout: 100 * time.Millisecond, RequestTimeout: 200 * time.Millisecond, IdleTimeout: 300 * time.Millisecond}))
	for name, begin := range map[string]string{
		"nothing":          "",
		"half a preface":   "\x00V",
		"half a header":    frame.Preface + "\x00\x00",
		"half a request":   frame.Preface + "\x00\x00\x10\x00\x00\x20\x00\x00\x00\x00\x00\x00abc",
		"no request":       frame.Preface,
		"half a line":      "GET / HT",
		"half HTTP header": "POST /vaultd.v1.VaultService/Status HTTP/1.1\r\nHost: x\r\n",
		"half HTTP body":   "POST /vaultd.v1.VaultService/Status HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := d.raw(t)
			_, _ = io.WriteString(c, begin)
			closesWithin(t, c, 5*time.Second)
		})
	}
}

func TestRequestThatTricklesInIsCutOff(t *testing.T) {
	d := start(t, withLimits(ipc.Limits{RequestTimeout: 300 * time.Millisecond}))
	c := d.raw(t)
	_, _ = io.WriteString(c, frame.Preface+"\x00\x00\x10\x00\x00\x20\x00\x00\x00\x00\x00\x00")
	stop := make(chan struct{})
	var trickle sync.WaitGroup
	trickle.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if _, err := c.Write([]byte{0}); err != nil {
					return
				}
			case <-stop:
				return
			}
		}
	})
	if _, code := readAnswer(t, c); code != fault.CodeTimeout {
		t.Errorf("code %q", code)
	}
	closesWithin(t, c, 20*time.Second)
	close(stop)
	trickle.Wait()
}

func TestGarbageIsCutOff(t *testing.T) {
	d := start(t)
	for name, bytes := range map[string]string{
		"binary":          "\xde\xad\xbe\xef\xde\xad\xbe\xef",
		"small letters":   "get / http/1.1\r\n\r\n",
		"wrong preface":   "\x00VD\x02\x00\x00\x00\x08\x00\x01\x00\x00\x00\x00\x00\x00",
		"TLS":             "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		"flags":           frame.Preface + "\x00\x00\x00\x08\x00\x01\x80\x00\x00\x00\x00\x00",
		"too short":       frame.Preface + "\x00\x00\x00\x03abc",
		"HTTP garbage":    "BREW /pot COFFEE\r\n\r\n",
		"HTTP/2 garbage":  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff",
		"endless headers": "GET / HTTP/1.1\r\nX: " + strings.Repeat("x", 64<<10),
	} {
		t.Run(name, func(t *testing.T) {
			c := d.raw(t)
			_, _ = io.WriteString(c, bytes)
			closesWithin(t, c, 20*time.Second)
			d.works(t)
		})
	}
}

func TestBadMessageIsAnsweredAndTheConnectionGoesOn(t *testing.T) {
	d := start(t)
	c := d.raw(t)
	b := []byte(frame.Preface)
	b = append(frame.AppendRequest(b, frame.Request{Size: 3, Method: uint16(vaultdv1.Method_METHOD_ENCRYPT)}), "\xff\xff\xff"...)
	b = frame.AppendRequest(b, frame.Request{Method: 9999})
	b = append(b, statusFrame()...)
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
	if _, code := readAnswer(t, c); code != fault.CodeBadArgument {
		t.Errorf("message of garbage: %q", code)
	}
	if _, code := readAnswer(t, c); code != fault.CodeUnknownMethod {
		t.Errorf("unknown method: %q", code)
	}
	if status, code := readAnswer(t, c); status != frame.StatusOK {
		t.Errorf("a good request after bad ones: %q", code)
	}
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	d := start(t)
	d.createKey(t, "root/k", "hmac-sha256")
	const n = 500
	c := d.raw(t)
	var b []byte
	b = append(b, frame.Preface...)
	for i := range n {
		req := &vaultdv1.MACRequest{Key: "root/k", Message: []byte{byte(i), byte(i >> 8)}}
		body, err := req.MarshalVT()
		if err != nil {
			t.Fatal(err)
		}
		b = append(frame.AppendRequest(b, frame.Request{Size: len(body), Method: uint16(vaultdv1.Method_METHOD_MAC)}), body...)
	}
	go func() { _, _ = c.Write(b) }()
	reference := d.dial(t)
	for i := range n {
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		var header [frame.ResponseHeader]byte
		if _, err := io.ReadFull(c, header[:]); err != nil || header[4] != frame.StatusOK {
			t.Fatalf("answer %d: %v %v", i, header, err)
		}
		body := make([]byte, binary.BigEndian.Uint32(header[:])-1)
		if _, err := io.ReadFull(c, body); err != nil {
			t.Fatal(err)
		}
		var got vaultdv1.MACResponse
		if err := got.UnmarshalVT(body); err != nil {
			t.Fatal(err)
		}
		if i%50 == 0 {
			want, err := reference.MAC(t.Context(), &vaultdv1.MACRequest{Key: "root/k", Message: []byte{byte(i), byte(i >> 8)}})
			if err != nil || !bytes.Equal(want.GetMac(), got.GetMac()) {
				t.Fatalf("answer %d is another request's", i)
			}
		}
	}
}

func TestReaderThatNeverReadsHoldsNobodyUp(t *testing.T) {
	d := start(t, withLimits(ipc.Limits{WriteTimeout: 200 * time.Millisecond}))
	d.createKey(t, "root/k", "")
	body, err := (&vaultdv1.EncryptRequest{Key: "root/k", Plaintext: make([]byte, 100_000)}).MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	c := d.raw(t)
	_, _ = io.WriteString(c, frame.Preface)
	request := append(frame.AppendRequest(nil, frame.Request{Size: len(body), Method: uint16(vaultdv1.Method_METHOD_ENCRYPT)}), body...)
	_ = c.SetWriteDeadline(time.Now().Add(20 * time.Second))
	var broken error
	for range 1000 {
		if _, broken = c.Write(request); broken != nil {
			break
		}
		d.works(t)
	}
	if broken == nil {
		t.Fatal("the daemon took everything and was never read from")
	}
	if err, ok := broken.(net.Error); ok && err.Timeout() {
		t.Error("the daemon keeps a client that never reads")
	}
}

func TestStreamsInFlightAreLimited(t *testing.T) {
	d := start(t, withLimits(ipc.Limits{InFlight: 3}))
	c := d.raw(t)
	// SETTINGS is the first frame that an HTTP/2 server sends.
	_, _ = io.WriteString(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
	_ = c.SetReadDeadline(time.Now().Add(time.Minute))
	var header [9]byte
	if _, err := io.ReadFull(c, header[:]); err != nil || header[3] != 4 {
		t.Fatalf("no SETTINGS: %v %v", header, err)
	}
	settings := make([]byte, int(header[1])<<8|int(header[2]))
	if _, err := io.ReadFull(c, settings); err != nil {
		t.Fatal(err)
	}
	for ; len(settings) >= 6; settings = settings[6:] {
		if binary.BigEndian.Uint16(settings) == 3 { // SETTINGS_MAX_CONCURRENT_STREAMS
			if n := binary.BigEndian.Uint32(settings[2:]); n != 3 {
				t.Errorf("%d streams allowed", n)
			}
			return
		}
	}
	t.Error("the number of streams is not limited")
}

func TestCompressionIsOff(t *testing.T) {
	d := start(t)
	h := d.httpClient(t, false)
	post := func(change func(*http.Request)) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://vaultd/vaultd.v1.VaultService/Status", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		change(req)
		resp, err := h.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		return resp
	}
	resp := post(func(r *http.Request) { r.Header.Set("Accept-Encoding", "gzip") })
	if resp.StatusCode != 200 || resp.Header.Get("Content-Encoding") != "" {
		t.Errorf("%s with encoding %q", resp.Status, resp.Header.Get("Content-Encoding"))
	}
	resp = post(func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") })
	if resp.StatusCode == 200 {
		t.Error("a compressed request is taken")
	}
}

// TestHostileClientsDoNotGrowMemory keeps many connections that announce a
// large message and send a little of it.
func TestHostileClientsDoNotGrowMemory(t *testing.T) {
	d := start(t)
	before := heap()
	begun := append([]byte(frame.Preface), frame.AppendRequest(nil, frame.Request{Size: 1 << 20, Method: 32})...)
	begun = append(begun, make([]byte, 100)...)
	const n = 300
	for i := range n {
		c := d.raw(t)
		if i%2 == 0 {
			_, _ = c.Write(begun)
		} else {
			_, _ = io.WriteString(c, "POST /vaultd.v1.VaultService/Encrypt HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{")
		}
	}
	d.works(t)
	if grown := heap() - before; grown > n*64<<10 {
		t.Errorf("%d connections hold %d kB", n, grown>>10)
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
