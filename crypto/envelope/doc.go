// Package envelope is the vault's own ciphertext, "vd1". It says by itself
// which key and key version made it, so that rotation strands no data, and it
// is bound to a context: name=value pairs that must be the same when it is
// opened.
//
// The binary form is a header of 24 bytes, integers in big-endian order, and
// what the key's AEAD made (nonce, ciphertext, tag):
//
//	offset  size
//	     0     2  0x76 0xD1: "v" and a byte that no text begins with; format 1
//	     2     2  number of the key's type
//	     4    16  identifier of the key, random, not its name
//	    20     4  version of the key, from 1
//	    24        sealed message
//
// The text form is "vd1:" and the binary form in URL-safe base64 without
// padding. Each ciphertext has exactly one spelling in either form.
//
// The AEAD's associated data is the string "vaultd/1/envelope", a zero byte,
// the header, and the canonical context (see Context). Label and header have
// a fixed length, so that no two pairs of header and context give the same
// associated data. Nothing is read from a header without being authenticated
// by Open; Parse alone only tells which key to ask.
package envelope
