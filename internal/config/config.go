package config

import (
	"bytes"
	"log/slog"
	"slices"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/vaultd/vaultd/internal/paths"
)

// Config is everything that can be configured. Its zero value is not valid:
// start with [System] or [User].
type Config struct {
	Store   Store   `toml:"store"`
	Socket  Socket  `toml:"socket"`
	Access  Access  `toml:"access"`
	Unseal  Unseal  `toml:"unseal"`
	Seal    Seal    `toml:"seal"`
	Audit   Audit   `toml:"audit"`
	Metrics Metrics `toml:"metrics"`
	Events  Events  `toml:"events"`
	Limits  Limits  `toml:"limits"`
	Log     Log     `toml:"log"`
}

// Store says where the vault is kept.
type Store struct {
	Dir     string `toml:"dir"`      // absolute, created with mode 0700
	Anchor  string `toml:"anchor"`   // rollback anchor, a file outside Dir; empty for none
	MinFree Size   `toml:"min_free"` // free space below which changes are refused; 0 picks one
	Ballast Size   `toml:"ballast"`  // space kept for sealing and revoking on a full disk; 0 picks one

	OnTampering Reaction `toml:"on_tampering"` // when somebody else touches the daemon's files
}

// Socket says where clients connect.
type Socket struct {
	Path  string `toml:"path"`  // absolute
	Mode  Mode   `toml:"mode"`  // of the socket
	Group string `toml:"group"` // of the socket; empty leaves it to the system
}

// Access says who may do everything, besides root and the daemon's own user,
// and where the grants for all others are.
type Access struct {
	AdminGroups []string `toml:"admin_groups"`
	PolicyDir   string   `toml:"policy_dir"` // grants, *.toml; empty for none
}

// Unseal says how the daemon opens the vault by itself, at its start and at a
// reload, where a key slot of that kind was added.
type Unseal struct {
	Sources []string `toml:"sources"`  // tried in this order, of UnsealSources; none for never
	KeyFile string   `toml:"key_file"` // absolute; empty for none
	TPM     string   `toml:"tpm"`      // device of the TPM 2.0, absolute; empty for none
}

// The sources of a secret that the daemon can ask without a person.
const (
	SourceCredential = "credential" // of the service manager
	SourceTPM        = "tpm"
	SourceKeyFile    = "key-file"
)

// UnsealSources are all of them, in their natural order.
var UnsealSources = []string{SourceCredential, SourceTPM, SourceKeyFile}

// Seal says when the daemon seals the vault by itself.
type Seal struct {
	Idle      Duration `toml:"idle"`       // without use of a key; 0 for never
	OnSuspend bool     `toml:"on_suspend"` // before the machine goes to sleep
	OnLogout  bool     `toml:"on_logout"`  // the daemon's user has no session any more
	OnLock    bool     `toml:"on_lock"`    // a session of the daemon's user is locked
}

// Audit says where every request is recorded.
type Audit struct {
	Enabled     bool   `toml:"enabled"`
	Dir         string `toml:"directory"`    // absolute, created with mode 0700
	SegmentSize Size   `toml:"segment_size"` // of a file
	Compress    bool   `toml:"compress"`     // complete files
	Journald    bool   `toml:"journald"`     // a copy of each record in systemd's journal
	Pipe        string `toml:"pipe"`         // a copy in this FIFO, absolute; empty for none
}

// Metrics says where Prometheus is told how the daemon fares.
type Metrics struct {
	Socket string `toml:"socket"` // absolute; empty for none
	Mode   Mode   `toml:"mode"`   // of the socket
	Group  string `toml:"group"`  // of the socket; empty leaves it to the system
}

// Events says what users of keys are told of, see docs/EVENTS.md.
type Events struct {
	ExpiringBefore Duration `toml:"expiring_before"` // how long before its expiry a key is told of
}

