package vault

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/vaultd/vaultd/crypto/keytype"
)

// keyring is the index of an unsealed vault in memory: every key with its
// metadata, found by name or id, and every owner. Material joins it at first
// use.
type keyring struct {
	mu        sync.RWMutex // guards what follows, but not what is inside a key or owner
	all       []*key       // every key, in the order in which they came; none ever leaves
	keys      map[Name]*key
	aliases   map[Name]*alias
	ids       map[KeyID]*key
	owners    map[string]*owner
	sorted    []string // names of recorded owners
	unsettled []*owner // those with fresh names
	// tombs has the tombstone of every revoked key, whether or not the key's
	// own record is still there.
	tombs map[KeyID]*revocationRecord
}

// key is one key in memory.
type key struct {
	name  Name
	id    KeyID
	typ   *keytype.Type
	owner *owner

	required []requirement // of every context, see bind
	bindsTo  []string      // names in required that the caller's own values go with
	tracked  *tracker      // of its ciphertexts; nil when it does not track them

	// write serialises changes to the key; it is taken before mu and held
	// over a commit.
	write sync.Mutex
	// mu guards what follows. It is held shared while a handle is in use,
	// so that destruction waits for the operations that are running.
	mu         sync.RWMutex
	rec        *keyRecord // replaced, never changed
	recVersion uint64     // of its record in the store
	revoked    *revocationRecord
	handles    []keytype.Key // by version-1; nil until first use
	prints     []string      // formatted fingerprints, by version-1; there once there was a handle

	// Refused uses while a destruction is set, and the time of the last in
	// microseconds since 1970.
	attempts    atomic.Uint64
	lastAttempt atomic.Int64
}

// owner is one namespace in memory. One that is not recorded yet stands for a
// name under which somebody tries to make a first key.
type owner struct {
	name string
	// revoked mirrors the record for the operations that hold no lock on it.
	revoked atomic.Bool
	tracked atomic.Int64 // ciphertexts that its keys have registered
	// life guards rec and recVersion. Changes to the owner's keys hold it
	// shared over their commit, changes to the owner exclusively.
	life       sync.RWMutex
	rec        *ownerRecord // replaced, never changed; nil until recorded
	recVersion uint64

	// What follows is guarded by keyring.mu.
	keys   []string // key names, sorted
	fresh  []string // names of new keys, not sorted in yet
	unborn int      // keys that are about to be stored
}

func newKeyring() *keyring {
	return &keyring{
		keys: make(map[Name]*key), aliases: make(map[Name]*alias), ids: make(map[KeyID]*key), owners: make(map[string]*owner),
		tombs: make(map[KeyID]*revocationRecord),
	}
}

// named finds a key by name; nil when there is none.
func (r *keyring) named(n Name) *key {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.keys[n]
}

// lookup finds a key by name.
func (r *keyring) lookup(n Name) (*key, error) {
	if k := r.named(n); k != nil {
		return k, nil
	}
	return nil, E(CodeKeyNotFound, "there is no key %s", n)
}

// byID finds a key by the id that ciphertexts carry; nil when there is none.
func (r *keyring) byID(id KeyID) *key {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.ids[id]
}

// owner finds an owner, or makes an unrecorded one.
func (r *keyring) owner(name string) *owner {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.owners[name]
	if o == nil {
		o = &owner{name: name}
		r.owners[name] = o
	}
	return o
}

// existing finds an owner without making one; nil when there is none.
func (r *keyring) existing(name string) *owner {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.owners[name]
}

// record enters a committed owner record. The caller holds o.life exclusively.
func (r *keyring) record(o *owner, rec *ownerRecord, version uint64) {
	if o.rec == nil {
		r.mu.Lock()
		i, _ := slices.BinarySearch(r.sorted, o.name)
		r.sorted = slices.Insert(r.sorted, i, o.name)
		r.mu.Unlock()
	}
	o.rec, o.recVersion = rec, version
	o.revoked.Store(rec.revoked() != nil)
}

