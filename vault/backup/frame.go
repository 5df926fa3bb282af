package backup

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/vaultd/vaultd/internal/secret"
)

// Frames have frameSize bytes of content but the last, which has at least one.
const (
	frameSize = 64 << 10
	tagSize   = 16
	fileLabel = "vaultd/1/backup/file"
)

// newAEAD is AES-256-GCM under the key of one file: HKDF-SHA-256 of the vault's
// backup key, with the file's salt, and the checksum of its header in the info.
func newAEAD(key []byte, h *Header, checksum [32]byte) (cipher.AEAD, error) {
	if len(key) != 32 {
		return nil, fmt.Errorf("a backup key has 32 bytes, not %d", len(key))
	}
	k, err := hkdf.Key(sha256.New, key, h.Salt[:], fileLabel+"\x00"+string(checksum[:]), 32)
	if err != nil {
		return nil, err
	}
	defer secret.Wipe(k)
	block, err := aes.NewCipher(k)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// nonce of a frame: its number in 11 bytes, and 1 for the last. The key is the
// file's own, so that none comes twice.
type nonce [12]byte

func nonceOf(number uint64, last bool) (n nonce) {
	binary.BigEndian.PutUint64(n[3:], number)
	if last {
		n[11] = 1
	}
	return n
}

// sealer seals what is written to it in frames. It holds a full frame back until
// more comes, since it may be the last.
type sealer struct {
	w      io.Writer
	aead   cipher.AEAD
	sum    hash.Hash // over everything written to w
	number uint64
	plain  []byte
	sealed []byte
}

func (s *sealer) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		if len(s.plain) == frameSize {
			if err := s.flush(false); err != nil {
				return 0, err
			}
		}
		part := min(frameSize-len(s.plain), len(b))
		s.plain = append(s.plain, b[:part]...)
		b = b[part:]
	}
	return n, nil
}

func (s *sealer) flush(last bool) error {
	nonce := nonceOf(s.number, last)
	s.sealed = s.aead.Seal(s.sealed[:0], nonce[:], s.plain, nil)
	secret.Wipe(s.plain)
	s.plain = s.plain[:0]
	s.number++
	return s.put(s.sealed)
}

func (s *sealer) put(b []byte) error {
	s.sum.Write(b)
	_, err := s.w.Write(b)
	return err
}

// opener reads the content of the frames of a file whose length is known.
type opener struct {
	r      io.Reader
	aead   cipher.AEAD
	sum    hash.Hash
	left   int64 // bytes of frames not yet read
	number uint64
	plain  []byte // content not yet read
	frame  []byte
}

func (o *opener) Read(b []byte) (int, error) {
	for len(o.plain) == 0 {
		if o.left == 0 {
			return 0, io.EOF
		}
		if err := o.next(); err != nil {
			return 0, err
		}
	}
	n := copy(b, o.plain)
	o.plain = o.plain[n:]
	return n, nil
}

func (o *opener) next() error {
	size := min(o.left, frameSize+tagSize)
	last := size == o.left
	if size <= tagSize {
		return damaged("it ends with %d bytes that are no frame", size)
	}
	o.frame = o.frame[:size]
	if _, err := io.ReadFull(o.r, o.frame); err != nil {
		return orRead(err, errors.New("the backup got shorter while it was read"))
	}
	o.sum.Write(o.frame)
	nonce := nonceOf(o.number, last)
	plain, err := o.aead.Open(o.frame[:0], nonce[:], o.frame, nil)
	if err != nil {
		if o.number == 0 {
			return damaged("its first frame does not open: that or the header was changed, or the file was cut, or the key is another's")
		}
		return damaged("frame %d does not open: it was changed, or the file was cut or joined", o.number)
	}
	o.number++
	o.left -= size
	o.plain = plain
	return nil
}
