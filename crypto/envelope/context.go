package envelope

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds on a context.
const (
	MaxContext     = 8 << 10 // bytes of the canonical form
	MaxContextName = 256     // bytes of a name
)

// ErrContext says that pairs are not a context; the text around it says why.
var ErrContext = errors.New("not a valid context")

// Pair is one name=value of a context.
type Pair struct{ Name, Value string }

// Context is a set of name=value pairs that a ciphertext is bound to. They
// are compared byte by byte: case counts, and so does Unicode normalisation.
// Order does not. The nil Context is the empty set. NewContext and
// ParseContext make valid ones.
type Context []Pair

// NewContext returns the set of the given pairs, sorted by name. It returns
// ErrContext when a name is empty, longer than MaxContextName, given twice,
// or holds "=" or a control character; when a name or value is not UTF-8; and
// when the canonical form would be longer than MaxContext.
func NewContext(pairs ...Pair) (Context, error) {
	size := 0
	for _, p := range pairs {
		if err := p.check(); err != nil {
			return nil, err
		}
		// Checked within the loop, so that the sum can't overflow.
		if size += pairOverhead + len(p.Name) + len(p.Value); size > MaxContext {
			return nil, fmt.Errorf("%w: longer than %d bytes", ErrContext, MaxContext)
		}
	}
	if len(pairs) == 0 {
		return nil, nil
	}
	c := Context(slices.Clone(pairs))
	slices.SortFunc(c, comparePairs)
	for i := 1; i < len(c); i++ {
		if c[i].Name == c[i-1].Name {
			return nil, fmt.Errorf("%w: %q is given twice", ErrContext, c[i].Name)
		}
	}
	return c, nil
}

// ParseContext reads pairs as users write them, "name=value" each. The first
// "=" ends the name. See NewContext for the errors.
func ParseContext(arguments ...string) (Context, error) {
	pairs := make([]Pair, len(arguments))
	for i, a := range arguments {
		name, value, ok := strings.Cut(a, "=")
		if !ok {
			return nil, fmt.Errorf("%w: %.80q is not of the form name=value", ErrContext, a)
		}
		pairs[i] = Pair{Name: name, Value: value}
	}
	return NewContext(pairs...)
}

func (p Pair) check() error {
	switch {
	case p.Name == "":
		return fmt.Errorf("%w: a name is empty", ErrContext)
	case len(p.Name) > MaxContextName:
		return fmt.Errorf("%w: name %.80q… is longer than %d bytes", ErrContext, p.Name, MaxContextName)
	case !utf8.ValidString(p.Name):
		return fmt.Errorf("%w: name %.80q is not UTF-8", ErrContext, p.Name)
	case strings.ContainsFunc(p.Name, func(r rune) bool { return r == '=' || r < ' ' || r == 0x7f }):
		return fmt.Errorf("%w: name %.80q holds \"=\" or a control character", ErrContext, p.Name)
	case !utf8.ValidString(p.Value):
		// The value is not shown: it is no secret by rule, but may be one by mistake.
		return fmt.Errorf("%w: the value of %.80q is not UTF-8", ErrContext, p.Name)
	}
	return nil
}

// pairOverhead is what the lengths of a name and of its value take.
const pairOverhead = 8

// Canonical returns the bytes that a ciphertext is bound to: for each pair in
// the order of its name the length of the name, the name, the length of the
// value, the value; lengths as 32-bit big-endian numbers. The empty context
// is no bytes. Two contexts have the same canonical form if and only if they
// are the same set.
func (c Context) Canonical() []byte {
	if len(c) == 0 {
		return nil
	}
	return c.AppendCanonical(nil)
}

// AppendCanonical appends the canonical form to dst. It does not allocate
// when dst has room and the context came from NewContext or ParseContext.
func (c Context) AppendCanonical(dst []byte) []byte {
	if !slices.IsSortedFunc(c, comparePairs) { // a literal that nobody sorted
		c = slices.Clone(c)
		slices.SortFunc(c, comparePairs)
	}
	size := 0
	for _, p := range c {
		size += pairOverhead + len(p.Name) + len(p.Value)
	}
	dst = slices.Grow(dst, size)
	for _, p := range c {
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(p.Name)))
		dst = append(dst, p.Name...)
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(p.Value)))
		dst = append(dst, p.Value...)
	}
	return dst
}

// comparePairs orders by name, and by value only so that even a context that
// NewContext would refuse has one order.
func comparePairs(a, b Pair) int {
	return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Value, b.Value))
}
