package exchange

import (
	"bufio"
	"bytes"
	"crypto/x509"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/vaultd/vaultd/crypto/fernet"
	"github.com/vaultd/vaultd/crypto/ffdh"
	"github.com/vaultd/vaultd/crypto/keyenc"
)

// pyca is a running testdata/peer.py.
type pyca struct {
	t      *testing.T
	in     io.WriteCloser
	out    *bufio.Reader
	errors bytes.Buffer
}

func startPyca(t *testing.T, python, role string, own, peer []byte) *pyca {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string][]byte{"own.pem": own, "peer.pem": peer} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.Command(python, "testdata/peer.py", role, filepath.Join(dir, "own.pem"), filepath.Join(dir, "peer.pem"))
	p := &pyca{t: t}
	command.Stderr = &p.errors
	p.in = must(command.StdinPipe())(t)
	p.out = bufio.NewReader(must(command.StdoutPipe())(t))
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.in.Close(); err != nil {
			t.Error(err)
		}
		if err := command.Wait(); err != nil {
			t.Errorf("%v\n%s", err, &p.errors)
		}
	})
	return p
}

func (p *pyca) line() []byte {
	p.t.Helper()
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		p.t.Fatalf("%v\n%s", err, &p.errors)
	}
	return line
}

func (p *pyca) receive() (text []byte) {
	p.t.Helper()
	for {
		line := p.line()
		if string(line) == ".\n" {
			return text
		}
		text = append(text, line...)
	}
}

func (p *pyca) send(text []byte) {
	p.t.Helper()
	if _, err := p.in.Write(append(bytes.Clone(text), ".\n"...)); err != nil {
		p.t.Fatalf("%v\n%s", err, &p.errors)
	}
}

func (p *pyca) key() []byte {
	p.t.Helper()
	return must(fernet.DecodeKey(bytes.TrimSpace(p.line())))(p.t)
}

func TestCompatWithPycaBothWays(t *testing.T) {
	var pythons []string
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		path, err := exec.LookPath(name)
		if err == nil && exec.Command(path, "-c", "import cryptography").Run() == nil {
			pythons = append(pythons, path)
		}
	}
	if len(pythons) == 0 {
		t.Skip("no python3 with the package cryptography here; testdata/pyca.json covers reading its messages")
	}
	us, them := rsaParty(t, "us", 0), rsaParty(t, "them", 1)
	theirKey := must(x509.MarshalPKCS8PrivateKey(must(rsaKeys())(t)[1]))(t)
	own := must(keyenc.EncodePrivatePEM(theirKey))(t)
	peer := must(keyenc.EncodePublicPEM(us.SPKI))(t)
	for _, python := range pythons {
		for _, group := range []*ffdh.Group{ffdh.FFDHE2048(), ffdh.MODP2048()} {
			p := startPyca(t, python, "accept", own, peer)
			o := compatOptions(us, them)
			o.Group = group
			text, pending, err := CompatOffer(o)
			if err != nil {
				t.Fatal(err)
			}
			p.send(text)
			key, err := pending.Finish(p.receive(), them.SPKI, nil)
			if err != nil || !bytes.Equal(key, p.key()) {
				t.Errorf("%s, our offer in %v: %v", python, group, err)
			}
		}

		p := startPyca(t, python, "offer", own, peer)
		reply, key, err := CompatAccept(p.receive(), compatOptions(us, them))
		if err != nil {
			t.Fatal(err)
		}
		p.send(reply)
		if !bytes.Equal(key, p.key()) {
			t.Errorf("%s, its offer: keys differ", python)
		}
	}
}
