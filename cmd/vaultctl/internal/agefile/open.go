package agefile

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/vaultd/vaultd/vault/fault"
)

// intro is the first line of an age file.
const intro = "age-encryption.org/v1\n"

// maxHeader bounds a header in bytes, which is in memory before it is authentic.
const maxHeader = 128 << 10

// IsFile reports whether something that begins like this is an age file, in
// binary form or armoured. It needs IntroSize bytes, or all there are.
func IsFile(beginning []byte) bool {
	return bytes.HasPrefix(beginning, []byte(intro)) || bytes.HasPrefix(beginning, []byte(armor.Header))
}

// IntroSize is how many bytes IsFile looks at.
const IntroSize = len(armor.Header)

// Seal writes what r says as an age file, up to its end. Without an error from
// it, the file is complete as soon as dst has it all.
func Seal(dst io.Writer, src io.Reader, to age.Recipient) error {
	w, err := age.Encrypt(dst, to)
	if err != nil {
		return err
	}
	if _, err := io.CopyBuffer(writeOnly{w}, src, make([]byte, 64<<10)); err != nil {
		return err
	}
	return w.Close()
}

// writeOnly hides what io.Copy would rather use than the buffer.
type writeOnly struct{ io.Writer }

// Open returns the plaintext of an age file. Each piece that it reads is
// authentic and in its place; that nothing is missing is known at its end.
// Errors of reading are invalid_ciphertext, unless src has failed.
func Open(src io.Reader, by age.Identity) (io.Reader, error) {
	bounded := &headerReader{r: src, left: maxHeader}
	buffered := bufio.NewReaderSize(bounded, 64<<10)
	var from io.Reader = buffered
	if beginning, _ := buffered.Peek(IntroSize); bytes.HasPrefix(beginning, []byte(armor.Header)) {
		from = armor.NewReader(buffered)
	}
	plaintext, err := age.Decrypt(from, by)
	if err != nil {
		return nil, bounded.explain(err)
	}
	bounded.left = -1
	return &payload{plaintext, bounded}, nil
}

// headerReader reads no more than left bytes, or all when that is negative, and
// remembers what failed below.
type headerReader struct {
	r      io.Reader
	left   int
	failed error
}

var errHeader = fault.E(fault.CodeInvalidCiphertext, "the file's header is larger than %d bytes", maxHeader)

func (h *headerReader) Read(p []byte) (int, error) {
	if h.left == 0 {
		h.failed = errHeader
		return 0, h.failed
	}
	if h.left > 0 && len(p) > h.left {
		p = p[:h.left]
	}
	n, err := h.r.Read(p)
	if h.left > 0 {
		h.left -= n
	}
	if err != nil && err != io.EOF {
		h.failed = err
	}
	return n, err
}

// explain makes a user's error of the library's: the source's own when that
// failed, the vault's when it refused, or that the file is not as it was made.
func (h *headerReader) explain(err error) error {
	var known *fault.Error
	var nobody *age.NoIdentityMatchError
	switch {
	case h.failed != nil:
		return h.failed
	case errors.As(err, &known), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &nobody):
		return fault.E(fault.CodeInvalidCiphertext, "this age file is not for a key of the vault").
			WithHint("it is for recipients that vaultctl does not know: the age program opens it with their identity")
	}
	return fault.E(fault.CodeInvalidCiphertext, "the file was changed, cut short or added to").
		Because(err).WithHint("get it again from where it comes from; what was decrypted of it must not be used")
}

type payload struct {
	io.Reader
	src *headerReader
}

func (p *payload) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	if err != nil && err != io.EOF {
		err = p.src.explain(err)
	}
	return n, err
}
