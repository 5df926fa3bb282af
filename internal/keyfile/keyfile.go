package keyfile

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/vaultd/vaultd/internal/secret"
)

// Size is the length of a key file in bytes.
const Size = 32

// Create makes a new key file of mode 0400 at path, belonging to uid, and returns
// its bytes, which the caller wipes. It never touches a file that is there. Only
// root can give files away.
func Create(path string, uid int) (key *secret.Bytes, err error) {
	if key, err = secret.Read(rand.Reader, Size); err != nil {
		return nil, fmt.Errorf("make random bytes: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o400)
	if err != nil {
		key.Wipe()
		return nil, err
	}
	_, err = f.Write(key.Bytes())
	if err == nil && uid != os.Geteuid() {
		err = f.Chown(uid, -1)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		key.Wipe()
		return nil, errors.Join(err, os.Remove(path))
	}
	return key, nil
}

// Read returns the bytes of a key file, which the caller wipes. It refuses one that
// somebody besides root and its owner can read or write, one of
// another user, and one that has not exactly 32 bytes.
func Read(path string) (*secret.Bytes, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|noWait, 0) // nor wait for a FIFO that was put there
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	if err := private(path, info); err != nil {
		return nil, err
	}
	return Bytes(path, f)
}

// Bytes reads exactly the bytes of a key from r, and nothing may follow them. It
// looks at no permissions. Path is for messages.
func Bytes(path string, r io.Reader) (*secret.Bytes, error) {
	buffer := secret.New(Size + 1) // one shows that there is more
	defer buffer.Wipe()
	n, err := io.ReadFull(r, buffer.Bytes())
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	if n != Size {
		return nil, fmt.Errorf("%s does not hold exactly %d bytes: it is no key that vaultd made", path, Size)
	}
	key := secret.New(Size)
	copy(key.Bytes(), buffer.Bytes()[:Size])
	return key, nil
}

// syncDir makes the name of a new file durable.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
