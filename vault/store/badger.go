package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

// This file and badgerview.go alone know Badger. What it must never rely on: Badger's own
// integrity (there is none against an attacker, and silent loss on damage),
// its durability (synchronous writes are off; the journal has them), its
// deletes, TTL, backup, read-only mode or compaction (off: it can lose data).
//
// Badger imports expvar, which registers on http.DefaultServeMux: no program
// that links this package may serve that mux.

const (
	// memTableSize is also what Badger keeps in memory for it, used or not.
	memTableSize = 2 << 20
	// valueThreshold is above maxSealed, so that the value log stays unused,
	// and within what Badger takes in one transaction: 15% of memTableSize.
	valueThreshold = 300 << 10
	// badgerMagic keeps another program's Badger directory from being opened
	// by mistake.
	badgerMagic = 0x5644
)

// What is said above, for the compiler: none of these is negative.
const (
	_ uint = valueThreshold - maxSealed - 1
	_ uint = memTableSize*15/100 - valueThreshold
)

// engine is one open Badger directory.
type engine struct {
	dir string
	db  *badger.DB
	key []byte // Badger keeps this very slice; wiped at close
	log *badgerLog

	logFile int // number of the first log file without reserved blocks
}

// openEngines are the directories that Badger has open in this process. One
// whose Close hangs on a dead disk stays among them: its goroutines may still
// write there.
var openEngines sync.Map

// engineBusy refuses a directory that must not be touched.
func engineBusy(dir string) error {
	if _, busy := openEngines.Load(dir); busy {
		return fmt.Errorf("%w: Badger still waits for the disk; restart the program", ErrFailed)
	}
	return nil
}

// openEngine opens or creates a Badger directory. onError hears of every error
// that Badger logs; it must not block.
func openEngine(dir string, key []byte, log *slog.Logger, onError func(error)) (e *engine, err error) {
	defer fence(&err)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := engineBusy(dir); err != nil {
		return nil, err
	}
	e = &engine{dir: dir, key: bytes.Clone(key), log: newBadgerLog(log, onError)}
	if err := makeDiscardFile(dir); err != nil {
		return nil, err
	}
	o := badger.DefaultOptions(dir).
		WithEncryptionKey(e.key).
		WithEncryptionKeyRotationDuration(100 * 365 * 24 * time.Hour). // one data key per generation
		WithSyncWrites(false).
		WithMemTableSize(memTableSize).
		WithNumMemtables(2).
		WithValueThreshold(valueThreshold).
		WithValueLogFileSize(1 << 20).
		WithNumCompactors(0).
		WithNumLevelZeroTables(100_000).
		WithNumLevelZeroTablesStall(200_000).
		WithCompactL0OnClose(false).
		WithBlockCacheSize(1 << 20).
		WithIndexCacheSize(max(8<<20, directorySize(dir)/40)).
		WithCompression(options.None).
		WithChecksumVerificationMode(options.NoVerification). // every byte is attested before, every record sealed
		WithNumVersionsToKeep(1).
		WithDetectConflicts(false).
		WithMetricsEnabled(false).
		WithExternalMagic(badgerMagic).
		WithLogger(e.log)
	if e.db, err = badger.Open(o); err != nil {
		return nil, fmt.Errorf("open badger: %w", err)
	}
	openEngines.Store(dir, nil)
	if err = e.findLog(); err == nil {
		err = e.reserve()
	}
	if err != nil {
		return nil, errors.Join(err, e.close())
	}
	return e, nil
}

// patience is how long Badger may take to come back after it has reported an
// error. It tries a failed flush again for ever, and writers wait for it.
const patience = 3 * time.Second

// guard runs fn, and gives up waiting for it when Badger has reported an error
// and fn does not return.
func (e *engine) guard(fn func() error) error {
	done := make(chan error, 1)
	go func() {
		done <- func() (err error) {
			defer fence(&err)
			return fn()
		}()
	}()
	select {
	case err := <-done:
		return err
	case <-e.log.broken:
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case err := <-done:
		return errors.Join(err, e.log.failure())
	case <-timer.C:
		return fmt.Errorf("badger hangs: %w", e.log.failure())
	}
}

// makeDiscardFile makes the file in which Badger would count garbage in value
// logs. Badger ends the process when it can't make it itself.
func makeDiscardFile(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, "DISCARD"), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	err = f.Truncate(1 << 20)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		os.Remove(f.Name()) //nolint:errcheck // the directory is dropped with it
	}
	return err
}

func directorySize(dir string) (n int64) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return 0
	}
	for _, f := range list {
		if info, err := f.Info(); err == nil {
			n += info.Size()
		}
	}
	return n
}

