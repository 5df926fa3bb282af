package vault

import (
	"slices"
	"time"

	"github.com/vaultd/vaultd/crypto/keytype"
)

// keyRecord is what is stored about a key, but for its material. Version n of
// the key is versions[n-1]: versions are numbered from 1 and never leave the
// table.
type keyRecord struct {
	id         KeyID
	typ        uint16
	uses       keytype.Use
	exportable bool
	origin     Origin
	created    time.Time
	ttl        time.Duration
	labels     []label       // sorted by key
	required   []requirement // sorted by name
	tracked    bool          // its ciphertexts are registered

	destroyedBy   string // who asked for the last destruction
	destroyReason string
	life          *keyLife  // nil for most
	rotation      *rotation // nil without a schedule
	versions      []versionRecord
}

// Formats of key records beside recordFormat. A key has the oldest that can say
// all there is to say of it.
const (
	keyFormatRequired = 2 // has the required context behind the labels
	keyFormatExtended = 3 // has it too, be it empty, and extras of the key and of each version
)

// extras are the fields of the key that are not zero; setExtras is the inverse,
// and reports whether it knows all of them.
func (k *keyRecord) extras() (extras []extra) {
	if k.life != nil {
		extras = k.life.extras()
	}
	extras = append(extras, k.rotation.extras()...)
	if k.tracked {
		extras = append(extras, extra{extraTracked, []byte{1}})
	}
	return extras
}

func (k *keyRecord) setExtras(extras []extra) bool {
	for _, x := range extras {
		switch x.tag {
		case extraTracked:
			k.tracked = len(x.body) == 1 && x.body[0] == 1
			if !k.tracked {
				return false
			}
		case tagRotation:
			if k.rotation = readRotation(x.body); k.rotation == nil {
				return false
			}
		default:
			if k.life == nil {
				k.life = &keyLife{}
			}
			if !k.life.set(x) {
				return false
			}
		}
	}
	return true
}

// extras and setExtras are the same of a version.
func (v *versionRecord) extras() (extras []extra) {
	if v.life != nil {
		extras = v.life.extras()
	}
	return extras
}

func (v *versionRecord) setExtras(extras []extra) bool {
	for _, x := range extras {
		if v.life == nil {
			v.life = &versionLife{}
		}
		if !v.life.set(x) {
			return false
		}
	}
	return true
}

func (k *keyRecord) format() byte {
	extended := len(k.extras()) > 0 ||
		slices.ContainsFunc(k.versions, func(v versionRecord) bool { return len(v.extras()) > 0 })
	switch {
	case extended:
		return keyFormatExtended
	case len(k.required) > 0:
		return keyFormatRequired
	}
	return recordFormat
}

type label struct{ key, value string }

// versionRecord is one row of the version table.
type versionRecord struct {
	created     time.Time
	notAfter    time.Time // zero when never
	destroyed   time.Time // zero unless destroyed
	cause       destroyCause
	fingerprint [32]byte
	life        *versionLife // nil for most
}

// destroyCause says why a version was destroyed.
type destroyCause uint8

const (
	notDestroyed     destroyCause = iota
	destroyedAsked                // somebody asked for it
	destroyedByOwner              // its owner was revoked
	destroyedAtEnd                // the private half of a signing key, at the end of its period
)

