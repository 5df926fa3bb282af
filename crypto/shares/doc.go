// Package shares splits a random secret into n shares of which any k open, and
// any k-1 tell nothing: Shamir's scheme over the scalars of ristretto255 (RFC
// 9496), by the secretsharing package of Cloudflare's CIRCL.
//
// A share has a written form that a person can copy from paper: letters and
// digits with a checksum, which says of which set it is. What is kept beside
// the vault is a [Set]: threshold and the digest of each share, by which a wrong
// share is told alone and at once. A share has 252 random bits, so that its
// digest tells nothing of it; the commitments of verifiable schemes would hand
// the secret to whoever can take discrete logarithms one day.
package shares
