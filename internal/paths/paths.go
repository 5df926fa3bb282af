package paths

import (
	"errors"
	"fmt"
	"path/filepath"
)

// MaxSocket is the longest path of a Unix socket, in bytes: sockaddr_un has 108
// on Linux, one of which ends the string; 104 on the BSDs and macOS.
const MaxSocket = maxSocket

// Set is where one vault lives.
type Set struct {
	Config string // the configuration file, which need not exist
	Policy string // the directory of policy files, which need not exist
	Store  string // the store directory
	Anchor string // the rollback anchor, a file outside Store
	Socket string // the Unix socket
	Audit  string // the directory of the audit log
}

// ErrNoHome is returned when neither HOME nor the XDG variables say where a
// user's files are.
var ErrNoHome = errors.New("HOME is not set, so there is no place for a vault of your own; set HOME, or name --store and --socket")

// System is the machine's vault.
func System() Set {
	return Set{
		Config: "/etc/vaultd/vaultd.toml",
		Policy: "/etc/vaultd/policy.d",
		Store:  "/var/lib/vaultd",
		Anchor: "/var/lib/vaultd-anchor/anchor",
		Socket: "/run/vaultd/vaultd.sock",
		Audit:  "/var/log/vaultd/audit",
	}
}

// User is the vault of the user whose environment getenv reads, such as
// os.Getenv. Variables that are not absolute paths are ignored, as the XDG
// specification asks. It returns ErrNoHome when the environment does not say.
func User(getenv func(string) string) (Set, error) {
	base := func(variable, underHome string) string {
		if dir := getenv(variable); filepath.IsAbs(dir) {
			return filepath.Clean(dir)
		}
		if home := getenv("HOME"); filepath.IsAbs(home) {
			return filepath.Join(home, underHome)
		}
		return ""
	}
	config, data := base("XDG_CONFIG_HOME", ".config"), base("XDG_DATA_HOME", ".local/share")
	state := base("XDG_STATE_HOME", ".local/state")
	if config == "" || data == "" || state == "" {
		return Set{}, ErrNoHome
	}
	s := Set{
		Config: filepath.Join(config, "vaultd", "vaultd.toml"),
		Policy: filepath.Join(config, "vaultd", "policy.d"),
		Store:  filepath.Join(data, "vaultd"),
		Anchor: filepath.Join(state, "vaultd", "anchor"),
		Audit:  filepath.Join(state, "vaultd", "audit"),
		// Without a runtime directory (no login session, a container) the socket
		// goes where only the user can create names, unlike /tmp, where another
		// user could be first.
		Socket: filepath.Join(state, "vaultd", "run", "vaultd.sock"),
	}
	if run := getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(run) {
		s.Socket = filepath.Join(run, "vaultd", "vaultd.sock")
	}
	return s, nil
}

// Sockets are the places where a client looks for a daemon, best first: the one
// that VAULTD_SOCKET names and no other, or else the user's own, or else the machine's.
func Sockets(getenv func(string) string) []string {
	if s := getenv("VAULTD_SOCKET"); s != "" {
		return []string{s}
	}
	if own, err := User(getenv); err == nil {
		return []string{own.Socket, System().Socket}
	}
	return []string{System().Socket}
}

// CheckSocket returns an error when path is too long for a Unix socket, or is
// not absolute.
func CheckSocket(path string) error {
	if !filepath.IsAbs(path) {
		return fmt.Errorf("the socket path %q is not absolute", path)
	}
	if len(path) > MaxSocket {
		return fmt.Errorf("the socket path has %d bytes and the system allows %d; choose a shorter one by --socket or [socket] path: %s",
			len(path), MaxSocket, path)
	}
	return nil
}