// add enters a committed key in the place that expect set aside. Its name is sorted in by the next listing: here
// it would cost every writer a shift of all names behind it.
func (r *keyring) add(k *key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, k)
	r.keys[k.name], r.ids[k.id] = k, k
	k.owner.unborn--
	if len(k.owner.fresh) == 0 {
		r.unsettled = append(r.unsettled, k.owner)
	}
	k.owner.fresh = append(k.owner.fresh, k.name.key)
}

// settle sorts in the names of the keys added until now. What lists keys calls
// it first.
func (r *keyring) settle() {
	r.mu.RLock()
	settled := len(r.unsettled) == 0
	r.mu.RUnlock()
	if settled {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sortIn()
}

// sortIn is settle for who holds mu exclusively.
func (r *keyring) sortIn() {
	for _, o := range r.unsettled {
		o.keys = append(o.keys, o.fresh...)
		slices.Sort(o.keys)
		o.fresh = nil
	}
	r.unsettled = nil
}

// everyKey is a snapshot of all keys.
func (r *keyring) everyKey() []*key {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.all[:len(r.all):len(r.all)]
}

// counts tells how many keys and owners there are.
func (r *keyring) counts() (keys, owners int) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.keys), len(r.sorted)
}

// keysOf is a snapshot of an owner's keys, sorted by name.
func (r *keyring) keysOf(o *owner) []*key {
	r.mu.Lock() // not to miss a key that comes between sorting and reading
	defer r.mu.Unlock()
	r.sortIn()
	keys := make([]*key, len(o.keys))
	for i, name := range o.keys {
		keys[i] = r.keys[Name{o.name, name}]
	}
	return keys
}

// wipe destroys all key material in memory. No operation runs any more, but the
// timekeeper may still be ending keys whose time is over.
func (r *keyring) wipe() {
	for _, k := range r.keys {
		k.mu.Lock()
		k.wipeHandles()
		k.mu.Unlock()
	}
}

// wipeHandles wipes what was loaded of the key. The caller holds k.mu
// exclusively, or nothing else runs.
func (k *key) wipeHandles() {
	for i, h := range k.handles {
		if h != nil {
			h.Wipe()
			k.handles[i] = nil
		}
	}
}

// newKey makes the in-memory form of a record.
func newKey(n Name, o *owner, rec *keyRecord, version uint64) (*key, error) {
	typ, ok := keytype.ByID(rec.typ)
	if !ok {
		return nil, fmt.Errorf("key of unknown type %d: %w", rec.typ, errMalformed)
	}
	if rec.uses&^typ.Uses != 0 {
		return nil, fmt.Errorf("key with uses that %s does not have: %w", typ.Name, errMalformed)
	}
	if mayRequire(typ, rec.uses, rec.required) != nil {
		return nil, fmt.Errorf("key of type %s that requires a context: %w", typ.Name, errMalformed)
	}
	var tracked *tracker
	if rec.tracked {
		if !sealsEnvelopes(typ) {
			return nil, fmt.Errorf("key of type %s that tracks its ciphertexts: %w", typ.Name, errMalformed)
		}
		tracked = newTracker()
		tracked.owner = o
	}
	return &key{
		tracked: tracked,

		name: n, id: rec.id, typ: typ, owner: o, required: rec.required, bindsTo: peerNames(rec.required),
		rec: rec, recVersion: version, handles: make([]keytype.Key, len(rec.versions)),
	}, nil
}

// put makes a version ready for use. The caller holds k.mu exclusively, or
// nobody else has the key.
func (k *key) put(number uint32, h keytype.Key) {
	k.handles[number-1] = h
	if more := len(k.handles) - len(k.prints); more > 0 {
		k.prints = append(k.prints, make([]string, more)...)
	}
	k.prints[number-1] = keytype.FormatFingerprint(k.rec.versions[number-1].fingerprint)
}
