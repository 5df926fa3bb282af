package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The test's own binary stands for the product's: what is linked into it is known.
func TestBinaryTellsWhatIsInIt(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	bom, texts := filepath.Join(dir, "bom"), filepath.Join(dir, "notices")
	for range 2 {
		before, _ := os.ReadFile(bom)
		if err := run("1.2.3", 1_700_000_000, bom, texts, []string{self, self}); err != nil {
			t.Fatal(err)
		}
		if after, _ := os.ReadFile(bom); before != nil && !bytes.Equal(before, after) {
			t.Error("the second is another")
		}
	}
	var got struct {
		SpecVersion string
		Metadata    struct{ Timestamp string }
		Components  []struct{ Name, Purl string }
	}
	content, err := os.ReadFile(bom)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &got); err != nil {
		t.Fatal(err)
	}
	if got.SpecVersion != "1.6" || got.Metadata.Timestamp != "2023-11-14T22:13:20Z" {
		t.Errorf("%+v", got)
	}
	seen := map[string]int{}
	for _, c := range got.Components {
		seen[c.Name]++
		if !strings.HasPrefix(c.Purl, "pkg:golang/"+c.Name+"@") {
			t.Errorf("%+v", c)
		}
	}
	notices, err := os.ReadFile(texts)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"stdlib", "github.com/CycloneDX/cyclonedx-go", "golang.org/x/mod"} {
		if seen[name] != 1 || !strings.Contains(string(notices), "\n"+name+" ") {
			t.Errorf("%s is there %d times", name, seen[name])
		}
	}
}

func TestLibraryWithoutLicence(t *testing.T) {
	var b bytes.Buffer
	if err := texts(&b, library{"example.org/x", "v1.0.0", ""}, t.TempDir()); err == nil || !strings.Contains(err.Error(), "no licence file") {
		t.Error(err)
	}
}
