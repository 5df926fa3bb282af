package main

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// purl is the package URL of the library.
func (l library) purl() string { return "pkg:golang/" + l.path + "@" + l.version }

// writeBOM writes CycloneDX 1.6 as JSON. There is no serial number, since two
// builds of the same source are the same product.
func writeBOM(w io.Writer, version string, epoch int64, binaries []string, libraries []library) error {
	const product = "pkg:golang/github.com/vaultd/vaultd"
	root := &cdx.Component{
		BOMRef: product + "@" + version, Type: cdx.ComponentTypeApplication,
		Name: "vaultd", Version: version, PackageURL: product + "@" + version,
	}
	var parts []cdx.Component
	var refs []string
	for _, b := range binaries {
		content, err := os.ReadFile(b)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		parts = append(parts, cdx.Component{
			BOMRef: "file:" + filepath.Base(b), Type: cdx.ComponentTypeFile, Name: filepath.Base(b),
			Hashes: &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(sum[:])}},
		})
	}
	root.Components = &parts
	var components []cdx.Component
	for _, l := range libraries {
		c := cdx.Component{
			BOMRef: l.purl(), Type: cdx.ComponentTypeLibrary, Name: l.path, Version: l.version, PackageURL: l.purl(),
		}
		if l.sum != "" {
			c.Properties = &[]cdx.Property{{Name: "go:sum", Value: l.sum}}
		}
		components = append(components, c)
		refs = append(refs, c.BOMRef)
	}
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{
		Timestamp: time.Unix(epoch, 0).UTC().Format(time.RFC3339),
		Component: root,
	}
	bom.Components = &components
	bom.Dependencies = &[]cdx.Dependency{{Ref: root.BOMRef, Dependencies: &refs}}
	return cdx.NewBOMEncoder(w, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, cdx.SpecVersion1_6)
}
