package ipc_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/vaultd/vaultd/crypto/keytype"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
)

const benchConnections = 16

// BenchmarkSocketEncrypt and its echo counterpart run by turns in one process,
// so that the machine's mood hits both, and report the rate of each and their
// ratio. The echo server reads frames of the same length, seals the same 64
// bytes under an XAES-256-GCM key in-process, and answers; nothing else.
func BenchmarkSocketEncrypt(b *testing.B) {
	d := start(b)
	d.createKey(b, "root/bench", "xaes-256-gcm")
	plaintext := make([]byte, 64)
	req := &vaultdv1.EncryptRequest{Key: "root/bench", Plaintext: plaintext, Binary: true}
	resp, err := d.dial(b).Encrypt(b.Context(), req)
	if err != nil {
		b.Fatal(err)
	}
	ours := rounds(b, d, func(ctx context.Context, c *client.Client) error {
		_, err := c.Encrypt(ctx, req)
		return err
	})
	compare(b, ours, echo(b, req.SizeVT()+12, resp.SizeVT()+5))
}

// BenchmarkSocketDecrypt is the same for the way back.
func BenchmarkSocketDecrypt(b *testing.B) {
	d := start(b)
	d.createKey(b, "root/bench", "xaes-256-gcm")
	sealed, err := d.dial(b).Encrypt(b.Context(), &vaultdv1.EncryptRequest{
		Key: "root/bench", Plaintext: make([]byte, 64), Binary: true,
	})
	if err != nil {
		b.Fatal(err)
	}
	req := &vaultdv1.DecryptRequest{Key: "root/bench", CiphertextBinary: sealed.GetCiphertextBinary()}
	resp, err := d.dial(b).Decrypt(b.Context(), req)
	if err != nil {
		b.Fatal(err)
	}
	ours := rounds(b, d, func(ctx context.Context, c *client.Client) error {
		_, err := c.Decrypt(ctx, req)
		return err
	})
	compare(b, ours, echo(b, req.SizeVT()+12, resp.SizeVT()+5))
}

// BenchmarkSocketSignRSA compares RSA-2048 signatures over the socket with
// those that crypto/rsa makes in-process on all cores.
func BenchmarkSocketSignRSA(b *testing.B) {
	d := start(b)
	d.createKey(b, "root/rsa", "rsa-2048")
	digest := sha256.Sum256([]byte("message"))
	req := &vaultdv1.SignRequest{Key: "root/rsa", Message: digest[:], Prehashed: true, Scheme: vaultdv1.SignatureScheme_SIGNATURE_SCHEME_PKCS1V15}
	ours := rounds(b, d, func(ctx context.Context, c *client.Client) error {
		_, err := c.Sign(ctx, req)
		return err
	})
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	inProcess := func(n int) time.Duration {
		return spread(b, n, func(int) error {
			_, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
			return err
		})
	}
	compare(b, ours, inProcess)
}

// compare runs ours and echo by turns, b.N requests each in total.
func compare(b *testing.B, ours, echo func(n int) time.Duration) {
	b.Helper()
	ours(160)
	echo(160)
	const turns = 8
	var tookOurs, tookEcho time.Duration
	n := max(b.N/turns, benchConnections)
	b.ResetTimer()
	for range turns {
		tookOurs += ours(n)
		tookEcho += echo(n)
	}
	b.ReportMetric(float64(n*turns)/tookOurs.Seconds(), "ours/s")
	b.ReportMetric(float64(n*turns)/tookEcho.Seconds(), "reference/s")
	b.ReportMetric(tookEcho.Seconds()/tookOurs.Seconds(), "ratio")
	b.ReportMetric(float64(tookOurs.Nanoseconds())/float64(n*turns), "ns/op")
}

// rounds returns a function that makes n calls over benchConnections clients.
func rounds(b *testing.B, d *daemon, call func(context.Context, *client.Client) error) func(n int) time.Duration {
	b.Helper()
	clients := make([]*client.Client, benchConnections)
	for i := range clients {
		clients[i] = d.dial(b)
	}
	return func(n int) time.Duration {
		return spread(b, n, func(i int) error { return call(context.Background(), clients[i]) })
	}
}

// spread makes n calls, divided among as many goroutines as there are connections.
func spread(b *testing.B, n int, call func(connection int) error) time.Duration {
	b.Helper()
	begun := time.Now()
	var group sync.WaitGroup
	for i := range benchConnections {
		group.Go(func() {
			for range n / benchConnections {
				if err := call(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	return time.Since(begun)
}

// echo starts the bare server and returns a function that makes n calls to it.
func echo(b *testing.B, requestSize, responseSize int) func(n int) time.Duration {
	b.Helper()
	l, err := net.Listen("unix", filepath.Join(b.TempDir(), "echo"))
	if err != nil {
		b.Fatal(err)
	}
	var group sync.WaitGroup
	b.Cleanup(func() { _ = l.Close(); group.Wait() })
	group.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			group.Go(func() { defer c.Close(); serveEcho(c, responseSize) })
		}
	})
	conns := make([]net.Conn, benchConnections)
	buffers := make([][]byte, benchConnections)
	for i := range conns {
		if conns[i], err = net.Dial("unix", l.Addr().String()); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = conns[i].Close() })
		buffers[i] = make([]byte, max(requestSize, responseSize))
	}
	return func(n int) time.Duration {
		return spread(b, n, func(i int) error {
			buf := buffers[i]
			binary.BigEndian.PutUint32(buf, uint32(requestSize-4))
			if _, err := conns[i].Write(buf[:requestSize]); err != nil {
				return err
			}
			_, err := io.ReadFull(conns[i], buf[:responseSize])
			return err
		})
	}
}

func serveEcho(c net.Conn, responseSize int) {
	kind, _ := keytype.Lookup("xaes-256-gcm")
	material, err := kind.Generate(rand.Reader)
	if err != nil {
		panic(err)
	}
	key, err := kind.Parse(material)
	if err != nil {
		panic(err)
	}
	aead := key.(keytype.AEAD)
	in, out := make([]byte, 4096), make([]byte, 0, 4096)
	have := 0
	for {
		for have < 4 || have < 4+int(binary.BigEndian.Uint32(in)) {
			n, err := c.Read(in[have:])
			if err != nil {
				return
			}
			have += n
		}
		if out, err = aead.Seal(out[:4], in[16:16+64], in[4:16]); err != nil {
			panic(fmt.Sprint(err))
		}
		binary.BigEndian.PutUint32(out[:4], uint32(responseSize-4))
		if _, err := c.Write(out[:responseSize]); err != nil {
			return
		}
		have = 0
	}
}
