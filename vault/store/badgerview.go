package store

import (
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"
)

// engineView is Badger as it was when the view was made, whatever is written
// meanwhile. Nothing compacts, so that a view holds up nothing; but Badger must
// not be closed before it. It is not for concurrent use.
type engineView struct {
	txn *badger.Txn
	it  *badger.Iterator
}

func (e *engine) newView() (v *engineView, err error) {
	defer fence(&err)
	defer faults()()
	v = &engineView{txn: e.db.NewTransaction(false)}
	v.it = v.txn.NewIterator(badger.IteratorOptions{})
	v.it.Rewind()
	return v, nil
}

// next gives fn the next record in the order of names, and goes on behind it
// whatever fn returns. It reports false when there is none left.
func (v *engineView) next(fn func(n name, sealed []byte) error) (more bool, err error) {
	defer fence(&err)
	defer faults()()
	if !v.it.Valid() {
		return false, nil
	}
	item := v.it.Item()
	key := item.Key()
	if len(key) != len(name{}) {
		return false, errors.New("badger: key of a wrong length")
	}
	n := name(key)
	err = item.Value(func(b []byte) error { return fn(n, b) })
	v.it.Next()
	return true, err
}

// get gives fn the sealed record at n, or nil.
func (v *engineView) get(n name, fn func(sealed []byte) error) (err error) {
	defer fence(&err)
	defer faults()()
	item, err := v.txn.Get(n[:])
	if errors.Is(err, badger.ErrKeyNotFound) {
		return fn(nil)
	}
	if err != nil {
		return fmt.Errorf("badger: get: %w", err)
	}
	return item.Value(fn)
}

func (v *engineView) close() (err error) {
	defer fence(&err)
	v.it.Close()
	v.txn.Discard()
	return nil
}
