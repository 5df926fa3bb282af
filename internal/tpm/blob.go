package tpm

import (
	"encoding/binary"
	"math/bits"

	"github.com/google/go-tpm/tpm2"
)

// A blob is
//
//	version(1) flags(1) pcr-mask(2) parent-name(34) salt(16)
//	pcr-value(32) for each bit of the mask, from PCR 0 up
//	length(2) public-area  length(2) private-area
//
// with numbers in big-endian order. The public and the private area are what the
// TPM made; the rest says what to do with them, and why they would not open. All
// that the TPM enforces is in its own areas.
const (
	blobVersion = 1
	flagPIN     = 1
	nameLen     = 2 + 32
	saltLen     = 16
	maxAreaLen  = 512 // for a sealed secret of 32 bytes both are under 200
	maxPCR      = 15  // the others can be reset while the system runs
	minBlobLen  = 1 + 1 + 2 + nameLen + saltLen + 32 + 2 + 2

	// MaxBlobLen is how long a blob can be.
	MaxBlobLen = 1 + 1 + 2 + nameLen + saltLen + (maxPCR+1)*32 + 2*(2+maxAreaLen)
)

// blob is a parsed blob.
type blob struct {
	pin     bool
	mask    uint16
	parent  [nameLen]byte
	salt    [saltLen]byte
	values  [][32]byte
	public  tpm2.TPMTPublic
	area    []byte // the public area as it was made
	private []byte
}

// Info is what a blob says of itself.
type Info struct {
	PCRs []int
	PIN  bool
	// Unmeasured are PCRs that held zeros: what booted the machine wrote nothing there,
	// so that they tell one way of booting from no other.
	Unmeasured []int
}

// Inspect reads what a blob says of itself, or returns ErrMalformed. It needs no TPM.
func Inspect(b []byte) (Info, error) {
	p, err := parseBlob(b)
	if err != nil {
		return Info{}, err
	}
	info := Info{PCRs: p.pcrs(), PIN: p.pin}
	for i, pcr := range info.PCRs {
		if p.values[i] == [32]byte{} {
			info.Unmeasured = append(info.Unmeasured, pcr)
		}
	}
	return info, nil
}

// pcrs are the PCRs of the mask, ascending.
func (p *blob) pcrs() []int {
	var list []int
	for i := range maxPCR + 1 {
		if p.mask>>i&1 == 1 {
			list = append(list, i)
		}
	}
	return list
}

func (p *blob) append(b []byte) []byte {
	var flags byte
	if p.pin {
		flags = flagPIN
	}
	b = append(b, blobVersion, flags)
	b = binary.BigEndian.AppendUint16(b, p.mask)
	b = append(b, p.parent[:]...)
	b = append(b, p.salt[:]...)
	for _, v := range p.values {
		b = append(b, v[:]...)
	}
	for _, area := range [][]byte{p.area, p.private} {
		b = binary.BigEndian.AppendUint16(b, uint16(len(area)))
		b = append(b, area...)
	}
	return b
}

// parseBlob reads what append wrote and nothing else.
func parseBlob(b []byte) (*blob, error) {
	if len(b) < minBlobLen || len(b) > MaxBlobLen || b[0] != blobVersion || b[1]&^flagPIN != 0 {
		return nil, ErrMalformed
	}
	p := &blob{pin: b[1]&flagPIN != 0, mask: binary.BigEndian.Uint16(b[2:])}
	b = b[4:]
	b = b[copy(p.parent[:], b):]
	b = b[copy(p.salt[:], b):]
	n := bits.OnesCount16(p.mask)
	if n == 0 || len(b) < n*32 {
		return nil, ErrMalformed
	}
	for range n {
		p.values = append(p.values, [32]byte(b))
		b = b[32:]
	}
	for _, area := range []*[]byte{&p.area, &p.private} {
		if len(b) < 2 {
			return nil, ErrMalformed
		}
		n := int(binary.BigEndian.Uint16(b))
		if n == 0 || n > maxAreaLen || len(b) < 2+n {
			return nil, ErrMalformed
		}
		*area, b = b[2:2+n:2+n], b[2+n:]
	}
	if len(b) != 0 {
		return nil, ErrMalformed
	}
	return p, p.checkPublic()
}

// checkPublic refuses a public area that would not protect what Seal protects,
// so that what is loaded is nothing that somebody else thought of.
func (p *blob) checkPublic() error {
	public, err := tpm2.Unmarshal[tpm2.TPMTPublic](p.area)
	if err != nil {
		return ErrMalformed
	}
	want := template(p.pin, public.AuthPolicy.Buffer)
	if public.Type != want.Type || public.NameAlg != want.NameAlg || public.ObjectAttributes != want.ObjectAttributes ||
		len(public.AuthPolicy.Buffer) != 32 {
		return ErrMalformed
	}
	p.public = *public
	return nil
}

// template is the public area of a sealed secret. Without a PIN there is nothing
// to guess, so that a lock after wrong PINs of others does not concern it.
func template(pin bool, policy []byte) tpm2.TPMTPublic {
	return tpm2.TPMTPublic{
		Type:    tpm2.TPMAlgKeyedHash,
		NameAlg: tpm2.TPMAlgSHA256,
		ObjectAttributes: tpm2.TPMAObject{
			FixedTPM:        true,
			FixedParent:     true,
			AdminWithPolicy: true,
			NoDA:            !pin,
		},
		AuthPolicy: tpm2.TPM2BDigest{Buffer: policy},
	}
}
