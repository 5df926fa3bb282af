package vault

// Fields of a key and of its versions that most do not have. A record has those
// that are not zero, in the order of their tags, each as tag, length (16 bits)
// and bytes. A tag that this program does not know makes the record unreadable:
// what it says may be what keeps a key from being used.
const (
	maxExtras   = 32
	maxExtraLen = 4 << 10
)

// Tags of extras of a key.
const extraTracked = 48

// extra is one such field. Tags are never reused for something else.
type extra struct {
	tag  uint8
	body []byte
}

func appendExtras(b []byte, extras []extra) []byte {
	b = append(b, byte(len(extras)))
	for _, x := range extras {
		b = append(b, x.tag)
		b = appendU16(b, uint16(len(x.body)))
		b = append(b, x.body...)
	}
	return b
}

// readExtras reads a list in which tags rise; bodies stay part of the input.
func readExtras(r *reader) []extra {
	n := int(r.u8())
	r.check(n <= maxExtras)
	var extras []extra
	for range n {
		x := extra{tag: r.u8()}
		size := int(r.u16())
		r.check(size <= maxExtraLen && (len(extras) == 0 || extras[len(extras)-1].tag < x.tag))
		x.body = r.take(size)
		if r.failed {
			return nil
		}
		extras = append(extras, x)
	}
	return extras
}
