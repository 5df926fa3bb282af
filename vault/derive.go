package vault

import (
	"bytes"
	"encoding/binary"

	"github.com/vaultd/vaultd/crypto/envelope"
	"github.com/vaultd/vaultd/crypto/keytype"
)

// Derive is what a derivation key derives.
type Derive struct {
	Key     Name
	Salt    []byte
	Info    []byte
	Context envelope.Context // what the output is bound to
	Peer    *Peer            // who asks, for keys that require it; nil is nobody
	Length  int              // of the output in bytes; zero is 32
	Version uint32           // zero is the newest
}

// deriveLabel begins the info of outputs that are bound to a context.
const deriveLabel = "vaultd/1/derive\x00"

// Derive runs HKDF (RFC 5869) over a version of a key, with the hash of its
// type, and returns that version's number too. The caller wipes the output. The
// newest version derives what protects new data, and must be active; one that is
// asked for by its number derives again what protects old data, as long as it
// could decrypt. Errors as for Encrypt, and version_not_found.
func (v *Vault) Derive(c Derive) ([]byte, uint32, error) {
	if c.Length == 0 {
		c.Length = 32
	}
	op := opProtect
	if c.Version != 0 {
		op = opProcess
	}
	o, err := v.enter()
	if err != nil {
		return nil, 0, err
	}
	defer v.mu.RUnlock()
	k, err := o.ring.lookup(c.Key)
	if err != nil {
		return nil, 0, err
	}
	h, number, err := o.acquire(k, c.Version, op, keytype.UseDerive)
	if err != nil {
		return nil, 0, err
	}
	defer k.mu.RUnlock()
	d, ok := h.(keytype.Deriver)
	if !ok {
		return nil, 0, E(CodeWrongKeyUsage, "a key of type %s does not derive", k.typ.Name)
	}
	bound, err := k.bind(c.Context, c.Peer)
	if err != nil {
		return nil, 0, err
	}
	info, err := deriveInfo(bound, c.Info)
	if err != nil {
		return nil, 0, err
	}
	out, err := d.Derive(c.Salt, info, c.Length)
	if err != nil {
		return nil, 0, cryptoError(err)
	}
	return out, number, nil
}

// deriveInfo is the info of HKDF: without a context the caller's, so that other
// programs derive the same; with one, both behind a label and in a form that has
// one reading. What begins like that is nobody's to give: it would be another's
// context.
func deriveInfo(bound envelope.Context, info []byte) ([]byte, error) {
	if bytes.HasPrefix(info, []byte(deriveLabel)) {
		return nil, E(CodeBadArgument, "the info begins with what marks a context").WithHint("give the context as such")
	}
	if len(bound) == 0 {
		return info, nil
	}
	canonical := bound.Canonical()
	full := append([]byte(nil), deriveLabel...)
	full = binary.BigEndian.AppendUint32(full, uint32(len(canonical))) //nolint:gosec // a context is bounded
	return append(append(full, canonical...), info...), nil
}
