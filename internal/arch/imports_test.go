package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/vaultd/vaultd"

// file is one Go file of the tree, as far as the rules care. Files for every
// system are read, whatever the test runs on.
type file struct {
	name    string // slash-separated, from the root of the module
	test    bool
	imports []string // ours without the module's prefix: "vault/store"
	calls   []string // selectors on imported packages: "unix.GetsockoptUcred"
}

func (f file) dir() string { return path.Dir(f.name) }

func tree(t *testing.T) []file {
	t.Helper()
	root := filepath.Join("..", "..")
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatal(err)
	}
	var files []file
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && p != root {
			_, nested := os.Stat(filepath.Join(p, "go.mod"))
			built := filepath.Dir(p) == root && (d.Name() == "bin" || d.Name() == "dist") // which comes and goes
			if nested == nil || built || strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" {
				return fs.SkipDir
			}
		}
		if d.IsDir() || !strings.HasSuffix(p, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		f, err := read(p)
		if err != nil {
			return err
		}
		f.name = filepath.ToSlash(rel)
		files = append(files, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Fatalf("only %d files found: the rules would hold for nothing", len(files))
	}
	return files
}

func read(p string) (file, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.SkipObjectResolution)
	if err != nil {
		return file{}, err
	}
	f := file{test: strings.HasSuffix(p, "_test.go")}
	for _, i := range parsed.Imports {
		name, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			return file{}, err
		}
		switch own, is := strings.CutPrefix(name, module+"/"); {
		case is:
			name = own
		case below(name, ours...):
			name = "std/" + name // the standard library has a crypto of its own
		}
		f.imports = append(f.imports, name)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok {
				f.calls = append(f.calls, x.Name+"."+s.Sel.Name)
			}
		}
		return true
	})
	return f, nil
}

// below reports whether the slash-separated name is one of dirs or lies in one.
func below(name string, dirs ...string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool {
		return name == dir || strings.HasPrefix(name, dir+"/")
	})
}

// ours are the top directories of the module's own packages.
var ours = []string{"cmd", "crypto", "internal", "ipc", "packaging", "test", "vault"}

// rule is one arrow. A file in `in` may import none of `forbidden`, but for `except`.
type rule struct {
	why       string
	in        []string // directories the rule is about; "." for all
	outside   []string // directories in them that it is not about
	forbidden []string
	except    []string
	tests     bool // whether it binds test files as well
}

