// Package certificate makes requests for certificates (PKCS #10, RFC 2986) and
// self-signed certificates (RFC 5280) with keys of the vault, which sign and are
// not seen. What is asked for is checked here; the encoding, and the check that
// the signature verifies, are the standard library's. The package keeps no
// clock: times are passed in.
package certificate
