package vault

import (
	"bytes"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vaultd/vaultd/crypto/kdf"
)

// Headers as they were written once, of each format. They open for ever, by each of their
// slots, and are written again byte for byte.
func TestHeadersOfEveryFormatOpen(t *testing.T) {
	realKDF(t)
	for file, most := range map[string]SlotKind{"testdata/header-1.hex": SlotPassword, "testdata/header-2.hex": SlotTPM} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		b, err := hex.DecodeString(strings.ReplaceAll(string(text), "\n", ""))
		if err != nil {
			t.Fatal(err)
		}
		h, err := parseHeader(b)
		if err != nil {
			t.Fatal(err)
		}
		root, err := testUnwrap(h, "correct")
		if err != nil || !root.Equal(bytes.Repeat([]byte{0x5a}, rootKeyLen)) {
			t.Fatalf("%s: %v", file, err)
		}
		for kind := SlotKeyFile; kind <= most; kind++ {
			if other, _, err := unwrapAny(h.vaultID, h.of(kind), testSlotSecret(kind)); err != nil || !other.Equal(root.Bytes()) {
				t.Errorf("%s: %s: %v", file, kind, err)
			}
		}
		if err := h.verify(root.Bytes()); err != nil {
			t.Fatal(err)
		}
		if again, err := h.clone().seal(root.Bytes()); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%s: written again it differs: %v", file, err)
		}
	}
}

// testSlots is a header with the password slot "correct" and a slot of every other kind,
// whose secret is 32 times its kind's number.
func testSlots(tb testing.TB) (*header, []byte) {
	tb.Helper()
	h, root := testHeader(tb)
	for kind := SlotKeyFile; kind <= SlotTPM; kind++ {
		s := slot{
			id: uint32(kind), kind: kind, kdf: kdfHKDFSHA256, name: kind.String(),
			created: time.Unix(1_700_000_000, 0).UTC(), params: []byte("parameters"),
		}
		if err := s.wrap(rand.Reader, h.vaultID, testSlotSecret(kind), root); err != nil {
			tb.Fatal(err)
		}
		h.slots = append(h.slots, s)
	}
	if _, err := h.seal(root); err != nil {
		tb.Fatal(err)
	}
	return h, root
}

func testSlotSecret(kind SlotKind) []byte { return bytes.Repeat([]byte{byte(kind)}, SlotSecretLen) }

func TestSlotsRoundTrip(t *testing.T) {
	h, root := testSlots(t)
	got, err := parseHeader(h.encoded)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := got.clone().seal(root); err != nil || !bytes.Equal(again, h.encoded) {
		t.Fatalf("a header read and written again differs: %v", err)
	}
	if err := got.verify(root); err != nil {
		t.Fatal(err)
	}
	if r, err := testUnwrap(got, "correct"); err != nil || !r.Equal(root) {
		t.Errorf("the password slot beside others: %v", err)
	}
	for kind := SlotKeyFile; kind <= SlotTPM; kind++ {
		for other := SlotKeyFile; other <= SlotTPM; other++ {
			_, _, err := unwrapAny(got.vaultID, got.of(kind), testSlotSecret(other))
			if want := kind == other; (err == nil) != want || (err != nil && !errors.Is(err, errSlotSecret)) {
				t.Errorf("the secret of a %s slot on that of kind %s: %v", other, kind, err)
			}
		}
	}
}

