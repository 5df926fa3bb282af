package vault

import (
	"bytes"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vaultd/vaultd/crypto/envelope"
	"github.com/vaultd/vaultd/crypto/keytype"
	"github.com/vaultd/vaultd/vault/store"
)

var testTime = time.Date(2026, 3, 1, 12, 0, 0, 123_456_000, time.UTC)

func testKeyRecord() *keyRecord {
	return &keyRecord{
		id: KeyID{1, 2, 3}, typ: keytype.IDRSA2048, uses: keytype.UseSign | keytype.UseVerify, exportable: true,
		origin: OriginImported, created: testTime, ttl: time.Hour,
		labels:      []label{{"env", "prod"}, {"team", "größe"}},
		destroyedBy: "root", destroyReason: "test over",
		versions: []versionRecord{
			{created: testTime, notAfter: testTime.Add(time.Hour), destroyed: testTime.Add(time.Minute), cause: destroyedAsked, fingerprint: [32]byte{7}},
			{created: testTime.Add(time.Second), fingerprint: [32]byte{8}},
		},
	}
}

// testRequiringRecord is of a key that requires a context.
func testRequiringRecord() *keyRecord {
	k := testKeyRecord()
	k.typ, k.uses = keytype.IDXAES256GCM, keytype.UseEncrypt|keytype.UseDecrypt
	k.required = []requirement{{"purpose", false}, {"uid", true}, {"unit", false}}
	return k
}

// testTrackedRecord is of a key that registers its ciphertexts.
func testTrackedRecord() *keyRecord {
	k := testRequiringRecord()
	k.exportable, k.tracked = false, true
	return k
}

// testLivedRecord is of a key of which everything was decided that can be.
func testLivedRecord() *keyRecord {
	k := testKeyRecord()
	over := suspension{from: testTime, until: testTime.Add(time.Minute), by: "alice", reason: "holiday"}
	open := suspension{from: testTime.Add(time.Hour), admin: true, by: "root", reason: "looked into"}
	end := &ending{at: testTime.Add(24 * time.Hour), since: testTime, admin: true, by: "root", reason: "not needed"}
	k.versions[1].life = &versionLife{
		notBefore: testTime.Add(time.Minute), processUntil: testTime.Add(48 * time.Hour),
		suspensions: []suspension{over, open}, ending: end,
	}
	over.through, open.through = 1, 2
	k.life = &keyLife{minDecrypt: 2, processTTL: time.Hour, suspensions: []suspension{over, open}, ending: end}
	return k
}

func testExchangeRecord() *exchangeRecord {
	return &exchangeRecord{
		state: exchangePending, owner: "alice", created: testTime, expires: testTime.Add(time.Hour),
		signer: Name{"alice", "id"}, version: 3, session: Name{"alice", "with-bob"}, typ: keytype.IDFernet,
		ttl: time.Hour, pending: []byte("state of the protocol"),
	}
}

