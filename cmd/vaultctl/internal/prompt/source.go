package prompt

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/vaultd/vaultd/internal/secret"
	"github.com/vaultd/vaultd/vault/fault"
)

// MaxSecret is the longest password or passphrase in bytes.
const MaxSecret = 4096

// Source says where a secret is read from: a file descriptor, a file ("-" is
// standard input), or, when it is the zero value, the terminal.
type Source struct {
	Name string // what is read, as messages call it: "password"
	FD   FD
	File string
}

// Given reports whether the secret comes from elsewhere than the terminal.
func (s Source) Given() bool { return s.FD.set || s.File != "" }

// Stdin reports whether reading the secret uses up standard input.
func (s Source) Stdin() bool { return s.File == "-" || s.FD.set && s.FD.n == 0 }

// FD is a flag value: the number of an open file descriptor. The zero value is
// "not given". It implements pflag.Value.
type FD struct {
	set bool
	n   int
}

// Set reads a descriptor number.
func (f *FD) Set(s string) error {
	var n int
	if _, err := fmt.Sscanf(s, "%d", &n); err != nil || n < 0 || n > 1<<20 || fmt.Sprint(n) != s {
		return fault.E(fault.CodeBadArgument, "%q is not a file descriptor", s).WithHint("give the number, such as 3, of one that is open")
	}
	*f = FD{set: true, n: n}
	return nil
}

// String is the number as the flag's default would show it.
func (f *FD) String() string {
	if f == nil || !f.set {
		return ""
	}
	return fmt.Sprint(f.n)
}

// Type names the value in help texts.
func (f *FD) Type() string { return "FD" }

// read takes the secret from the descriptor or file. One line end after it is
// not part of it; more than one line is refused, since a secret cut short in
// silence would be a weaker one.
func (s Source) read(stdin io.Reader) (*secret.Bytes, error) {
	var from io.Reader
	switch {
	case s.FD.set && s.File != "":
		return nil, fault.E(fault.CodeUsage, "the %s is given twice", s.Name).WithHint("use either the file or the descriptor")
	case s.Stdin():
		from = stdin
	case s.FD.set:
		f := os.NewFile(uintptr(s.FD.n), fmt.Sprintf("descriptor %d", s.FD.n))
		if f == nil {
			return nil, fault.E(fault.CodeBadArgument, "descriptor %d is not open", s.FD.n)
		}
		defer f.Close()
		from = f
	default:
		f, err := os.Open(s.File)
		if err != nil {
			return nil, fault.E(fault.CodeBadArgument, "read the %s: %v", s.Name, err)
		}
		defer f.Close()
		from = f
	}
	return s.readFrom(from)
}

func (s Source) readFrom(r io.Reader) (*secret.Bytes, error) {
	buf := secret.New(MaxSecret + 3) // room for a line end and to notice more
	defer buf.Wipe()
	n, err := io.ReadFull(r, buf.Bytes())
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fault.E(fault.CodeBadArgument, "read the %s: %v", s.Name, err)
	}
	line := trimLineEnd(buf.Bytes()[:n])
	for _, c := range line {
		if c == '\n' {
			return nil, fault.E(fault.CodeBadArgument, "the %s has more than one line", s.Name)
		}
	}
	if err := check(s.Name, line); err != nil {
		return nil, err
	}
	out := secret.New(len(line))
	copy(out.Bytes(), line)
	return out, nil
}

func check(name string, b []byte) error {
	switch {
	case len(b) == 0:
		return fault.E(fault.CodeBadArgument, "the %s is empty", name)
	case len(b) > MaxSecret:
		return fault.E(fault.CodeBadArgument, "the %s is longer than %d bytes", name, MaxSecret)
	}
	return nil
}

func trimLineEnd(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '\n' {
		b = b[:n-1]
		if n := len(b); n > 0 && b[n-1] == '\r' {
			b = b[:n-1]
		}
	}
	return b
}