var rules = []rule{
	{
		why: "crypto is pure: it imports nothing of ours",
		in:  []string{"crypto"}, forbidden: []string{"cmd", "internal", "ipc", "test", "vault"}, tests: true,
	},
	{
		why: "crypto does no I/O and no logging",
		in:  []string{"crypto"}, forbidden: []string{"net", "os", "log", "log/slog", "database", "syscall"},
		except: []string{"net/netip", "net/url"}, // which parse
	},
	{
		why: "the vault knows nothing of sockets, commands or protobuf",
		in:  []string{"vault"}, forbidden: []string{"cmd", "ipc", "net", "google.golang.org/protobuf", "connectrpc.com"}, tests: true,
	},
	{
		why: "the policy decides on what it is told, and touches nothing",
		in:  []string{"vault/policy"}, forbidden: []string{"vault/store", "crypto", "internal", "os", "net"},
	},
	{
		why: "the store sees sealed bytes, and no domain",
		in:  []string{"vault/store"}, forbidden: []string{"vault", "crypto/keytype", "crypto/fernet", "crypto/envelope", "crypto/exchange"},
		except: []string{"vault/store", "vault/fault"},
	},
	{
		why: "a backup file is bytes, and knows no vault",
		in:  []string{"vault/backup"}, forbidden: []string{"crypto", "ipc", "os", "vault"}, except: []string{"vault/backup"},
	},
	{
		why: "errors are for everybody, so they import nothing",
		in:  []string{"vault/fault"}, forbidden: ours,
	},
	{
		why: "only the store imports Badger",
		in:  []string{"."}, outside: []string{"vault/store"}, forbidden: []string{"github.com/dgraph-io"}, tests: true,
	},
	{
		why: "only ipc imports the RPC library",
		in:  []string{"."}, outside: []string{"ipc", "internal/tools"}, forbidden: []string{"connectrpc.com"},
	},
	{
		why: "only internal/tpm talks to a TPM",
		in:  []string{"."}, outside: []string{"internal/tpm"}, forbidden: []string{"github.com/google/go-tpm"}, tests: true,
	},
	{
		why: "only crypto/shares imports the secret sharing library",
		in:  []string{"."}, outside: []string{"crypto/shares"}, forbidden: []string{"github.com/cloudflare/circl"}, tests: true,
	},
	{
		why: "only vaultctl knows age files: the daemon wraps their keys as it wraps all else",
		in:  []string{"."}, outside: []string{"cmd/vaultctl"}, forbidden: []string{"filippo.io/age"}, tests: true,
	},
	{
		why: "only ipc/metrics imports Prometheus",
		in:  []string{"."}, outside: []string{"ipc/metrics"}, forbidden: []string{"github.com/prometheus"},
	},
	{
		why: "metrics know nothing of vault and server: they are told",
		in:  []string{"ipc/metrics"}, forbidden: []string{"ipc", "vault", "crypto", "connectrpc.com"}, except: []string{"ipc/metrics"},
	},
	{
		why: "only the journald sink of the audit log talks to the journal",
		in:  []string{"."}, outside: []string{"vault/audit/journald"}, forbidden: []string{"github.com/coreos/go-systemd/v22/journal"},
	},
	{
		why: "only internal/logind, and a logind of a test, speak D-Bus",
		in:  []string{"."}, outside: []string{"internal/logind", "test"}, forbidden: []string{"github.com/godbus"}, tests: true,
	},
	{
		why: "ipc does not know the commands",
		in:  []string{"ipc"}, forbidden: []string{"cmd"}, tests: true,
	},
	{
		why: "a client is small: no server, no RPC library, no HTTP, no vault but its errors",
		in:  []string{"ipc/client"}, forbidden: []string{"ipc", "vault", "connectrpc.com", "net/http"},
		except: []string{"ipc/api/vaultd/v1", "ipc/client", "ipc/frame", "vault/fault"},
	},
	{
		why: "frames are bytes: they need neither server nor vault",
		in:  []string{"ipc/frame"}, forbidden: []string{"ipc", "vault", "connectrpc.com", "net/http"},
		except: []string{"ipc/frame", "vault/fault"},
	},
	{
		why: "credentials know nothing of what they are for, except who is a principal",
		in:  []string{"ipc/peer"}, forbidden: []string{"ipc", "vault", "crypto"}, except: []string{"ipc/peer", "vault/policy"},
	},
	{
		why: "what is internal stands below everything else",
		in:  []string{"internal"}, outside: []string{"internal/arch", "internal/tools"},
		forbidden: []string{"cmd", "crypto", "ipc", "test", "vault"},
	},
	{
		why: "vaultctl is a thin client: it has no vault and no server in it",
		in:  []string{"cmd/vaultctl"}, forbidden: []string{"ipc", "vault", "connectrpc.com", "net/http"},
		// To check logs, backups and grants offline.
		except: []string{"ipc/client", "ipc/api", "vault/audit", "vault/backup", "vault/fault", "vault/policy", "vault/policyfile"},
	},
	{
		why: "nothing imports a command, and only tests import the whole-system tests",
		in:  []string{"crypto", "internal", "ipc", "vault"}, forbidden: []string{"cmd", "test"},
	},
	{
		why: "what is packaged is files, of which the daemon's service command alone makes something",
		in:  []string{"."}, outside: []string{"cmd/vaultd/internal/service", "packaging"}, forbidden: []string{"packaging"},
	},
	{
		why: "what is packaged is files, and knows no code",
		in:  []string{"packaging"}, forbidden: ours,
	},
	{
		why: "only the daemon's service command imports the service library",
		in:  []string{"."}, outside: []string{"cmd/vaultd/internal/service"}, forbidden: []string{"github.com/kardianos"}, tests: true,
	},
	{
		why: "only the daemon's main knows what a service manager hands over and wants to hear",
		in:  []string{"."}, outside: []string{"cmd/vaultd"},
		forbidden: []string{"github.com/coreos/go-systemd/v22/activation", "github.com/coreos/go-systemd/v22/daemon"}, tests: true,
	},
	{
		why: "randomness is crypto/rand's, everywhere but in tests and in the noise of the ballast file",
		in:  []string{"cmd", "crypto", "internal", "ipc", "vault"}, outside: []string{"vault/store"}, forbidden: []string{"math/rand"},
	},
}

// binds reports whether the rule is about the file, and broken returns its forbidden import.
func (r rule) binds(f file) bool {
	return (!f.test || r.tests) && (slices.Contains(r.in, ".") || below(f.dir(), r.in...)) && !below(f.dir(), r.outside...)
}

func (r rule) broken(f file) (string, bool) {
	for _, i := range f.imports {
		if below(i, r.forbidden...) && !below(i, r.except...) {
			return i, true
		}
	}
	return "", false
}

func TestImportsFollowTheArrows(t *testing.T) {
	for _, f := range tree(t) {
		for _, r := range rules {
			if !r.binds(f) {
				continue
			}
			if i, bad := r.broken(f); bad {
				t.Errorf("%s imports %s, but %s", f.name, i, r.why)
			}
		}
	}
}

