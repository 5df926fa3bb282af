package vault

// Label is one label of a key.
type Label struct{ Name, Value string }

// KeyAttributes is what decisions on who may use a key can ask for. It is not
// for their subjects.
type KeyAttributes struct {
	Type   string // empty where there is no such key or the vault is sealed
	Labels []Label
	// FromPeer are the names that every context of the key has the caller's own
	// values of, see CreateKey.RequireContext. The slice must not be changed.
	FromPeer []string
}

// KeyAttributes looks a key's attributes up. Its labels are appended to room.
func (v *Vault) KeyAttributes(name Name, room []Label) KeyAttributes {
	o, err := v.enter()
	if err != nil {
		return KeyAttributes{Labels: room}
	}
	defer v.mu.RUnlock()
	k := o.ring.named(name)
	if k == nil {
		return KeyAttributes{Labels: room}
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	for _, l := range k.rec.labels {
		room = append(room, Label{l.key, l.value})
	}
	return KeyAttributes{Type: k.typ.Name, Labels: room, FromPeer: k.bindsTo}
}
