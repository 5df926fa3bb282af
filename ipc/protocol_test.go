package ipc_test

import (
	"bytes"
	"encoding/hex"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/frame"
	"github.com/vaultd/vaultd/vault/fault"
)

// TestProtocolPageIsRight replays the bytes that docs/PROTOCOL.md shows.
func TestProtocolPageIsRight(t *testing.T) {
	page, err := os.ReadFile("../docs/PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, found := strings.Cut(string(page), "and encrypting `hi` under `alice/data`:")
	if !found {
		t.Fatal("the page has no example any more")
	}
	_, example, _ = strings.Cut(example, "→")
	request, example, _ := strings.Cut(example, "←")
	answer, _, _ := strings.Cut(example, "```")

	d := start(t)
	d.createKey(t, "alice/data", "")
	c := d.raw(t)
	_, _ = c.Write(append([]byte(frame.Preface), hexOf(t, request)...))
	_ = c.SetReadDeadline(time.Now().Add(time.Minute))
	begins := hexOf(t, answer)
	got := make([]byte, 4+0x61)
	if _, err := io.ReadFull(c, got); err != nil {
		t.Fatal(err)
	}
	if want := begins[:len(begins)-2]; !bytes.HasPrefix(got, want) || !bytes.HasSuffix(got, begins[len(begins)-2:]) {
		t.Errorf("answered %x, the page says %x", got, begins)
	}
}

// hexOf reads the bytes at the front of each line: pairs of digits, up to the
// first word that is none.
func hexOf(t *testing.T, text string) (b []byte) {
	t.Helper()
	for line := range strings.Lines(text) {
		for _, word := range strings.Fields(line) {
			pair, err := hex.DecodeString(word)
			if word == "…" {
				continue
			}
			if err != nil || len(pair) != 1 {
				break
			}
			b = append(b, pair...)
		}
	}
	return b
}

// TestProtocolPageNamesEveryMethodAndCode keeps the page complete.
func TestProtocolPageNamesEveryMethodAndCode(t *testing.T) {
	page, err := os.ReadFile("../docs/PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	rpcs := vaultdv1.File_vaultd_v1_vaultd_proto.Services().ByName("VaultService").Methods()
	for i := range rpcs.Len() {
		if name := string(rpcs.Get(i).Name()); !strings.Contains(string(page), " "+name+" ") {
			t.Errorf("method %s is missing", name)
		}
	}
	for _, code := range fault.Codes() {
		if code != fault.CodeUsage && code != fault.CodeUnreachable && !strings.Contains(string(page), "`"+string(code)+"`") {
			t.Errorf("code %s is missing", code)
		}
	}
}
