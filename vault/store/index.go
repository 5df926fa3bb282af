package store

// index knows every record by its blinded name, and the state that follows
// from them. What Badger returns is compared with it, so that an older
// version or a missing record can't pass.
type index struct {
	entries map[name]entry
	state   state
	bytes   int64 // sealed bytes of the live records
	leaves  *leafHasher
}

func newIndex(leaves *leafHasher, hint int) *index {
	return &index{entries: make(map[name]entry, min(hint, 1<<20)), leaves: leaves}
}

// advance changes st as putting e at n will change it, given what stands
// there in the index or, before that, in pending.
func (x *index) advance(st *state, pending map[name]entry, n name, e entry) {
	old, ok := pending[n]
	if !ok {
		old, ok = x.entries[n]
	}
	if ok {
		st.digest.sub(x.leaves.leaf(n, old))
		if old.status == statusLive {
			st.live--
		} else {
			st.deleted--
		}
	}
	st.digest.add(x.leaves.leaf(n, e))
	if e.status == statusLive {
		st.live++
	} else {
		st.deleted++
	}
}

// set records e at n. The state is the caller's to keep.
func (x *index) set(n name, e entry) {
	if old, ok := x.entries[n]; ok && old.status == statusLive {
		x.bytes -= int64(old.size)
	}
	if e.status == statusLive {
		x.bytes += int64(e.size)
	}
	x.entries[n] = e
}

// put advances the index's own state and sets e.
func (x *index) put(n name, e entry) {
	x.advance(&x.state, nil, n, e)
	x.set(n, e)
}
