//go:build linux

package packages

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/semver"
)

// Where a package may put files, and the ones that it must have.
var places = []string{
	"/etc/vaultd/", "/etc/apparmor.d/usr.bin.vaultd", "/usr/bin/vaultd", "/usr/bin/vaultctl", "/usr/bin/age-plugin-vaultd",
	"/usr/lib/systemd/system/vaultd.", "/usr/lib/systemd/system/vaultd-ask-password.service", "/usr/lib/systemd/user/vaultd.", "/usr/lib/sysusers.d/vaultd.conf", "/usr/lib/tmpfiles.d/vaultd.conf",
	"/usr/share/bash-completion/completions/vaultctl", "/usr/share/zsh/vendor-completions/_vaultctl", "/usr/share/fish/vendor_completions.d/vaultctl.fish",
	"/usr/share/doc/vaultd/", "/usr/share/lintian/overrides/vaultd", "/usr/share/man/man",
}

func TestDebHoldsWhatItPromises(t *testing.T) {
	deb := theDeb(t)
	var files []string
	for _, e := range debEntries(t, deb) {
		directory := strings.HasSuffix(e.path, "/")
		want := "-rw-r--r--"
		switch {
		case e.path == "/etc/vaultd/policy.d/":
			want = "drwxr-x---"
		case directory:
			want = "drwxr-xr-x"
		case e.path == "/usr/bin/age-plugin-vaultd":
			want = "lrwxrwxrwx" // to vaultctl
		case strings.HasPrefix(e.path, "/usr/bin/"):
			want = "-rwxr-xr-x"
		}
		if e.mode != want || e.owner != "root/root" {
			t.Errorf("%s is %s of %s", e.path, e.mode, e.owner)
		}
		if !directory {
			files = append(files, e.path)
			if !slices.ContainsFunc(places, func(p string) bool { return strings.HasPrefix(e.path, p) }) {
				t.Errorf("%s is at no place of ours", e.path)
			}
		}
	}
	for _, want := range append(places[1:len(places):len(places)],
		"/etc/vaultd/vaultd.toml", "/usr/lib/systemd/system/vaultd.service", "/usr/lib/systemd/system/vaultd.socket",
		"/usr/lib/systemd/user/vaultd.service", "/usr/lib/systemd/user/vaultd.socket",
		"/usr/share/man/man1/vaultctl.1.gz", "/usr/share/man/man5/vaultd.toml.5.gz", "/usr/share/man/man5/vaultd-policy.5.gz",
		"/usr/share/man/man7/vaultd.7.gz", "/usr/share/man/man7/vaultd-backup.7.gz", "/usr/share/man/man7/vaultd-service.7.gz", "/usr/share/man/man8/vaultd.8.gz",
		"/usr/share/doc/vaultd/copyright", "/usr/share/doc/vaultd/third-party.gz", "/usr/share/doc/vaultd/sbom.cdx.json",
	) {
		if !slices.ContainsFunc(files, func(f string) bool { return strings.HasPrefix(f, want) }) {
			t.Errorf("%s is missing", want)
		}
	}
	conffiles := run(t, nil, "dpkg-deb", "--info", deb, "conffiles")
	if diff := cmp.Diff("/etc/apparmor.d/usr.bin.vaultd\n/etc/vaultd/vaultd.toml\n", conffiles); diff != "" {
		t.Error(diff)
	}
}

