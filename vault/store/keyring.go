package store

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io/fs"
	"time"

	"github.com/vaultd/vaultd/internal/secret"
)

// The keyring file, twice on disk ("keyring" and "keyring.backup"):
//
//	 0   8  magic "VDKEYR\x00\x01"
//	 8  16  vault id
//	24  12  nonce
//	36 176  AES-256-GCM ciphertext and tag, under the keyring key; associated
//	        data: keyringLabel, bytes 0 to 23
//	212 32  SHA-256 of bytes 0 to 211
//
//	sealed
//	 0   8  generation
//	 8   4  term of the record key
//	12   4  flags: 1 an anchor is enrolled
//	16  32  Badger key
//	48  32  journal key
//	80  32  record key
//	112  8  sequence number at which the generation begins
//	120 32  chain hash of the previous generation's journal at that number
//	152  8  time of creation, nanoseconds since 1970
const (
	keyringMagic  = "VDKEYR\x00\x01"
	keyringLabel  = "vaultd/1/keyring\x00"
	keyringPlain  = 160
	keyringHead   = 24
	keyringSealed = keyringHead + nonceSize
	keyringSum    = keyringSealed + keyringPlain + tagSize
	keyringSize   = keyringSum + sha256.Size

	flagAnchored uint32 = 1
)

type keyring struct {
	generation uint64
	term       uint32
	flags      uint32
	keys       *generationKeys
	baseSeq    uint64
	baseHead   chain
	created    time.Time
	encoded    []byte // as both files have it
}

func (k *keyring) encode(root *rootKeys, vaultID [16]byte) []byte {
	plain := make([]byte, 0, keyringPlain)
	defer func() { secret.Wipe(plain[:cap(plain)]) }()
	plain = binary.BigEndian.AppendUint64(plain, k.generation)
	plain = binary.BigEndian.AppendUint32(plain, k.term)
	plain = binary.BigEndian.AppendUint32(plain, k.flags)
	plain = append(plain, k.keys.badger.Bytes()...)
	plain = append(plain, k.keys.journal.Bytes()...)
	plain = append(plain, k.keys.record.Bytes()...)
	plain = binary.BigEndian.AppendUint64(plain, k.baseSeq)
	plain = append(plain, k.baseHead[:]...)
	plain = binary.BigEndian.AppendUint64(plain, uint64(k.created.UnixNano()))

	b := make([]byte, 0, keyringSize)
	b = append(b, keyringMagic...)
	b = append(b, vaultID[:]...)
	b = append(b, make([]byte, nonceSize)...)
	nonce := b[keyringHead:]
	rand.Read(nonce) //nolint:errcheck // never fails
	b = newAEAD(root.keyring).Seal(b, nonce, plain, append([]byte(keyringLabel), b[:keyringHead]...))
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

// checkKeyring tells what is wrong with a keyring file, without a key.
func checkKeyring(b []byte) error {
	switch {
	case len(b) != keyringSize:
		return errors.New("wrong length")
	case sha256.Sum256(b[:keyringSum]) != [sha256.Size]byte(b[keyringSum:]):
		return errors.New("checksum is wrong")
	case string(b[:len(keyringMagic)]) != keyringMagic:
		return errors.New("not a keyring, or of a newer version")
	}
	return nil
}

func decodeKeyring(b []byte, root *rootKeys, vaultID [16]byte) (*keyring, error) {
	if err := checkKeyring(b); err != nil {
		return nil, err
	}
	if [16]byte(b[8:24]) != vaultID {
		return nil, ErrWrongKey
	}
	plain, err := newAEAD(root.keyring).Open(nil, b[keyringHead:keyringSealed], b[keyringSealed:keyringSum],
		append([]byte(keyringLabel), b[:keyringHead]...))
	if err != nil {
		return nil, ErrWrongKey
	}
	defer secret.Wipe(plain)
	return &keyring{
		generation: binary.BigEndian.Uint64(plain),
		term:       binary.BigEndian.Uint32(plain[8:]),
		flags:      binary.BigEndian.Uint32(plain[12:]),
		keys: &generationKeys{
			badger:  secret.From(bytes.Clone(plain[16:48])),
			journal: secret.From(bytes.Clone(plain[48:80])),
			record:  secret.From(bytes.Clone(plain[80:112])),
		},
		baseSeq:  binary.BigEndian.Uint64(plain[112:]),
		baseHead: chain(plain[120:152]),
		created:  time.Unix(0, int64(binary.BigEndian.Uint64(plain[152:]))),
	}, nil
}

// save replaces both copies, the first one first: from then on the new
// keyring counts.
func (k *keyring) save(dir string, root *rootKeys, vaultID [16]byte) error {
	k.encoded = k.encode(root, vaultID)
	if err := writeFile(dir, fileKeyring, k.encoded); err != nil {
		return err
	}
	return writeFile(dir, fileKeyringBackup, k.encoded)
}

// loadKeyring reads the keyring. Both copies must be whole. An older backup is
// what a crash between the two replacements leaves: stale then holds what it
// has to be replaced with. Anything else that differs is damage.
func loadKeyring(dir string, root *rootKeys, vaultID [16]byte) (k *keyring, stale []byte, err error) {
	first, err := readKeyring(dir, fileKeyring)
	if err != nil {
		return nil, nil, err
	}
	second, err := readKeyring(dir, fileKeyringBackup)
	if err != nil {
		return nil, nil, err
	}
	k, err = decodeKeyring(first, root, vaultID)
	if err != nil {
		return nil, nil, err
	}
	k.encoded = first
	if bytes.Equal(first, second) {
		return k, nil, nil
	}
	backup, err := decodeKeyring(second, root, vaultID)
	if err != nil {
		k.keys.wipe()
		return nil, nil, err
	}
	backup.keys.wipe()
	if backup.generation > k.generation {
		k.keys.wipe()
		return nil, nil, corrupt(fileKeyring, "older than its backup")
	}
	return k, first, nil
}

// readKeyring reads one copy and checks it without a key.
func readKeyring(dir, file string) ([]byte, error) {
	b, err := readFile(dir, file, keyringSize)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, corrupt(file, "missing")
	}
	if err != nil {
		return nil, err
	}
	if err := checkKeyring(b); err != nil {
		return nil, corrupt(file, "%v", err)
	}
	return b, nil
}