// credentialCalls ask the kernel who is at the other end of a socket.
var credentialCalls = []string{
	"GetsockoptUcred", "GetsockoptXucred", "SO_PEERCRED", "SO_PEERGROUPS", "SO_PEERPIDFD", "SO_PEERSEC",
	"LOCAL_PEERCRED", "LOCAL_PEERPID", "LOCAL_PEEREUUID", "LOCAL_CREDS", "PidfdOpen", "SCM_CREDENTIALS", "ParseUnixCredentials",
}

func TestOnlyPeerAsksForCredentials(t *testing.T) {
	found := false
	for _, f := range tree(t) {
		for _, c := range f.calls {
			pkg, name, _ := strings.Cut(c, ".")
			if (pkg != "unix" && pkg != "syscall") || !slices.Contains(credentialCalls, name) {
				continue
			}
			if below(f.dir(), "ipc/peer") {
				found = true
			} else if !f.test {
				t.Errorf("%s uses %s, but only ipc/peer asks the kernel who calls", f.name, c)
			}
		}
	}
	if !found {
		t.Error("ipc/peer asks for no credentials: the rule looks for the wrong calls")
	}
}

// Memory outside Go's safety is handled in few places, each for a reason.
var mayBeUnsafe = []string{"internal/secret", "internal/harden", "ipc/peer", "ipc/api", "ipc/service_use.go"}

func TestUnsafeIsRare(t *testing.T) {
	for _, f := range tree(t) {
		if slices.Contains(f.imports, "unsafe") && !f.test && !below(f.name, mayBeUnsafe...) {
			t.Errorf("%s imports unsafe", f.name)
		}
	}
}

func TestMainsAreShort(t *testing.T) {
	for _, f := range tree(t) {
		if !below(f.dir(), "cmd") || path.Base(f.name) != "main.go" {
			continue
		}
		b, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(f.name)))
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(b), "\n"); n >= 80 {
			t.Errorf("%s has %d lines; a main parses, builds, runs and maps the error in under 80", f.name, n)
		}
	}
}

// The rules themselves: each catches the file that it was written against.
func TestRulesCatch(t *testing.T) {
	for _, c := range []file{
		{name: "crypto/fernet/x.go", imports: []string{"internal/secret"}},
		{name: "crypto/fernet/x_test.go", test: true, imports: []string{"vault"}},
		{name: "crypto/kdf/x.go", imports: []string{"os"}},
		{name: "vault/x.go", imports: []string{"ipc/frame"}},
		{name: "vault/x.go", imports: []string{"github.com/dgraph-io/badger/v4"}},
		{name: "vault/store/x.go", imports: []string{"vault/policy"}},
		{name: "cmd/vaultd/x.go", imports: []string{"connectrpc.com/connect"}},
		{name: "cmd/vaultctl/x.go", imports: []string{"vault"}},
		{name: "ipc/client/x.go", imports: []string{"ipc"}},
		{name: "ipc/client/x.go", imports: []string{"net/http"}},
		{name: "ipc/x.go", imports: []string{"cmd/vaultd"}},
		{name: "internal/config/x.go", imports: []string{"ipc"}},
		{name: "vault/x.go", imports: []string{"math/rand"}},
		{name: "ipc/x.go", imports: []string{"github.com/prometheus/client_golang/prometheus"}},
		{name: "ipc/metrics/x.go", imports: []string{"vault"}},
		{name: "cmd/vaultd/x.go", imports: []string{"github.com/google/go-tpm/tpm2"}},
		{name: "vault/x.go", imports: []string{"github.com/cloudflare/circl/secretsharing"}},
		{name: "vault/audit/x.go", imports: []string{"github.com/coreos/go-systemd/v22/journal"}},
		{name: "cmd/vaultd/x.go", imports: []string{"github.com/kardianos/service"}},
		{name: "ipc/x.go", imports: []string{"github.com/coreos/go-systemd/v22/activation"}},
		{name: "cmd/vaultd/x.go", imports: []string{"github.com/godbus/dbus/v5"}},
	} {
		if !slices.ContainsFunc(rules, func(r rule) bool { _, bad := r.broken(c); return r.binds(c) && bad }) {
			t.Errorf("no rule minds that %s imports %s", c.name, c.imports)
		}
	}
	for _, c := range []file{
		{name: "vault/store/x.go", imports: []string{"github.com/dgraph-io/badger/v4", "internal/secret", "vault/fault"}},
		{name: "vault/x.go", imports: []string{"vault/store", "crypto/keytype", "internal/secret"}},
		{name: "ipc/x.go", imports: []string{"connectrpc.com/connect", "vault", "net/http", "ipc/peer"}},
		{name: "cmd/vaultd/x.go", imports: []string{"ipc", "vault", "internal/config"}},
		{name: "ipc/client/x.go", imports: []string{"ipc/frame", "vault/fault", "ipc/api/vaultd/v1", "internal/paths"}},
	} {
		for _, r := range rules {
			if i, bad := r.broken(c); r.binds(c) && bad {
				t.Errorf("%s may not import %s: %s", c.name, i, r.why)
			}
		}
	}
}
