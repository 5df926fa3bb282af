// Package client is how local programs use a vault: it speaks the frame form
// of the protocol over the daemon's Unix socket.
//
// There is nothing to log in with: the kernel tells the daemon who the caller
// is. A Client is safe for concurrent use, keeps a few connections open, and
// survives a restart of the daemon. Its methods are those of the service, one
// for one. Errors are *fault.Error values with stable codes:
//
//	if errors.Is(err, fault.ErrSealed) { … }
//
// A context is bound to what is encrypted. In place of a value the daemon can
// put in what the kernel says of the caller, so that only the same user or
// service opens it:
//
//	Context: []*vaultdv1.ContextPair{{Name: "unit", FromPeer: true}}
//
// Signer, Decrypter and Encrypter make a key in the vault usable where Go
// expects a crypto.Signer, a crypto.Decrypter or something like a cipher.AEAD.
package client
