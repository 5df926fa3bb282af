package vault

// Label is one label of a key.
type Label struct{ Name, Value string }

// KeyAttributes are the type and the labels of a key, which are appended to
// room. The type is empty where there is no such key or the vault is sealed. It
// is for decisions on who may use a key, not for their subjects.
func (v *Vault) KeyAttributes(name Name, room []Label) (typ string, labels []Label) {
	o, err := v.enter()
	if err != nil {
		return "", room
	}
	defer v.mu.RUnlock()
	o.ring.mu.RLock()
	k := o.ring.keys[name]
	o.ring.mu.RUnlock()
	if k == nil {
		return "", room
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	for _, l := range k.rec.labels {
		room = append(room, Label{l.key, l.value})
	}
	return k.typ.Name, room
}