func (k *keyRecord) append(b []byte) []byte {
	format := k.format()
	b = append(b, format)
	b = append(b, k.id[:]...)
	b = appendU16(b, k.typ)
	b = appendU16(b, uint16(k.uses))
	b = appendBool(b, k.exportable)
	b = append(b, byte(k.origin))
	b = appendTime(b, k.created)
	b = appendDuration(b, k.ttl)
	b = append(b, byte(len(k.labels)))
	for _, l := range k.labels {
		b = appendStr8(b, l.key)
		b = appendStr8(b, l.value)
	}
	if format >= keyFormatRequired {
		b = append(b, byte(len(k.required)))
		for _, r := range k.required {
			b = appendStr16(b, r.name)
			b = appendBool(b, r.peer)
		}
	}
	b = appendStr8(b, k.destroyedBy)
	b = appendStr16(b, k.destroyReason)
	if format == keyFormatExtended {
		b = appendExtras(b, k.extras())
	}
	b = appendU16(b, uint16(len(k.versions)))
	for i := range k.versions {
		v := &k.versions[i]
		b = appendTime(b, v.created)
		b = appendTime(b, v.notAfter)
		b = appendTime(b, v.destroyed)
		b = append(b, byte(v.cause))
		b = append(b, v.fingerprint[:]...)
		if format == keyFormatExtended {
			b = appendExtras(b, v.extras())
		}
	}
	return b
}

// versionLen is the size of a row of the version table, without extras.
const versionLen = 8 + 8 + 8 + 1 + 32

func parseKeyRecord(b []byte) (*keyRecord, error) {
	r := &reader{b: b}
	format := r.u8()
	r.check(format >= recordFormat && format <= keyFormatExtended)
	k := &keyRecord{
		id: r.array16(), typ: r.u16(), uses: keytype.Use(r.u16()), exportable: r.bool(),
		origin: Origin(r.u8()), created: r.time(), ttl: r.duration(),
	}
	r.check(k.origin >= OriginGenerated && k.origin <= OriginExchange && k.uses != 0 && !k.created.IsZero())
	k.labels = readLabels(r)
	if format >= keyFormatRequired {
		k.required = readRequired(r)
	}
	k.destroyedBy, k.destroyReason = r.str8(), r.str16()
	r.check(len(k.destroyReason) <= MaxReasonLen)
	if format == keyFormatExtended {
		r.check(k.setExtras(readExtras(r)))
	}
	n := int(r.u16())
	r.check(n >= 1 && n <= MaxVersions && len(r.b) >= n*versionLen)
	if r.failed {
		return nil, errMalformed
	}
	k.versions = make([]versionRecord, n)
	for i := range k.versions {
		v := &k.versions[i]
		v.created, v.notAfter, v.destroyed = r.time(), r.time(), r.time()
		v.cause, v.fingerprint = destroyCause(r.u8()), r.array32()
		if format == keyFormatExtended {
			r.check(v.setExtras(readExtras(r)))
		}
		r.check(!v.created.IsZero() && v.cause <= destroyedAtEnd && v.destroyed.IsZero() == (v.cause == notDestroyed))
	}
	r.check(k.life == nil || k.life.fits(n))
	// Of all formats only the oldest that fits: one encoding for each key.
	r.check(k.format() == format)
	if err := r.done(); err != nil {
		return nil, err
	}
	return k, nil
}

func readLabels(r *reader) []label {
	n := int(r.u8())
	r.check(n <= MaxLabels)
	var labels []label
	for range n {
		l := label{r.str8(), r.str8()}
		r.check(l.key != "" && len(l.key) <= MaxLabelKeyLen && (len(labels) == 0 || labels[len(labels)-1].key < l.key))
		if r.failed {
			return nil
		}
		labels = append(labels, l)
	}
	return labels
}

func readRequired(r *reader) []requirement {
	n := int(r.u8())
	r.check(n <= MaxRequiredContext)
	var required []requirement
	for range n {
		q := requirement{r.str16(), r.bool()}
		r.check(q.valid() == nil && (len(required) == 0 || required[len(required)-1].name < q.name))
		if r.failed {
			return nil
		}
		required = append(required, q)
	}
	return required
}

// clone is a copy that can be changed while others read the original.
func (k *keyRecord) clone() *keyRecord {
	c := *k
	c.versions = slices.Clone(k.versions)
	return &c
}

// allDestroyed reports whether every version is destroyed. One whose private
// half has ended by itself still verifies.
func (k *keyRecord) allDestroyed() bool {
	return !slices.ContainsFunc(k.versions, func(v versionRecord) bool { return v.destroyed.IsZero() || v.cause == destroyedAtEnd })
}
