package keytype

import "fmt"

// Guessable says why symmetric key material that somebody else made can't come
// from a random generator, or is "" when nothing shows. It finds what scripts
// and tests leave behind: one byte, a short pattern or a few values over and
// over, and counting. A random key of 16 bytes or more is taken for such a one
// less than once in 2^60 times.
func Guessable(material []byte) string {
	n := len(material)
	if n < 14 {
		return "" // no type takes it
	}
	for period := 1; period <= n/2; period++ {
		if repeats(material, period) {
			if period == 1 {
				return "they are one byte over and over"
			}
			return fmt.Sprintf("they are %d bytes over and over", period)
		}
	}
	step := material[1] - material[0]
	counts := true
	var seen [256]bool
	values := 0
	for i, b := range material {
		counts = counts && b == material[0]+byte(i)*step
		if !seen[b] {
			seen[b], values = true, values+1
		}
	}
	switch {
	case counts:
		return "they count"
	case values <= n/5:
		return fmt.Sprintf("they are %d values over and over", values)
	}
	return ""
}

// repeats reports whether material is its first bytes again and again.
func repeats(material []byte, period int) bool {
	for i := period; i < len(material); i++ {
		if material[i] != material[i-period] {
			return false
		}
	}
	return true
}
