package keytype

import (
	"fmt"
	"slices"
)

// Numbers of the types. They stand in stored records and in ciphertext
// headers, so a number is never changed and never given to another type.
const (
	IDFernet           = 1
	IDAES256GCM        = 2
	IDXAES256GCM       = 3
	IDChaCha20Poly1305 = 4
	IDHMACSHA256       = 5
	IDAES256SIV        = 6
	IDAES256KWP        = 7
	IDRSA2048          = 16
	IDRSA3072          = 17
	IDRSA4096          = 18
	IDECDSAP256        = 19
	IDECDSAP384        = 20
	IDEd25519          = 21
	IDECDSAP521        = 22
	IDX25519           = 32
	IDP256             = 33
	IDFFDH2048         = 34
	IDHKDFSHA256       = 48
	IDHKDFSHA384       = 49
	IDHKDFSHA512       = 50
	IDP384             = 35
	IDMLKEM768         = 36
	IDHPKEX25519       = 37
	IDHPKEMLKEM768     = 38
)

// The registry is written only while packages initialise, which Go runs in
// one goroutine, and is read-only afterwards. That is why it has no lock.
var (
	byName = make(map[string]*Type)
	byID   = make(map[uint16]*Type)
	sorted []*Type
)

// Register adds t to the types that Lookup, ByID and All know. It is called
// from the init function of the file that implements t, and panics when the
// name or number is taken or the description is incomplete: such a program
// must not start.
func Register(t *Type) {
	switch {
	case t.Name == "" || t.ID == 0 || t.Uses == 0 || t.Generate == nil || t.Parse == nil:
		panic(fmt.Sprintf("keytype: type %q (%d) is incomplete", t.Name, t.ID))
	case t.DefaultUses == 0 || t.DefaultUses&^t.Uses != 0:
		panic(fmt.Sprintf("keytype: default uses of type %q are not among its uses", t.Name))
	case byName[t.Name] != nil || byID[t.ID] != nil:
		panic(fmt.Sprintf("keytype: type %q (%d) registered twice", t.Name, t.ID))
	}
	byName[t.Name] = t
	byID[t.ID] = t
	sorted = append(sorted, t)
	slices.SortFunc(sorted, func(a, b *Type) int { return int(a.ID) - int(b.ID) })
}

// Lookup returns the type that users call name, such as "xaes-256-gcm".
func Lookup(name string) (*Type, bool) {
	t, ok := byName[name]
	return t, ok
}

// ByID returns the type with the number that stored records and ciphertext
// headers carry.
func ByID(id uint16) (*Type, bool) {
	t, ok := byID[id]
	return t, ok
}

// All returns every registered type in the order of their numbers. The slice
// is the caller's.
func All() []*Type { return slices.Clone(sorted) }
