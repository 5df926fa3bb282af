// Package tpm wraps a small secret under the TPM 2.0 of this machine, so that
// only this TPM opens it, only while chosen PCRs hold what they held when it was
// wrapped, and with a PIN only for who knows it.
//
// The parent is the storage root key of the TCG's template for NIST P-256, which
// every TPM makes again from its seed, so that nothing is stored in the TPM. What
// secrets cross the bus, cross it encrypted in sessions that are salted with that
// key, whose name the blob remembers: another TPM, or somebody on the bus who
// answers for it, is not trusted with anything.
//
// The package knows nothing of vaults. It keeps no device open: each call opens
// it, and leaves no object and no session in it.
package tpm
