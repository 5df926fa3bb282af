package audit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"
)

// checkpointed makes the head durable: signed when there is a key, and as the
// unsigned state when there is none. The hash file is synced first, so that
// every hash below either of them is on disk. Its result is also in Status.
func (l *Log) checkpointed() error {
	err := l.checkpoint()
	l.mu.Lock()
	l.checkpointErr = err
	l.mu.Unlock()
	return err
}

func (l *Log) checkpoint() error {
	head := l.edge.head()
	if err := l.hashes.sync(); err != nil {
		return err
	}
	if l.signer == nil {
		if head == l.state {
			return nil
		}
		if err := replaceFile(filepath.Join(l.dir, stateName), []byte(checkpointText(stateOrigin, head))); err != nil {
			return fmt.Errorf("write the log's state: %w", err)
		}
		l.state = head
		return nil
	}
	if !l.publicWritten {
		if err := replaceFile(filepath.Join(l.dir, publicName), []byte(l.signer.public+"\n")); err != nil {
			return fmt.Errorf("write the verifier key: %w", err)
		}
		l.publicWritten = true
	}
	if head == l.newest.Head && l.newest.Origin == l.signer.origin && l.newest.Note != nil {
		return nil
	}
	signed, err := note.Sign(&note.Note{Text: checkpointText(l.signer.origin, head)}, l.signer)
	if err != nil {
		return fmt.Errorf("sign a checkpoint: %w", err)
	}
	if err := l.keep(signed); err != nil {
		return fmt.Errorf("write a checkpoint: %w", err)
	}
	l.mu.Lock()
	l.newest = Checkpoint{l.signer.origin, head, signed}
	l.newestTime = l.now()
	l.mu.Unlock()
	return nil
}

// stateOrigin is where the origin of an unsigned state stands. It has a space,
// so that nobody takes it for a checkpoint's.
const stateOrigin = "vaultd audit state, unsigned"

// keep appends a checkpoint to the history and makes it the newest.
func (l *Log) keep(signed []byte) error {
	f, err := os.OpenFile(filepath.Join(l.dir, historyName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	_, err = f.WriteAt(append(signed[:len(signed):len(signed)], '\n'), info.Size())
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return errors.Join(err, f.Truncate(info.Size()))
	}
	return replaceFile(filepath.Join(l.dir, newestName), signed)
}

// Checkpoint signs the log's head now, hot records included, and returns it.
// Without a key it returns the newest that there is, or ErrNotCovered.
func (l *Log) Checkpoint() (Checkpoint, error) {
	l.files.Lock()
	defer l.files.Unlock()
	if l.isClosed() {
		return Checkpoint{}, ErrClosed
	}
	l.commit()
	err := l.checkpointed()
	if err != nil {
		return Checkpoint{}, unavailable(err)
	}
	if l.newest.Note == nil {
		return Checkpoint{}, ErrNotCovered
	}
	return l.newest, nil
}

// PublicKey is the verifier key of the signer, or that of audit.pub while
// there is no signer; empty when neither is there.
func (l *Log) PublicKey() string {
	l.files.Lock()
	defer l.files.Unlock()
	if l.signer != nil {
		return l.signer.public
	}
	return PublicKey(l.dir)
}
