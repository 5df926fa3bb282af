package harden

import (
	"log/slog"
	"os"
	"strings"
)

// Measure is one step and what became of it.
type Measure struct {
	Name string // such as "no-core-dump"
	Err  error  // why the system refused, nil when it holds
}

// Process applies every measure that the system offers to the running process,
// and returns them in the order they were tried. It is called once, first thing
// in main, before a secret is read.
func Process() []Measure {
	measures := platform()
	return append(measures, Measure{Name: "drop-secret-environment", Err: dropSecretEnvironment()})
}

// Log writes the measures to log: what holds in one line, each refusal as a warning.
func Log(log *slog.Logger, measures []Measure) {
	var held []string
	for _, m := range measures {
		if m.Err == nil {
			held = append(held, m.Name)
			continue
		}
		log.Warn("a hardening measure was refused", "measure", m.Name, "err", m.Err)
	}
	log.Debug("process hardened", "measures", held)
}

// secretish are the endings of environment variables that, by habit of other
// programs, hold secrets. The daemon reads none of them, and its children and
// error reports shall not have them either.
var secretish = []string{"PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "API_KEY", "ACCESS_KEY", "PRIVATE_KEY"}

// dropSecretEnvironment removes such variables from the environment. The
// kernel's copy in /proc/PID/environ stays, readable by root alone once the
// process is not dumpable.
func dropSecretEnvironment() error {
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		for _, end := range secretish {
			if strings.HasSuffix(strings.ToUpper(name), end) {
				if err := os.Unsetenv(name); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
