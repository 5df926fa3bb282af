package ipc_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"regexp"
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

// TestProtocolPageNamesEveryMethodAndCode keeps the page complete, with every
// method once under its number and every code once in its class.
func TestProtocolPageNamesEveryMethodAndCode(t *testing.T) {
	page, err := os.ReadFile("../docs/PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	index, errors := tableCells(string(page))
	rpcs := vaultdv1.File_vaultd_v1_vaultd_proto.Services().ByName("VaultService").Methods()
	for i := range rpcs.Len() {
		name := string(rpcs.Get(i).Name())
		number := vaultdv1.Method_value["METHOD_"+strings.ToUpper(words.ReplaceAllString(name, "${1}_${2}"))]
		if want := fmt.Sprintf("%d %s", number, name); index[want] != 1 {
			t.Errorf("method %q stands there %d times", want, index[want])
		}
	}
	for _, code := range fault.Codes() {
		want := fmt.Sprintf("%d %s", code.Class(), code)
		if code != fault.CodeUsage && code != fault.CodeUnreachable && errors[want] != 1 {
			t.Errorf("code %q stands there %d times", want, errors[want])
		}
	}
}

// words are where one word of a method's name ends and another begins.
var words = regexp.MustCompile(`([a-z])([A-Z])`)

// tableCells counts what the tables say: the cells of the table of methods, and
// each code of the table of errors behind its class.
func tableCells(page string) (methods, errors map[string]int) {
	methods, errors = make(map[string]int), make(map[string]int)
	for line := range strings.Lines(page) {
		cells := strings.Split(line, "|")
		for i, cell := range cells {
			methods[strings.TrimSpace(cell)]++
			if i == 3 {
				for _, code := range strings.FieldsFunc(cell, func(r rune) bool { return strings.ContainsRune(" ;`", r) }) {
					errors[strings.TrimSpace(cells[1])+" "+code]++
				}
			}
		}
	}
	return methods, errors
}