// Who changes what a slot says, and mends the checksum, makes of it one that does not open.
func TestSlotIsBoundToAllItSays(t *testing.T) {
	h, root := testSlots(t)
	for name, change := range map[string]func(*slot){
		"kind":          func(s *slot) { s.kind = SlotTPM },
		"name":          func(s *slot) { s.name = "another" },
		"created":       func(s *slot) { s.created = s.created.Add(time.Hour) },
		"params":        func(s *slot) { s.params = []byte("Parameters") },
		"params gone":   func(s *slot) { s.params = nil },
		"salt":          func(s *slot) { s.salt = bytes.Repeat([]byte{1}, slotSaltLen) },
		"salt shorter":  func(s *slot) { s.salt = s.salt[:16] },
		"id":            func(s *slot) { s.id = 99 },
		"commitment":    func(s *slot) { s.commitment[0] ^= 1 },
		"boundary":      func(s *slot) { s.name, s.params = s.name+"p", s.params[1:] },
		"not as before": func(s *slot) { s.name, s.created, s.params = "x", time.Time{}, nil },
	} {
		forged := h.clone()
		forged.slots[1] = h.slots[1]
		change(&forged.slots[1])
		if _, err := forged.seal(bytes.Repeat([]byte{1}, rootKeyLen)); err != nil { // the forger has no root key
			t.Fatal(err)
		}
		got, err := parseHeader(forged.encoded)
		if err != nil {
			continue
		}
		if _, err := got.slots[1].unwrap(got.vaultID, testSlotSecret(SlotKeyFile)); err == nil {
			t.Errorf("%s: it opens", name)
		}
		if err := got.verify(root); !errors.Is(err, errHeaderBytes) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What no vaultd writes is no header, whatever its checksum and MAC.
func TestImpossibleSlotsAreDamage(t *testing.T) {
	for name, change := range map[string]func(*header){
		"unknown kind":                func(h *header) { h.slots[1].kind = 7 },
		"kind 0":                      func(h *header) { h.slots[1].kind = 0 },
		"a password by HKDF":          func(h *header) { h.slots[1].kind = SlotPassword },
		"random bytes by PBKDF2":      func(h *header) { h.slots[1].kdf, h.slots[1].iterations = kdfPBKDF2SHA256, kdf.MinIterations },
		"iterations of HKDF":          func(h *header) { h.slots[1].iterations = 1 },
		"a short salt":                func(h *header) { h.slots[1].salt = h.slots[1].salt[:15] },
		"no name":                     func(h *header) { h.slots[1].name = "" },
		"a number as a name":          func(h *header) { h.slots[1].name = "17" },
		"a name with a line end":      func(h *header) { h.slots[1].name = "a\nb" },
		"two of a name":               func(h *header) { h.slots[1].name = h.slots[2].name },
		"the name of the first":       func(h *header) { h.slots[1].name = "password" },
		"two of an id":                func(h *header) { h.slots[1].id = h.slots[2].id },
		"too many parameters":         func(h *header) { h.slots[1].params = make([]byte, maxSlotParams+1) },
		"many passwords":              func(h *header) { h.slots = manyPasswords(h.slots[0], maxPasswordSlots+1) },
		"too many":                    func(h *header) { h.slots = manyPasswords(h.slots[0], maxHeaderSlots+1) },
		"none":                        func(h *header) { h.slots = nil },
		"format 2 for what 1 can say": nil,
	} {
		h, root := testSlots(t)
		if change == nil {
			h.slots = h.slots[:1]
			h.slots[0].name = "password"
			b, err := h.seal(root)
			if err != nil {
				t.Fatal(err)
			}
			// Take the name out again, by hand.
			at := bytes.Index(b, []byte("\x08password"))
			b = slices.Concat(b[:at], []byte{0}, b[at+9:])
			copy(b[10:14], appendU32(nil, uint32(len(b))))
			h.encoded = resum(b)
		} else {
			change(h)
			if _, err := h.seal(root); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := parseHeader(h.encoded); !errors.Is(err, errHeaderBytes) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func manyPasswords(s slot, n int) (many []slot) {
	for i := range n {
		s.id = uint32(i + 1)
		many = append(many, s)
	}
	return many
}

// A slot of format 2 is what docs/FORMAT.md says; the wrap itself is as in TestSlotAsDocumented.
func TestRandomSlotAsDocumented(t *testing.T) {
	h, _ := testSlots(t)
	s := h.slots[1]
	aad := slices.Concat([]byte("vaultd/1/slot"), []byte("vaultd\x00H"), []byte{0, 2}, h.vaultID[:],
		[]byte{0, 0, 0, 2, 2, 2, 0, 0, 0, 0, 32}, s.salt, []byte("\x08key-file"),
		appendU64(nil, 1_700_000_000_000_000), []byte("\x00\x0aparameters"))
	slotKey, err := hkdf.Key(sha256.New, testSlotSecret(SlotKeyFile), s.salt, "vaultd/1/slot/key", 32)
	if err != nil {
		t.Fatal(err)
	}
	commitment, err := hkdf.Expand(sha256.New, slotKey, "vaultd/1/slot/commitment"+string(aad), 32)
	if err != nil || !bytes.Equal(commitment, s.commitment[:]) {
		t.Errorf("commitment differs: %v", err)
	}
}
