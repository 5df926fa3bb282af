package tpm

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-tpm/tpm2"
)

// madeUp is a blob with the form of a real one.
func madeUp(pin bool) *blob {
	return &blob{
		pin: pin, mask: 1<<7 | 1<<11, values: make([][32]byte, 2),
		area:    tpm2.Marshal(withParameters(template(pin, make([]byte, 32)))),
		private: bytes.Repeat([]byte{1}, 160),
	}
}

// withParameters fills what the TPM fills.
func withParameters(p tpm2.TPMTPublic) tpm2.TPMTPublic {
	p.Parameters = tpm2.NewTPMUPublicParms(tpm2.TPMAlgKeyedHash, &tpm2.TPMSKeyedHashParms{
		Scheme: tpm2.TPMTKeyedHashScheme{Scheme: tpm2.TPMAlgNull},
	})
	p.Unique = tpm2.NewTPMUPublicID(tpm2.TPMAlgKeyedHash, &tpm2.TPM2BDigest{Buffer: make([]byte, 32)})
	return p
}

func TestBlobRoundTrip(t *testing.T) {
	for _, pin := range []bool{false, true} {
		b := madeUp(pin).append(nil)
		p, err := parseBlob(b)
		if err != nil || p.pin != pin || !slices.Equal(p.pcrs(), []int{7, 11}) || !bytes.Equal(p.append(nil), b) {
			t.Fatalf("PIN %v: %+v, %v", pin, p, err)
		}
	}
}

func TestForeignBlobIsMalformed(t *testing.T) {
	b := madeUp(false).append(nil)
	weak := madeUp(true)
	weak.area = tpm2.Marshal(withParameters(template(false, make([]byte, 32)))) // a PIN without the lock
	noPolicy := madeUp(false)
	noPolicy.area = tpm2.Marshal(withParameters(template(false, nil)))
	open := template(false, make([]byte, 32))
	open.ObjectAttributes.UserWithAuth = true
	byPassword := madeUp(false)
	byPassword.area = tpm2.Marshal(withParameters(open))
	none := madeUp(false)
	none.mask, none.values = 0, nil
	for name, bad := range map[string][]byte{
		"empty": nil, "cut": b[:len(b)-1], "longer": append(bytes.Clone(b), 0), "long": make([]byte, MaxBlobLen+1),
		"weak": weak.append(nil), "no policy": noPolicy.append(nil), "by password": byPassword.append(nil), "no PCR": none.append(nil),
	} {
		if _, err := Inspect(bad); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseBlob(f *testing.F) {
	f.Add(madeUp(false).append(nil))
	f.Add(madeUp(true).append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := parseBlob(b); err == nil && !bytes.Equal(p.append(nil), b) {
			t.Fatalf("%x has two meanings", b)
		}
	})
}