// Limits bound what clients can take; the fields are those of ipc.Limits, and
// KeysPerOwner is the vault's.
type Limits struct {
	MessageSize         Size     `toml:"message_size"`         // of a request
	Connections         int      `toml:"connections"`          // open at once
	ConnectionsPerUser  int      `toml:"connections_per_user"` // root is exempt
	ReservedConnections int      `toml:"reserved_connections"` // kept for administrators
	InFlight            int      `toml:"in_flight"`            // requests of one HTTP/2 connection
	Memory              Size     `toml:"memory"`               // of all messages together
	MemoryPerUser       Size     `toml:"memory_per_user"`      // root is exempt
	Expensive           int      `toml:"expensive"`            // slow computations at once; 0 for half the processors
	ExpensivePerUser    int      `toml:"expensive_per_user"`   // running or waiting
	RequestsPerSecond   int      `toml:"requests_per_second"`  // of one uid; 0 for no limit; root is exempt
	RequestBurst        int      `toml:"request_burst"`        // at once
	ChangesPerSecond    int      `toml:"changes_per_second"`   // of one uid; 0 for no limit; root is exempt
	ChangeBurst         int      `toml:"change_burst"`         // at once
	KeysPerOwner        int      `toml:"keys_per_owner"`       // destroyed ones included; 0 for no limit
	RequestTimeout      Duration `toml:"request_timeout"`
	HeaderTimeout       Duration `toml:"header_timeout"`
	WriteTimeout        Duration `toml:"write_timeout"`
	IdleTimeout         Duration `toml:"idle_timeout"`
}

// Log says what is written to standard error, and how.
type Log struct {
	Level  slog.Level `toml:"level"`
	Format Format     `toml:"format"`
}

// System is the default configuration of the machine's vault: everybody may
// connect, the kernel tells who it is, and every request is recorded.
func System() Config {
	c := defaults(paths.System(), 0o666)
	c.Audit.Enabled = true
	return c
}

// User is the default configuration of a user's own vault. Nobody else can ask
// it for anything, and an audit log would put the names of its keys into the
// home in clear, so that none is kept unless asked for. It returns
// [paths.ErrNoHome] when the environment, read by getenv, gives it no place.
func User(getenv func(string) string) (Config, error) {
	places, err := paths.User(getenv)
	if err != nil {
		return Config{}, err
	}
	return defaults(places, 0o600), nil
}

func defaults(places paths.Set, mode Mode) Config {
	return Config{
		Store:   Store{Dir: places.Store, Anchor: places.Anchor, OnTampering: ReactWarn},
		Socket:  Socket{Path: places.Socket, Mode: mode},
		Access:  Access{AdminGroups: []string{}, PolicyDir: places.Policy},
		Unseal:  Unseal{Sources: slices.Clone(UnsealSources), TPM: "/dev/tpmrm0"},
		Audit:   Audit{Dir: places.Audit, SegmentSize: 64 << 20},
		Metrics: Metrics{Mode: 0o600},
		Events:  Events{ExpiringBefore: Duration(7 * 24 * time.Hour)},
		Limits: Limits{
			MessageSize:         1 << 20,
			Connections:         1024,
			ConnectionsPerUser:  128,
			ReservedConnections: 16,
			InFlight:            16,
			Memory:              128 << 20,
			MemoryPerUser:       32 << 20,
			ExpensivePerUser:    8,
			RequestBurst:        1000,
			ChangesPerSecond:    100,
			ChangeBurst:         1000,
			KeysPerOwner:        100_000,
			RequestTimeout:      Duration(30 * time.Second),
			HeaderTimeout:       Duration(5 * time.Second),
			WriteTimeout:        Duration(10 * time.Second),
			IdleTimeout:         Duration(10 * time.Minute),
		},
		Log: Log{Level: slog.LevelInfo, Format: FormatAuto},
	}
}

// TOML is the configuration as a file that [Load] reads back the same.
func (c Config) TOML() ([]byte, error) {
	var b bytes.Buffer
	e := toml.NewEncoder(&b)
	e.Indent = ""
	if err := e.Encode(c); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
