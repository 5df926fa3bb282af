package harden

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
)

func TestSecretEnvironmentIsDropped(t *testing.T) {
	t.Setenv("VAULTD_PASSWORD", "x")
	t.Setenv("Db_Passwd", "x")
	t.Setenv("GITHUB_TOKEN", "x")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "x")
	t.Setenv("HARDEN_KEEPS_THIS", "x")
	t.Setenv("SSH_AUTH_SOCK", "x")
	if err := dropSecretEnvironment(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"VAULTD_PASSWORD": false, "Db_Passwd": false, "GITHUB_TOKEN": false, "AWS_SECRET_ACCESS_KEY": false,
		"HARDEN_KEEPS_THIS": true, "SSH_AUTH_SOCK": true,
	} {
		if _, kept := os.LookupEnv(name); kept != want {
			t.Errorf("%s: kept %v, want %v", name, kept, want)
		}
	}
}

func TestRefusalsAreLogged(t *testing.T) {
	var out bytes.Buffer
	Log(slog.New(slog.NewTextHandler(&out, nil)), []Measure{{Name: "fine"}, {Name: "bad", Err: errors.New("not here")}})
	if s := out.String(); !strings.Contains(s, "measure=bad") || !strings.Contains(s, "not here") || strings.Contains(s, "fine") {
		t.Fatalf("log: %s", s)
	}
}