// records encodes one record of each kind, and reads and encodes it again.
var records = map[string]struct {
	encode func() []byte
	again  func([]byte) ([]byte, error)
}{
	"key": {
		func() []byte { return testKeyRecord().append(nil) },
		func(b []byte) ([]byte, error) {
			r, err := parseKeyRecord(b)
			if err != nil {
				return nil, err
			}
			return r.append(nil), nil
		},
	},
	"key that requires a context": {
		func() []byte { return testRequiringRecord().append(nil) },
		func(b []byte) ([]byte, error) {
			r, err := parseKeyRecord(b)
			if err != nil {
				return nil, err
			}
			return r.append(nil), nil
		},
	},
	"tracked key": {
		func() []byte { return testTrackedRecord().append(nil) },
		func(b []byte) ([]byte, error) {
			r, err := parseKeyRecord(b)
			if err != nil {
				return nil, err
			}
			return r.append(nil), nil
		},
	},
	"key with a life": {
		func() []byte { return testLivedRecord().append(nil) },
		func(b []byte) ([]byte, error) {
			r, err := parseKeyRecord(b)
			if err != nil {
				return nil, err
			}
			return r.append(nil), nil
		},
	},
	"registered ciphertext": {
		func() []byte {
			return appendToken(nil, place{token: token{7}, version: 3, since: testTime.UnixMicro()})
		},
		func(b []byte) ([]byte, error) {
			p, err := parseToken(b)
			if err != nil {
				return nil, err
			}
			return appendToken(nil, p), nil
		},
	},
	"free place": {
		func() []byte { return appendToken(nil, place{stored: 4}) },
		func(b []byte) ([]byte, error) {
			p, err := parseToken(b)
			if err != nil {
				return nil, err
			}
			return appendToken(nil, p), nil
		},
	},
	"revocation for a compromise": {
		func() []byte {
			return (&revocationRecord{
				id: KeyID{4}, name: Name{"alice", "k"}, time: testTime, by: "alice", reason: "lost",
				code: ReasonKeyCompromise, compromised: testTime.Add(-time.Hour), fingerprints: [][32]byte{{1}},
			}).append(nil)
		},
		func(b []byte) ([]byte, error) {
			r, err := parseRevocationRecord(b)
			if err != nil {
				return nil, err
			}
			return r.append(nil), nil
		},
	},
	"material": {
		func() []byte {
			return (&materialRecord{spki: []byte("public"), sealed: bytes.Repeat([]byte{9}, 60)}).append(nil)
		},
		func(b []byte) ([]byte, error) {
			r, err := parseMaterialRecord(b)
			if err != nil {
				return nil, err
			}
			return r.append(nil), nil
		},
	},
	"dek": {
		func() []byte { return appendDEKRecord(nil, bytes.Repeat([]byte{3}, dekLen)) },
		func(b []byte) ([]byte, error) {
			dek, err := parseDEKRecord(b)
			if err != nil {
				return nil, err
			}
			return appendDEKRecord(nil, dek), nil
		},
	},
	"owner": {
		func() []byte {
			return (&ownerRecord{created: testTime, revocations: []ownerRevocation{
				{time: testTime, by: "root", reason: "left", reinstated: testTime.Add(time.Hour), reinstatedBy: "root"},
				{time: testTime.Add(2 * time.Hour), by: "root", reason: "left again"},
			}}).append(nil)
		},
		func(b []byte) ([]byte, error) {
			r, err := parseOwnerRecord(b)
			if err != nil {
				return nil, err
			}
			return r.append(nil), nil
		},
	},
	"revocation": {
		func() []byte {
			return (&revocationRecord{id: KeyID{4}, name: Name{"alice", "k"}, time: testTime, by: "alice", reason: "lost", fingerprints: [][32]byte{{1}, {2}}}).append(nil)
		},
		func(b []byte) ([]byte, error) {
			r, err := parseRevocationRecord(b)
			if err != nil {
				return nil, err
			}
			return r.append(nil), nil
		},
	},
	"alias": {
		func() []byte {
			a := aliasRecord{key: Name{"alice", "k"}, created: time.UnixMicro(1), moved: time.UnixMicro(2)}
			return a.append(nil)
		},
		func(b []byte) ([]byte, error) {
			_, a, err := parseAliasRecord("alice/current", b)
			if err != nil {
				return nil, err
			}
			return a.append(nil), nil
		},
	},
	"exchange": {
		func() []byte { return testExchangeRecord().append(nil) },
		func(b []byte) ([]byte, error) {
			r, err := parseExchangeRecord(b)
			if err != nil {
				return nil, err
			}
			return r.append(nil), nil
		},
	},
}

func TestRecordsHaveOneEncoding(t *testing.T) {
	for name, c := range records {
		b := c.encode()
		again, err := c.again(b)
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("%s: read and written again: %v", name, err)
		}
		for n := range b {
			if _, err := c.again(b[:n]); err == nil {
				t.Errorf("%s: cut to %d of %d bytes, it is still read", name, n, len(b))
			}
		}
		if _, err := c.again(append(bytes.Clone(b), 0)); err == nil {
			t.Errorf("%s: with a byte more, it is still read", name)
		}
	}
}

func TestKeyRecordKeepsEverything(t *testing.T) {
	for _, want := range []*keyRecord{testKeyRecord(), testRequiringRecord(), testTrackedRecord()} {
		got, err := parseKeyRecord(want.append(nil))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got, cmp.AllowUnexported(keyRecord{}, versionRecord{}, label{}, requirement{})); d != "" {
			t.Error(d)
		}
	}
}

