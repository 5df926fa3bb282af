// Command sbom says what is in the binaries: as a CycloneDX bill of materials,
// and as the licence texts of the others' code, which have to go with it. Both
// come from what the linker wrote into the binaries themselves, so they can't be
// about other versions than the ones inside. It needs no network.
//
// It is run by packaging/build.
package main

import (
	"bytes"
	"debug/buildinfo"
	"flag"
	"fmt"
	"log"
	"os"
	"runtime/debug"
	"slices"
	"strings"
)

// library is a module that is linked into one of the binaries, or the standard
// library of Go.
type library struct{ path, version, sum string }

// standard is how the standard library is called in package URLs.
const standard = "stdlib"

func main() {
	log.SetFlags(0)
	log.SetPrefix("sbom: ")
	version := flag.String("version", "", "`version` of the product")
	epoch := flag.Int64("date", 0, "date of the build, in `seconds` since 1970")
	bomFile := flag.String("bom", "", "write the bill of materials to this `file`")
	noticesFile := flag.String("notices", "", "write the licence texts to this `file`")
	flag.Parse()
	if err := run(*version, *epoch, *bomFile, *noticesFile, flag.Args()); err != nil {
		log.Fatal(err)
	}
}

func run(version string, epoch int64, bomFile, noticesFile string, binaries []string) error {
	libraries, err := linked(binaries)
	if err != nil {
		return err
	}
	texts, err := notices(libraries)
	if err != nil {
		return err
	}
	var bom bytes.Buffer
	if err := writeBOM(&bom, version, epoch, binaries, libraries); err != nil {
		return err
	}
	if err := os.WriteFile(bomFile, bom.Bytes(), 0o644); err != nil {
		return err
	}
	return os.WriteFile(noticesFile, texts, 0o644)
}

// linked is what the binaries have in them, each once, in order.
func linked(binaries []string) ([]library, error) {
	var all []library
	for _, b := range binaries {
		info, err := buildinfo.ReadFile(b)
		if err != nil {
			return nil, err
		}
		all = append(all, library{path: standard, version: strings.TrimPrefix(info.GoVersion, "go")})
		for _, m := range info.Deps {
			all = append(all, of(m))
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no binaries given")
	}
	slices.SortFunc(all, func(a, b library) int {
		return strings.Compare(a.path+" "+a.version, b.path+" "+b.version)
	})
	return slices.Compact(all), nil
}

// of is the module that was really linked, where another replaces it.
func of(m *debug.Module) library {
	for m.Replace != nil {
		m = m.Replace
	}
	return library{m.Path, m.Version, m.Sum}
}