// fence turns a panic of Badger, or a fault in a file it has mapped, into an
// error. Panics in Badger's own goroutines can't be caught; they are kept
// away by never showing it bytes that were not attested.
func fence(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("badger: panic: %v", r)
	}
}

// faults makes a read error of a mapped file a panic that fence catches,
// instead of the end of the process. It is used as defer faults()().
func faults() func() {
	old := debug.SetPanicOnFault(true)
	return func() { debug.SetPanicOnFault(old) }
}

// view gives fn the sealed record at n, or nil. The bytes are valid only
// during the call.
func (e *engine) view(n name, fn func(sealed []byte) error) (err error) {
	defer fence(&err)
	defer faults()()
	txn := e.db.NewTransaction(false)
	defer txn.Discard()
	item, err := txn.Get(n[:])
	if errors.Is(err, badger.ErrKeyNotFound) {
		return fn(nil)
	}
	if err != nil {
		return fmt.Errorf("badger: get: %w", err)
	}
	return item.Value(fn)
}

// apply writes records. It is not atomic when they are many; nothing depends
// on that.
func (e *engine) apply(ops []op) error {
	return e.guard(func() error { return e.applyNow(ops) })
}

func (e *engine) applyNow(ops []op) error {
	txn := e.db.NewTransaction(true)
	defer func() { txn.Discard() }()
	for _, o := range ops {
		err := txn.Set(o.name[:], o.sealed)
		if errors.Is(err, badger.ErrTxnTooBig) {
			if err := txn.Commit(); err != nil {
				return fmt.Errorf("badger: commit: %w", err)
			}
			txn = e.db.NewTransaction(true)
			err = txn.Set(o.name[:], o.sealed)
		}
		if err != nil {
			return fmt.Errorf("badger: set: %w", err)
		}
	}
	if err := txn.Commit(); err != nil {
		return fmt.Errorf("badger: commit: %w", err)
	}
	return nil
}

// scan gives fn every record, from several goroutines at once, worker telling
// them apart. Names are uniform, so the name space is split evenly.
func (e *engine) scan(workers int, fn func(worker int, n name, sealed []byte) error) error {
	workers = min(max(workers, 1), 256)
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			low, high := 256*w/workers, 256*(w+1)/workers
			errs[w] = e.scanRange(byte(low), high, func(n name, sealed []byte) error { return fn(w, n, sealed) })
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// scanRange visits the names whose first byte is at least low and below high.
func (e *engine) scanRange(low byte, high int, fn func(name, []byte) error) (err error) {
	defer fence(&err)
	defer faults()()
	txn := e.db.NewTransaction(false)
	defer txn.Discard()
	it := txn.NewIterator(badger.IteratorOptions{})
	defer it.Close()
	for it.Seek([]byte{low}); it.Valid(); it.Next() {
		item := it.Item()
		key := item.Key()
		if len(key) != len(name{}) {
			return errors.New("badger: key of a wrong length")
		}
		if int(key[0]) >= high {
			break
		}
		n := name(key)
		if err := item.Value(func(v []byte) error { return fn(n, v) }); err != nil {
			return err
		}
	}
	return nil
}

// loader fills an engine with many records. It uses ordinary transactions, one
// after the other: Badger ends the process when it is given a write after one
// for which it could not make a log file, which a WriteBatch would do.
type loader struct {
	engine *engine
	ops    []op
	size   int
}

func (e *engine) newLoader() *loader { return &loader{engine: e} }

// put takes a copy of the sealed record.
func (l *loader) put(n name, sealed []byte) error {
	l.ops = append(l.ops, op{n, bytes.Clone(sealed)})
	if l.size += len(sealed); l.size < memTableSize/8 {
		return nil
	}
	return l.flush()
}

// flush writes what was put.
func (l *loader) flush() error {
	ops := l.ops
	l.ops, l.size = nil, 0
	if err := l.engine.reserve(); err != nil {
		return err
	}
	return l.engine.apply(ops)
}

func (e *engine) tables() (n int) {
	for _, level := range e.db.Levels() {
		n += level.NumTables
	}
	return n
}

// close flushes and closes Badger.
func (e *engine) close() error { return e.end(e.db.Close) }

// discard empties Badger without writing its memory to disk, and closes it.
func (e *engine) discard() error {
	return e.end(func() error { return errors.Join(e.db.DropAll(), e.db.Close()) })
}

func (e *engine) end(fn func() error) error {
	err := e.guard(func() error {
		err := fn()
		openEngines.Delete(e.dir)
		return err
	})
	clear(e.key)
	if err != nil {
		return fmt.Errorf("close badger: %w", err)
	}
	return e.log.failure()
}