// A key that requires no context is stored as it was before there were such keys.
func TestOnlyRequiredContextHasTheNewerFormat(t *testing.T) {
	with := testRequiringRecord()
	b := with.append(nil)
	with.required = nil
	plain := with.append(nil)
	if plain[0] != 1 || b[0] != 2 {
		t.Fatalf("formats %d and %d", plain[0], b[0])
	}
	const block = 1 + 2 + len("purpose") + 1 + 2 + len("uid") + 1 + 2 + len("unit") + 1
	at := bytes.Index(b, []byte("\x03\x00\x07purpose"))
	if at < 0 {
		t.Fatalf("no requirements in %x", b)
	}
	cut := slices.Delete(bytes.Clone(b), at, at+block)
	cut[0] = 1
	if !bytes.Equal(cut, plain) {
		t.Errorf("apart from the requirements, %x became %x", plain, cut)
	}
}

func TestKeyRecordsWithImpossibleRequirementsAreMalformed(t *testing.T) {
	many := make([]requirement, MaxRequiredContext+1)
	for i := range many {
		many[i].name = string(rune('a' + i))
	}
	for what, required := range map[string][]requirement{
		"out of order":   {{"b", false}, {"a", false}},
		"twice":          {{"a", false}, {"a", false}},
		"both ways":      {{"uid", false}, {"uid", true}},
		"of no peer":     {{"tenant", true}},
		"without a name": {{"", false}},
		"with a value":   {{"a=b", false}},
		"too many":       many,
	} {
		k := testRequiringRecord()
		k.required = required
		if _, err := parseKeyRecord(k.append(nil)); err == nil {
			t.Errorf("requirements %s are read", what)
		}
	}
	k := testRequiringRecord()
	k.required = nil
	empty := append([]byte{2}, k.append(nil)[1:]...)
	if _, err := parseKeyRecord(empty); err == nil {
		t.Error("the newer format without requirements is read")
	}
	signer := testKeyRecord()
	signer.required = []requirement{{"purpose", false}}
	if _, err := newKey(Name{"alice", "k"}, &owner{name: "alice"}, signer, 1); err == nil {
		t.Error("a signing key requires a context")
	}
}

func FuzzRecords(f *testing.F) {
	for _, c := range records {
		f.Add(c.encode())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for name, c := range records {
			if again, err := c.again(b); err == nil && !bytes.Equal(again, b) {
				t.Errorf("%s: %x is another encoding of %x", name, b, again)
			}
		}
	})
}

// Whatever is read of a record for the policy has one place and one encoding.
func FuzzKept(f *testing.F) {
	f.Add(uint8(kindPrincipal), "1000", appendKept([]byte(`{"uid":1000}`)))
	f.Add(uint8(kindGrant), "000102030405060708090a0b0c0d0e0f", appendKept([]byte("{}")))
	f.Fuzz(func(t *testing.T, kind uint8, path string, body []byte) {
		rec := store.Record{ID: store.ID{Kind: store.Kind(kind), Path: path}, Body: body, Version: 1}
		r, err := parseKept(rec)
		if err != nil {
			return
		}
		if again := appendKept(r.body); !bytes.Equal(again, body) || len(r.body) == 0 || len(r.body) > maxKeptLen {
			t.Errorf("%x is another encoding of %x", body, again)
		}
		if uid, err := strconv.ParseUint(path, 10, 32); rec.Kind == kindPrincipal && (err != nil || strconv.FormatUint(uid, 10) != path) {
			t.Errorf("a principal at %q", path)
		}
	})
}

func FuzzName(f *testing.F) {
	f.Add("alice/data")
	f.Add("_a.b-c/1.x")
	f.Add("a/.b")
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseName(s)
		if err != nil {
			return
		}
		if n.String() != s || n.IsZero() {
			t.Fatalf("%q became %q", s, n)
		}
	})
}

// The bodies of the largest records that the limits allow fit into the store.
func TestLargestKeyRecordFits(t *testing.T) {
	k := testKeyRecord()
	k.destroyReason = string(bytes.Repeat([]byte{'x'}, MaxReasonLen))
	k.labels = nil
	for i := range MaxLabels {
		k.labels = append(k.labels, label{string(bytes.Repeat([]byte{byte('a' + i%26)}, MaxLabelKeyLen)), string(make([]byte, MaxLabelValueLen))})
	}
	for i := range MaxRequiredContext {
		k.required = append(k.required, requirement{name: string(bytes.Repeat([]byte{byte('a' + i)}, envelope.MaxContextName))})
	}
	k.versions = make([]versionRecord, MaxVersions)
	if n := len(k.append(nil)); n > 256<<10 {
		t.Errorf("a key record can have %d bytes", n)
	}
}
