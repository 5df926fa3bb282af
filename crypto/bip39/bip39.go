package bip39

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the list of words
	"errors"
	"fmt"
	"slices"
	"strings"
)

//go:embed english.txt
var english string

var list = strings.Fields(english)

const (
	bitsPerWord = 11
	minSize     = 16 // bytes, 12 words
	maxSize     = 32 // bytes, 24 words
	// maxText bounds what is taken apart: 24 words of up to 8 letters, generously spaced.
	maxText = 1024
)

// Errors of this package. None of them tells a word.
var (
	// ErrSize says that bytes are not 16 to 32 in steps of four.
	ErrSize = errors.New("only 16, 20, 24, 28 or 32 bytes can be written as words")
	// ErrCount says that there are too few or too many words.
	ErrCount = errors.New("a phrase has 12, 15, 18, 21 or 24 words")
	// ErrChecksum says that each word is one of the list and one of them is not the right one.
	ErrChecksum = errors.New("the words do not fit together: one of them is wrong, or two are swapped")
)

// WordError says that a word is none of the list.
type WordError struct {
	Position int // from 1
}

// Error names the position; the word itself is part of a secret.
func (e *WordError) Error() string {
	return fmt.Sprintf("word %d is not one of the list; look for a slip of the pen", e.Position)
}

// Encode returns the words for b, with one space between them. The caller wipes
// them. It returns ErrSize for anything but 16 to 32 bytes in steps of four.
func Encode(b []byte) ([]byte, error) {
	if len(b) < minSize || len(b) > maxSize || len(b)%4 != 0 {
		return nil, ErrSize
	}
	sum := sha256.Sum256(b)
	bits := append(bytes.Clone(b), sum[0])
	defer clear(bits)
	words := make([]byte, 0, maxText) // never grown, so that no copy is left behind
	for i := range len(b) * 8 * 33 / 32 / bitsPerWord {
		if i > 0 {
			words = append(words, ' ')
		}
		words = append(words, list[wordAt(bits, i)]...)
	}
	return words, nil
}

// wordAt is the i-th group of eleven bits.
func wordAt(bits []byte, i int) int {
	n := 0
	for bit := i * bitsPerWord; bit < (i+1)*bitsPerWord; bit++ {
		n = n<<1 | int(bits[bit/8]>>(7-bit%8)&1)
	}
	return n
}

// Decode returns the bytes that words stand for, which the caller wipes. Upper
// and lower case, and any spaces and line ends between the words, are the same.
// It returns ErrCount, a WordError for a word that is not in the list, and
// ErrChecksum.
func Decode(words []byte) ([]byte, error) {
	if len(words) > maxText {
		return nil, ErrCount
	}
	text := bytes.ToLower(words)
	defer clear(text)
	each := bytes.Fields(text)
	size := len(each) * bitsPerWord * 32 / 33 / 8
	if len(each)%3 != 0 || size < minSize || size > maxSize {
		return nil, ErrCount
	}
	bits := make([]byte, size+1)
	defer clear(bits)
	for i, word := range each {
		n, found := slices.BinarySearchFunc(list, word, func(s string, w []byte) int { return strings.Compare(s, string(w)) })
		if !found {
			return nil, &WordError{i + 1}
		}
		for b := range bitsPerWord {
			bit := i*bitsPerWord + b
			bits[bit/8] |= byte(n>>(bitsPerWord-1-b)&1) << (7 - bit%8)
		}
	}
	sum := sha256.Sum256(bits[:size])
	if unused := 8 - size/4; bits[size]>>unused != sum[0]>>unused {
		return nil, ErrChecksum
	}
	return bytes.Clone(bits[:size]), nil
}
