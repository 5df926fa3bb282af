package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/vaultd/vaultd/internal/secret"
	"golang.org/x/term"
)

// maxPassword is the longest password of a vault, in bytes.
const maxPassword = 1024

// readPassword reads a password from a file descriptor or a file ("-" is
// standard input), up to its end, without its final newline. It never echoes.
// With neither given it returns nil.
func readPassword(fd int, file string) (*secret.Bytes, error) {
	switch {
	case fd >= 0 && file != "":
		return nil, usage("--password-fd and --password-file exclude each other")
	case fd >= 0:
		f := os.NewFile(uintptr(fd), fmt.Sprintf("file descriptor %d", fd))
		if f == nil {
			return nil, usage("--password-fd %d is not open", fd)
		}
		defer f.Close()
		return readPasswordFrom(f)
	case file == "-":
		return readPasswordFrom(os.Stdin)
	case file != "":
		f, err := os.Open(file)
		if err != nil {
			return nil, usage("%v", err)
		}
		defer f.Close()
		return readPasswordFrom(f)
	}
	return nil, nil
}

func readPasswordFrom(f *os.File) (*secret.Bytes, error) {
	if term.IsTerminal(int(f.Fd())) {
		fmt.Fprint(os.Stderr, "Password: ")
		typed, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(os.Stderr)
		if err != nil {
			return nil, usage("read the password: %v", err)
		}
		return bounded(secret.From(typed))
	}
	// Room for a final newline, and for one byte that shows it is too long.
	buffer := secret.New(maxPassword + 3)
	defer buffer.Wipe()
	n, err := io.ReadFull(f, buffer.Bytes())
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, usage("read the password: %v", err)
	}
	line := bytes.TrimSuffix(bytes.TrimSuffix(buffer.Bytes()[:n], []byte("\n")), []byte("\r"))
	password := secret.New(len(line))
	copy(password.Bytes(), line)
	return bounded(password)
}

func bounded(password *secret.Bytes) (*secret.Bytes, error) {
	if n := password.Len(); n == 0 || n > maxPassword {
		password.Wipe()
		return nil, usage("a password has 1 to %d bytes", maxPassword)
	}
	return password, nil
}
