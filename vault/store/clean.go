package store

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/vaultd/vaultd/internal/secret"
)

// The file "clean" exists while the store is closed and was closed in order.
// It attests every byte of the Badger directory and of the journal:
//
//	 0   8  magic "VDCLEAN\x01"
//	 8  16  vault id
//	24   8  generation
//	32  12  nonce
//	44   n  AES-256-GCM ciphertext and tag, under the clean key; associated
//	        data: cleanLabel, bytes 0 to 31
//	44+n 32 SHA-256 of all before
//
//	sealed
//	 0  64  state
//	64  32  chain hash of the journal's last frame
//	96   8  length of the journal in bytes
//	104  8  number of frames
//	112  4  number of files in the Badger directory
//	116     for each: name length (1), name, size (8), SHA-256 (32)
const (
	cleanMagic  = "VDCLEAN\x01"
	cleanLabel  = "vaultd/1/clean\x00"
	cleanHead   = 32
	cleanSealed = cleanHead + nonceSize
	cleanFixed  = 116
	maxClean    = 1 << 20
	maxDBFiles  = 4096
)

type fileSum struct {
	name string
	size int64
	sum  [sha256.Size]byte
}

type attestation struct {
	state  state
	head   chain
	length int64
	frames uint64
	files  []fileSum
}

func (a *attestation) encode(key *secret.Bytes, vaultID [16]byte, generation uint64) []byte {
	plain := a.state.append(nil)
	plain = append(plain, a.head[:]...)
	plain = binary.BigEndian.AppendUint64(plain, uint64(a.length))
	plain = binary.BigEndian.AppendUint64(plain, a.frames)
	plain = binary.BigEndian.AppendUint32(plain, uint32(len(a.files)))
	for _, f := range a.files {
		plain = append(plain, byte(len(f.name)))
		plain = append(plain, f.name...)
		plain = binary.BigEndian.AppendUint64(plain, uint64(f.size))
		plain = append(plain, f.sum[:]...)
	}
	b := append([]byte(cleanMagic), vaultID[:]...)
	b = binary.BigEndian.AppendUint64(b, generation)
	b = append(b, make([]byte, nonceSize)...)
	nonce := b[cleanHead:]
	rand.Read(nonce) //nolint:errcheck // never fails
	b = newAEAD(key).Seal(b, nonce, plain, append([]byte(cleanLabel), b[:cleanHead]...))
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

// checkClean tells what is wrong with an attestation, without a key.
func checkClean(b []byte) error {
	if len(b) < cleanSealed+cleanFixed+tagSize+sha256.Size {
		return errors.New("too short")
	}
	end := len(b) - sha256.Size
	if sha256.Sum256(b[:end]) != [sha256.Size]byte(b[end:]) {
		return errors.New("checksum is wrong")
	}
	if string(b[:len(cleanMagic)]) != cleanMagic {
		return errors.New("not an attestation, or of a newer version")
	}
	return nil
}

func decodeClean(b []byte, key *secret.Bytes, vaultID [16]byte, generation uint64) (*attestation, error) {
	if err := checkClean(b); err != nil {
		return nil, err
	}
	if [16]byte(b[8:24]) != vaultID || binary.BigEndian.Uint64(b[24:]) != generation {
		return nil, errors.New("belongs to another vault or generation")
	}
	plain, err := newAEAD(key).Open(nil, b[cleanHead:cleanSealed], b[cleanSealed:len(b)-sha256.Size],
		append([]byte(cleanLabel), b[:cleanHead]...))
	if err != nil {
		return nil, errors.New("does not authenticate")
	}
	return parseAttestation(plain)
}

func parseAttestation(b []byte) (*attestation, error) {
	short := errors.New("attestation is malformed")
	if len(b) < cleanFixed {
		return nil, short
	}
	st, err := parseState(b[:stateSize])
	if err != nil {
		return nil, err
	}
	a := &attestation{
		state:  st,
		head:   chain(b[64:96]),
		length: int64(binary.BigEndian.Uint64(b[96:])),
		frames: binary.BigEndian.Uint64(b[104:]),
	}
	count := binary.BigEndian.Uint32(b[112:])
	b = b[cleanFixed:]
	if count > maxDBFiles {
		return nil, short
	}
	for range count {
		if len(b) < 1 || len(b) < 1+int(b[0])+8+sha256.Size {
			return nil, short
		}
		n := int(b[0])
		f := fileSum{name: string(b[1 : 1+n]), size: int64(binary.BigEndian.Uint64(b[1+n:]))}
		f.sum = [sha256.Size]byte(b[9+n:])
		b = b[9+n+sha256.Size:]
		a.files = append(a.files, f)
	}
	if len(b) != 0 {
		return nil, short
	}
	return a, nil
}

// readClean returns nil if the store was not closed in order.
func readClean(dir string, key *secret.Bytes, vaultID [16]byte, generation uint64) (*attestation, error) {
	b, err := readFile(dir, fileClean, maxClean)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	a, err := decodeClean(b, key, vaultID, generation)
	if err != nil {
		return nil, corrupt(fileClean, "%v", err)
	}
	return a, nil
}

// sumFiles hashes every file of a directory, sorted by name; with sync it
// makes each durable first.
func sumFiles(dir string, sync bool) ([]fileSum, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	if len(list) > maxDBFiles {
		return nil, errors.New("too many files")
	}
	sums := make([]fileSum, len(list))
	var g errgroup.Group
	g.SetLimit(2)
	for i, entry := range list {
		g.Go(func() (err error) {
			sums[i], err = sumFile(dir, entry.Name(), sync)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	slices.SortFunc(sums, func(a, b fileSum) int { return strings.Compare(a.name, b.name) })
	if sync {
		err = syncDir(dir)
	}
	return sums, err
}

func sumFile(dir, file string, sync bool) (fileSum, error) {
	flag := os.O_RDONLY
	if sync {
		flag = os.O_RDWR // some systems sync only what is open for writing
	}
	f, _, err := openRegular(filepath.Join(dir, file), flag)
	if err != nil {
		return fileSum{}, err
	}
	defer f.Close()
	if sync {
		if err := f.Sync(); err != nil {
			return fileSum{}, err
		}
	}
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return fileSum{}, err
	}
	s := fileSum{name: file, size: n}
	h.Sum(s.sum[:0])
	return s, nil
}

// compareFiles says which file differs from what was attested.
func compareFiles(db string, attested, found []fileSum) error {
	have := make(map[string]fileSum, len(found))
	for _, f := range found {
		have[f.name] = f
	}
	for _, want := range attested {
		got, ok := have[want.name]
		where := filepath.Join(db, want.name)
		switch {
		case !ok:
			return corrupt(where, "missing")
		case got.size != want.size:
			return corrupt(where, "%d bytes long, was %d when the store was closed", got.size, want.size)
		case got.sum != want.sum:
			return corrupt(where, "changed since the store was closed")
		}
		delete(have, want.name)
	}
	for _, f := range found {
		if _, ok := have[f.name]; ok {
			return corrupt(filepath.Join(db, f.name), "was not there when the store was closed")
		}
	}
	return nil
}
