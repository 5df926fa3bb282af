package ipc_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if script := os.Getenv(helperScript); script != "" {
		os.Exit(runHelper(script))
	}
	goleak.VerifyTestMain(m,
		// The HTTP client's idle connections end a moment after they are closed.
		goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"),
		goleak.IgnoreTopFunction("net/http.(*persistConn).readLoop"),
	)
}
