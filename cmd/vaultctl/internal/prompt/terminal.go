package prompt

import (
	"os"

	"golang.org/x/term"
)

// terminal is the user's terminal, whatever standard input and output are.
type terminal struct {
	in, out *os.File
	before  *term.State
}

func openTerminal() (*terminal, error) {
	in, out, err := openTTY()
	if err != nil {
		return nil, err
	}
	before, err := term.GetState(int(in.Fd()))
	if err != nil {
		t := &terminal{in: in, out: out}
		t.close()
		return nil, err
	}
	return &terminal{in: in, out: out, before: before}, nil
}

func (t *terminal) readSilently() ([]byte, error) { return term.ReadPassword(int(t.in.Fd())) }

func (t *terminal) restore() { _ = term.Restore(int(t.in.Fd()), t.before) }

func (t *terminal) close() {
	_ = t.in.Close()
	if t.out != t.in {
		_ = t.out.Close()
	}
}
