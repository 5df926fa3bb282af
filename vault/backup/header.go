package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// Bounds and sizes of a header.
const (
	magic          = "vaultd\x00B"
	format         = 1
	saltSize       = 32
	headerFixed    = 8 + 2 + 4 + 16 + 8 + 8 + 1 + 8 + 32 + saltSize + 4
	maxVaultHeader = 64 << 10
	// MaxHeader is the longest header, in bytes.
	MaxHeader = headerFixed + maxVaultHeader + sha256.Size
)

// Reasons why bytes are no backup.
var (
	// ErrNoBackup says that a file does not begin as a backup does.
	ErrNoBackup = errors.New("not a backup of a vault")
	// ErrNewer says that a newer vaultd made it.
	ErrNewer = errors.New("backup was made by a newer vaultd")
	// ErrDamaged says that a byte is not what was written.
	ErrDamaged = errors.New("backup is damaged")
)

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

// Content says what a backup holds.
type Content uint8

// The contents.
const (
	Full    Content = 0 // every record
	Changes Content = 1 // those that changed or were deleted since the base
	// ChangesAndKept is Changes for a store that no longer knows what was deleted:
	// it names the records that are as they were, and all others are gone.
	ChangesAndKept Content = 2
)

// Hash identifies a backup: SHA-256 over the whole file but its last 32 bytes,
// which are the hash.
type Hash [sha256.Size]byte

// Header is what a backup says of itself in clear. The key of the frames is
// bound to every byte of it.
type Header struct {
	VaultID  [16]byte
	Created  time.Time // whole microseconds
	Seq      uint64    // of the commit that it shows
	Content  Content
	BaseSeq  uint64 // of the backup that it builds on; 0 for a full one
	BaseHash Hash
	Salt     [saltSize]byte
	Vault    []byte // the vault's header: its key slots open the backup
}

// Append encodes the header, its checksum included.
func (h *Header) Append(b []byte) []byte {
	start := len(b)
	b = append(b, magic...)
	b = binary.BigEndian.AppendUint16(b, format)
	b = binary.BigEndian.AppendUint32(b, uint32(headerFixed+len(h.Vault)+sha256.Size))
	b = append(b, h.VaultID[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(h.Created.UnixMicro()))
	b = binary.BigEndian.AppendUint64(b, h.Seq)
	b = append(b, byte(h.Content))
	b = binary.BigEndian.AppendUint64(b, h.BaseSeq)
	b = append(b, h.BaseHash[:]...)
	b = append(b, h.Salt[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(h.Vault)))
	b = append(b, h.Vault...)
	sum := sha256.Sum256(b[start:])
	return append(b, sum[:]...)
}

// maxMicro is the end of the year 9999.
const maxMicro = 253402300799_999_999

// ReadHeader reads a header and returns it with its length. Nothing of it is
// authentic before the first frame has opened.
func ReadHeader(r io.Reader) (*Header, int, error) {
	b := make([]byte, headerFixed)
	if n, err := io.ReadFull(r, b); err != nil {
		if n < len(magic) || !bytes.HasPrefix(b, []byte(magic)) {
			return nil, 0, orRead(err, ErrNoBackup)
		}
		return nil, 0, orRead(err, damaged("it ends within its header"))
	}
	if !bytes.HasPrefix(b, []byte(magic)) {
		return nil, 0, ErrNoBackup
	}
	if binary.BigEndian.Uint16(b[8:]) != format {
		return nil, 0, ErrNewer
	}
	length := int64(binary.BigEndian.Uint32(b[10:]))
	if length < headerFixed+sha256.Size || length > MaxHeader {
		return nil, 0, damaged("its header can't have %d bytes", length)
	}
	b = append(b, make([]byte, length-headerFixed)...)
	if _, err := io.ReadFull(r, b[headerFixed:]); err != nil {
		return nil, 0, orRead(err, damaged("it ends within its header"))
	}
	h, err := parseHeader(b)
	return h, int(length), err
}

// orRead is why a read ended early: what is wrong with the file, or the error.
func orRead(err, short error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return short
	}
	return fmt.Errorf("read the backup: %w", err)
}

// parseHeader takes a whole header of the right length apart.
func parseHeader(b []byte) (*Header, error) {
	end := len(b) - sha256.Size
	if sum := sha256.Sum256(b[:end]); !bytes.Equal(sum[:], b[end:]) {
		return nil, damaged("the checksum of its header is wrong")
	}
	micro := binary.BigEndian.Uint64(b[30:])
	h := &Header{
		VaultID: [16]byte(b[14:30]), Created: time.UnixMicro(int64(micro)).UTC(), Seq: binary.BigEndian.Uint64(b[38:]),
		Content: Content(b[46]), BaseSeq: binary.BigEndian.Uint64(b[47:]), BaseHash: Hash(b[55:87]), Salt: [32]byte(b[87:119]),
		Vault: bytes.Clone(b[headerFixed:end]),
	}
	full := h.Content == Full
	if micro > maxMicro || int(binary.BigEndian.Uint32(b[119:])) != len(h.Vault) || h.Content > ChangesAndKept ||
		full != (h.BaseHash == Hash{}) || full && h.BaseSeq != 0 || h.BaseSeq > h.Seq {
		return nil, damaged("its header says what none can")
	}
	return h, nil
}
