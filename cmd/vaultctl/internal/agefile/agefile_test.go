package agefile

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/vaultd/vaultd/vault/fault"
)

// chunk and sealedChunk are the sizes of age's payload (https://c2sp.org/age).
const (
	chunk       = 64 << 10
	sealedChunk = chunk + 16
)

// sealed is an age file of some chunks for an identity of the library's, and
// where its payload begins.
func sealed(t testing.TB, plaintext []byte) (file []byte, payload int, by age.Identity) {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Seal(&b, iotest.HalfReader(bytes.NewReader(plaintext)), id.Recipient()); err != nil {
		t.Fatal(err)
	}
	file = b.Bytes()
	chunks := max(1, (len(plaintext)+chunk-1)/chunk)
	return file, len(file) - len(plaintext) - 16*chunks, id
}

func opened(file []byte, by age.Identity) ([]byte, error) {
	r, err := Open(bytes.NewReader(file), by)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func noise(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i>>16 ^ i>>8*7 ^ i)
	}
	return b
}

func TestSealedFilesOpen(t *testing.T) {
	for _, n := range []int{0, 1, chunk - 1, chunk, chunk + 1, 3 * chunk} {
		want := noise(n)
		file, _, by := sealed(t, want)
		if got, err := opened(file, by); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes: %d, %v", n, len(got), err)
		}
		var text bytes.Buffer
		w := armor.NewWriter(&text)
		if _, err := w.Write(file); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if got, err := opened(text.Bytes(), by); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes, armoured: %d, %v", n, len(got), err)
		}
		if !IsFile(file[:IntroSize]) || !IsFile(text.Bytes()[:IntroSize]) || IsFile([]byte("vd1:AAAA")) || IsFile(nil) {
			t.Error("the beginning is not told apart")
		}
	}
}

// Whatever happens to a file, what comes out is a beginning of what went in, and
// an error.
func TestDamagedFilesAreRefused(t *testing.T) {
	want := noise(3*chunk + 100)
	file, payload, by := sealed(t, want)
	flipped := func(at int) []byte {
		b := bytes.Clone(file)
		b[at] ^= 1
		return b
	}
	piece := func(i int) []byte { return file[payload+i*sealedChunk : min(len(file), payload+(i+1)*sealedChunk)] }
	head := file[:payload]
	cases := map[string][]byte{
		"nothing":               {},
		"cut in the first line": file[:10],
		"cut in the header":     file[:payload-40],
		"cut before the nonce":  file[:payload-16],
		"cut in the nonce":      file[:payload-1],
		"cut before the end":    file[:len(file)-1],
		"a byte more":           append(bytes.Clone(file), 0),
		"a chunk more":          append(bytes.Clone(file), piece(0)...),
		"the last chunk twice":  append(bytes.Clone(file), piece(3)...),
		"twice":                 append(bytes.Clone(file), file...),
		"two swapped":           bytes.Join([][]byte{head, piece(1), piece(0), piece(2), piece(3)}, nil),
		"one left out":          bytes.Join([][]byte{head, piece(0), piece(2), piece(3)}, nil),
		"one twice":             bytes.Join([][]byte{head, piece(0), piece(0), piece(1), piece(2), piece(3)}, nil),
		"last one first":        bytes.Join([][]byte{head, piece(3)}, nil),
		"header changed":        flipped(payload - 20),
		"nonce changed":         flipped(payload - 1),
		"endless header":        append(bytes.Clone(file[:22]), bytes.Repeat([]byte("-> a b\nAAAA\n"), maxHeader/10)...),
		"a line without end":    append(bytes.Clone(file[:22]), bytes.Repeat([]byte("a"), 2*maxHeader)...),
	}
	for i := range 4 {
		boundary := payload + i*sealedChunk
		cases["cut at chunk "+string(rune('0'+i))] = file[:boundary]
		cases["cut into chunk "+string(rune('0'+i))] = file[:boundary+17]
		cases["flipped at the start of chunk "+string(rune('0'+i))] = flipped(boundary)
		cases["flipped in the tag of chunk "+string(rune('0'+i))] = flipped(boundary + len(piece(i)) - 1)
	}
	for name, damaged := range cases {
		got, err := opened(damaged, by)
		if !errors.Is(err, fault.E(fault.CodeInvalidCiphertext, "")) {
			t.Errorf("%s: %v", name, err)
		}
		if !bytes.HasPrefix(want, got) || len(got) == len(want) && strings.HasPrefix(name, "cut") {
			t.Errorf("%s: %d bytes came out that did not go in", name, len(got))
		}
	}
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := opened(file, other); !errors.Is(err, fault.E(fault.CodeInvalidCiphertext, "")) {
		t.Errorf("with another identity: %v", err)
	}
}

func TestASourceThatFailsIsNotADamagedFile(t *testing.T) {
	file, payload, by := sealed(t, noise(2*chunk))
	pulled := errors.New("cable pulled")
	for _, n := range []int{10, payload + 5, payload + sealedChunk + 1} {
		r, err := Open(io.MultiReader(bytes.NewReader(file[:n]), iotest.ErrReader(pulled)), by)
		if err == nil {
			_, err = io.ReadAll(r)
		}
		if !errors.Is(err, pulled) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}
