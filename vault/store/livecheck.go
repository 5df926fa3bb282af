package store

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// A snapshot can be checked against the files while commits go on: what the
// store keeps in memory says what every byte must be. Next does that for Badger.

// CheckKeyring compares both copies of the keyring, and the anchor, with what
// the store wrote.
func (p *Snapshot) CheckKeyring(ctx context.Context) (found []Finding, err error) {
	s := p.s
	err = s.do(ctx, func() error {
		if err := s.Err(); err != nil {
			return err
		}
		for _, file := range []string{fileKeyring, fileKeyringBackup} {
			b, err := readFile(s.opts.Dir, file, keyringSize)
			if found, err = p.noted(found, file, err); err != nil {
				return err
			}
			if b != nil && !bytes.Equal(b, s.ring.encoded) {
				found = append(found, Finding{File: file, Offset: -1, What: "is not what the store wrote", Severity: Damage})
			}
		}
		if s.anchor == nil {
			return nil
		}
		mark, err := readAnchor(s.opts.AnchorPath, s.root.anchor, s.opts.VaultID)
		switch {
		case errors.Is(err, errAnchorDamaged):
		case err != nil:
			return err
		case mark != nil && *mark == s.anchor.last:
			return nil
		}
		found = append(found, Finding{File: s.opts.AnchorPath, Offset: -1, What: "is not what the store wrote", Severity: Damage})
		return nil
	})
	return found, err
}

// noted makes a finding of what is wrong with a file, and passes other errors on.
func (p *Snapshot) noted(found []Finding, file string, err error) ([]Finding, error) {
	var damage *ErrCorrupt
	switch {
	case errors.Is(err, os.ErrNotExist):
		return append(found, Finding{File: file, Offset: -1, What: "missing", Severity: Damage}), nil
	case errors.As(err, &damage):
		return append(found, Finding{File: damage.Where, Offset: -1, What: damage.What, Severity: Damage}), nil
	}
	return found, err
}

// CheckJournal reads copy 0 or 1 of the journal up to the snapshot's commit. Its
// hash chain has to be the one that the store went through as it wrote.
func (p *Snapshot) CheckJournal(ctx context.Context, which int) ([]Finding, error) {
	file := journalNames(p.ring.generation)[which]
	f, _, err := openRegular(filepath.Join(p.s.opts.Dir, file), os.O_RDONLY)
	if err != nil {
		return p.noted(nil, file, err)
	}
	defer f.Close()
	w := walker{frame: func(chain, int64, []byte) error { return ctx.Err() }}
	at, err := w.read(bufio.NewReaderSize(io.LimitReader(f, p.at.end), 256<<10), file, p.at.end)
	if err != nil {
		return p.noted(nil, file, err)
	}
	switch {
	case at.frames < p.at.frames:
		return []Finding{{File: file, Offset: at.end, What: "frame is damaged", Severity: Damage}}, nil
	case at.end != p.at.end || at.head != p.at.head:
		return []Finding{{File: file, Offset: -1, What: "is not what the store wrote", Severity: Damage}}, nil
	}
	return nil, nil
}

// Damaged makes a finding of what Next returned for a damaged record, and nil of
// other errors.
func (p *Snapshot) Damaged(item Item, err error) *Finding {
	var damage *ErrCorrupt
	if !errors.As(err, &damage) {
		return nil
	}
	f := &Finding{File: damage.Where, Offset: -1, What: damage.What, Severity: Damage}
	if item.Name != [16]byte(stateName) {
		f.Record = fmt.Sprintf("%x", item.Name)
	}
	return f
}
