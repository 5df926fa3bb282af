// Package exchange agrees on a session key between two vaults whose owners
// know each other's signing keys, by messages of text that travel by any
// means: mail, ssh, a file.
//
// The default protocol has three messages, offer, accept and confirm, after
// SIGMA (Krawczyk, 2003): ephemeral Diffie-Hellman, each side's signature over
// the whole transcript with both identities, and a MAC under a key that only
// the two can derive. The peer is the signing key whose fingerprint the caller
// gives; there is no trust on first use. docs/PROTOCOL.md has the bytes and
// the security argument.
//
//	initiator: Offer ──offer──▶ responder: Accept
//	initiator: Pending.Confirm ◀──accept──
//	           session key  ──confirm──▶ responder: Pending.Finish, session key
//
// The compatibility protocol (CompatOffer, CompatAccept, CompatPending) is the
// one of two programs on top of pyca/cryptography that sign their serialized
// Diffie-Hellman keys with RSA-PSS. It binds neither identities nor purpose
// nor time: use it only to talk to such programs.
//
// The package is pure: randomness, time and signatures are passed in. It keeps
// no memory of finished exchanges; AcceptOptions.Seen asks the caller's.
package exchange
