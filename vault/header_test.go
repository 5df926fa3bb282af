package vault

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/vaultd/vaultd/crypto/kdf"
	"github.com/vaultd/vaultd/internal/secret"
)

// testHeader is a sealed header whose password is "correct".
func testHeader(tb testing.TB) (*header, []byte) {
	tb.Helper()
	root := bytes.Repeat([]byte{0x5a}, rootKeyLen)
	h := &header{epoch: 7, vaultID: [16]byte{1, 2, 3}, optional: []string{"audit", "grants"}}
	s, err := newPasswordSlot(rand.Reader, h.vaultID, []byte("correct"), root, kdf.MinIterations)
	if err != nil {
		tb.Fatal(err)
	}
	h.slots = []slot{s}
	if _, err := h.seal(root); err != nil {
		tb.Fatal(err)
	}
	return h, root
}

func testUnwrap(h *header, password string) (*secret.Bytes, error) {
	root, _, err := unwrapAny(h.vaultID, h.of(SlotPassword), []byte(password))
	return root, err
}

func TestHeaderRoundTrip(t *testing.T) {
	h, root := testHeader(t)
	got, err := parseHeader(h.encoded)
	if err != nil {
		t.Fatal(err)
	}
	if err := got.verify(root); err != nil {
		t.Fatal(err)
	}
	again, err := got.clone().seal(root)
	if err != nil || !bytes.Equal(again, h.encoded) {
		t.Fatal("a header read and written again differs")
	}
	opened, err := testUnwrap(got, "correct")
	if err != nil || !opened.Equal(root) {
		t.Fatalf("unwrap: %v", err)
	}
	if _, err := testUnwrap(got, "Correct"); !errors.Is(err, errSlotSecret) {
		t.Fatalf("wrong password: %v", err)
	}
}