// The formats differ by what they have to, and by nothing else.
func TestFormatsHoldTheSame(t *testing.T) {
	var deb []string
	for _, e := range debEntries(t, theDeb(t)) {
		if !strings.HasSuffix(e.path, "/") {
			deb = append(deb, e.path)
		}
	}
	without := func(list []string, prefixes ...string) []string {
		return slices.DeleteFunc(slices.Clone(list), func(f string) bool {
			return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(f, p) })
		})
	}
	debOnly := []string{"/etc/apparmor.d/", "/usr/share/lintian/", "/usr/share/doc/vaultd/changelog.Debian.gz"}
	site := func(f string) string {
		return strings.Replace(f, "/zsh/vendor-completions/", "/zsh/site-functions/", 1)
	}
	each := func(list []string, f func(string) string) (all []string) {
		for _, s := range list {
			all = append(all, f(s))
		}
		slices.Sort(all)
		return all
	}
	t.Run("rpm", func(t *testing.T) {
		rpm := built(t, "VAULTD_PACKAGES", "*.rpm")
		needTool(t, "rpm")
		got := strings.Fields(run(t, nil, "rpm", "-qlp", "--nosignature", rpm))
		if diff := cmp.Diff(each(without(deb, debOnly...), site), each(without(got, "/etc/vaultd/policy.d"), site)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("apk", func(t *testing.T) {
		apk := built(t, "VAULTD_PACKAGES", "*.apk")
		var got []string
		for f := range strings.FieldsSeq(run(t, nil, "tar", "--warning=no-unknown-keyword", "-tzf", apk)) {
			if !strings.HasPrefix(f, ".") && !strings.HasSuffix(f, "/") {
				got = append(got, "/"+f)
			}
		}
		want := append(without(deb, append(debOnly, "/usr/lib/", "/usr/share/doc/vaultd/examples/tpm.conf")...), "/etc/init.d/vaultd")
		if diff := cmp.Diff(each(want, site), each(got, site)); diff != "" {
			t.Error(diff)
		}
	})
}

// The programs run with the oldest C library that the package allows, and have
// what hardens a program against its own C code.
func TestProgramsAreAsDeclared(t *testing.T) {
	root, deb := extracted(t), theDeb(t)
	_, declared, ok := strings.Cut(run(t, nil, "dpkg-deb", "--field", deb, "Depends"), "libc6 (>= ")
	if !ok {
		t.Fatal("the deb asks for no libc6")
	}
	declared, _, _ = strings.Cut(declared, ")")
	for _, name := range []string{"vaultd", "vaultctl"} {
		f, err := elf.Open(filepath.Join(root, "usr/bin", name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		symbols, err := f.ImportedSymbols()
		if err != nil {
			t.Fatal(err)
		}
		newest := "0"
		for _, s := range symbols {
			if v, ok := strings.CutPrefix(s.Version, "GLIBC_"); ok && semver.Compare("v"+v, "v"+newest) > 0 {
				newest = v
			}
		}
		if newest != declared {
			t.Errorf("%s asks for glibc %s, the package for %s; write what is so into packaging/nfpm.yaml", name, newest, declared)
		}
		libraries, err := f.ImportedLibraries()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"libc.so.6"}, libraries); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if f.Type != elf.ET_DYN {
			t.Errorf("%s is at a fixed address", name)
		}
		relro, stack := false, true
		for _, p := range f.Progs {
			relro = relro || p.Type == elf.PT_GNU_RELRO
			stack = stack && (p.Type != elf.PT_GNU_STACK || p.Flags&elf.PF_X == 0)
		}
		now, err := f.DynValue(elf.DT_FLAGS)
		if err != nil {
			t.Fatal(err)
		}
		if !relro || !stack || len(now) != 1 || now[0]&uint64(elf.DF_BIND_NOW) == 0 {
			t.Errorf("%s: read-only relocations %v, plain stack %v, bound at once %v", name, relro, stack, now)
		}
		// Nothing of the place where it was built is in it.
		content, err := os.ReadFile(filepath.Join(root, "usr/bin", name))
		if err != nil {
			t.Fatal(err)
		}
		here, err := filepath.Abs("../..")
		if err != nil {
			t.Fatal(err)
		}
		for _, place := range []string{here + "/", "/pkg/mod/"} {
			if bytes.Contains(content, []byte(place)) {
				t.Errorf("%s names %s", name, place)
			}
		}
	}
	version := strings.TrimSuffix(strings.TrimSpace(run(t, nil, "dpkg-deb", "--field", deb, "Version")), "-1")
	version = strings.ReplaceAll(version, "~", "-") // as deb writes what comes before a release
	if out := run(t, nil, filepath.Join(root, "usr/bin/vaultd"), "version"); !strings.HasPrefix(out, "vaultd "+version+" ") {
		t.Errorf("the package is %s, the daemon says %s", version, out)
	}
	if out := run(t, nil, filepath.Join(root, "usr/bin/vaultctl"), "version"); !strings.Contains(out, version) {
		t.Errorf("the package is %s, vaultctl says %s", version, out)
	}
}

// The bill of materials is of the programs beside it.
func TestBillIsOfThePrograms(t *testing.T) {
	root := extracted(t)
	content, err := os.ReadFile(filepath.Join(root, "usr/share/doc/vaultd/sbom.cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	type component struct {
		Name       string
		Hashes     []struct{ Content string }
		Components []component
	}
	var bom struct {
		BOMFormat  string
		Metadata   struct{ Component component }
		Components []component
	}
	if err := json.Unmarshal(content, &bom); err != nil {
		t.Fatal(err)
	}
	for _, program := range bom.Metadata.Component.Components {
		sum, _, _ := strings.Cut(run(t, nil, "sha256sum", filepath.Join(root, "usr/bin", program.Name)), " ")
		if len(program.Hashes) != 1 || program.Hashes[0].Content != sum {
			t.Errorf("%+v, and the program's is %s", program, sum)
		}
	}
	for _, want := range []string{"stdlib", "github.com/dgraph-io/badger/v4", "golang.org/x/crypto"} {
		if !slices.ContainsFunc(bom.Components, func(c component) bool { return c.Name == want }) {
			t.Errorf("%s is not on the bill", want)
		}
	}
	if bom.BOMFormat != "CycloneDX" || len(bom.Metadata.Component.Components) != 2 {
		t.Errorf("%+v", bom.Metadata)
	}
}

func TestLintian(t *testing.T) {
	deb := theDeb(t)
	needTool(t, "lintian")
	out, err := exec.Command("lintian", "--allow-root", "--display-info", "--tag-display-limit", "0", "--fail-on", "error,warning,info", deb).CombinedOutput()
	if err != nil || strings.Contains(string(out), "unused-override") {
		t.Errorf("%v\n%s", err, out)
	}
}