// Damage is told from a wrong password without deriving anything.
func TestEveryFlippedBitIsDamage(t *testing.T) {
	h, _ := testHeader(t)
	for i := range h.encoded {
		for bit := range 8 {
			b := bytes.Clone(h.encoded)
			b[i] ^= 1 << bit
			if _, err := parseHeader(b); !errors.Is(err, errHeaderBytes) {
				t.Fatalf("byte %d, bit %d: %v", i, bit, err)
			}
		}
	}
	for n := range len(h.encoded) {
		if _, err := parseHeader(h.encoded[:n]); !errors.Is(err, errHeaderBytes) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	if _, err := parseHeader(append(bytes.Clone(h.encoded), 0)); !errors.Is(err, errHeaderBytes) {
		t.Fatalf("with a byte more: %v", err)
	}
}

// resum makes the checksum right again after an edit, as a forger would.
func resum(b []byte) []byte {
	sum := sha256.Sum256(b[:len(b)-32])
	copy(b[len(b)-32:], sum[:])
	return b
}

// Whoever edits a header and mends its checksum is stopped by the KDF's bounds,
// the slot's wrap or the MAC; nothing of it opens.
func TestForgedHeaderDoesNotOpen(t *testing.T) {
	h, root := testHeader(t)
	epoch := len(headerMagic) + 2 + 4 + 16 + 7
	b := bytes.Clone(h.encoded)
	b[epoch]--
	got, err := parseHeader(resum(b))
	if err != nil {
		t.Fatal(err)
	}
	if err := got.verify(root); !errors.Is(err, errHeaderBytes) {
		t.Errorf("changed epoch: %v", err)
	}

	// The iterations lie behind the slot's id, kind and KDF.
	at := bytes.Index(h.encoded, appendU32([]byte{byte(SlotPassword), kdfPBKDF2SHA256}, kdf.MinIterations)) + 2
	for _, n := range []uint32{0, 1, kdf.MinIterations - 1, kdf.MaxIterations + 1, 1<<32 - 1} {
		b := bytes.Clone(h.encoded)
		copy(b[at:], appendU32(nil, n))
		if _, err := parseHeader(resum(b)); !errors.Is(err, errHeaderBytes) {
			t.Errorf("%d iterations: %v", n, err)
		}
	}
}

func TestSlotFitsOnlyItsPlace(t *testing.T) {
	h, _ := testHeader(t)
	s := h.slots[0]
	if _, err := s.unwrap([16]byte{9}, []byte("correct")); err == nil {
		t.Error("opened in another vault")
	}
	s.id = 2
	if _, err := s.unwrap(h.vaultID, []byte("correct")); err == nil {
		t.Error("opened as another slot")
	}
	s = h.slots[0]
	s.wrapped[0] ^= 1
	if _, err := s.unwrap(h.vaultID, []byte("correct")); !errors.Is(err, errHeaderBytes) {
		t.Errorf("damaged wrap under the right password: %v", err)
	}
}

// The slot is what docs/FORMAT.md says, byte for byte, computed here from the
// standard library alone.
func TestSlotAsDocumented(t *testing.T) {
	realKDF(t)
	h, root := testHeader(t)
	s := h.slots[0]
	aad := slices.Concat([]byte("vaultd/1/slot"), []byte("vaultd\x00H"), []byte{0, 1}, h.vaultID[:],
		[]byte{0, 0, 0, 1, 1, 1}, binary.BigEndian.AppendUint32(nil, 600_000), []byte{32}, s.salt)
	slotKey, err := pbkdf2.Key(sha256.New, "correct", s.salt, 600_000, 32)
	if err != nil {
		t.Fatal(err)
	}
	wrap, err := hkdf.Expand(sha256.New, slotKey, "vaultd/1/slot/wrap"+string(aad), 32)
	if err != nil {
		t.Fatal(err)
	}
	commitment, err := hkdf.Expand(sha256.New, slotKey, "vaultd/1/slot/commitment"+string(aad), 32)
	if err != nil || !bytes.Equal(commitment, s.commitment[:]) {
		t.Errorf("commitment differs: %v", err)
	}
	block, err := aes.NewCipher(wrap)
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := gcm.Open(nil, s.nonce[:], s.wrapped[:], aad); err != nil || !bytes.Equal(got, root) {
		t.Errorf("wrap differs: %v", err)
	}
	key, err := hkdf.Key(sha256.New, root, h.vaultID[:], "vaultd/1/header", 32)
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(h.encoded[:len(h.encoded)-64])
	if !bytes.Equal(mac.Sum(nil), h.encoded[len(h.encoded)-64:len(h.encoded)-32]) {
		t.Error("MAC differs")
	}
}

func TestNewerHeaderIsRefusedAsSuch(t *testing.T) {
	h, root := testHeader(t)
	c := h.clone()
	c.critical = []string{"post-quantum"}
	b, err := c.seal(root)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parseHeader(b); !errors.Is(err, errHeaderNewer) {
		t.Errorf("unknown critical feature: %v", err)
	}
	b = bytes.Clone(h.encoded)
	b[len(headerMagic)+1] = headerFormat2 + 1
	if _, err := parseHeader(resum(b)); !errors.Is(err, errHeaderNewer) {
		t.Errorf("newer format: %v", err)
	}
}

func FuzzHeader(f *testing.F) {
	h, _ := testHeader(f)
	f.Add(h.encoded)
	f.Add(h.encoded[:len(h.encoded)-1])
	every, _ := testSlots(f)
	f.Add(every.encoded)
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > headerTrailer {
			b = resum(b) // or nothing would ever get past the checksum
		}
		got, err := parseHeader(b)
		if err != nil {
			return
		}
		again, err := got.clone().seal(make([]byte, rootKeyLen))
		if err != nil {
			t.Fatal(err)
		}
		if n := len(b) - headerTrailer; !bytes.Equal(again[:n], b[:n]) {
			t.Fatal("two encodings of one header")
		}
	})
}
