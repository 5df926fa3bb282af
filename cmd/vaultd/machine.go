package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"strings"
)

// machineFile is where Linux keeps the machine's id, see machine-id(5).
const machineFile = "/etc/machine-id"

// machineID names this machine in bindings of accounts. It is made from the
// machine's id, which machine-id(5) asks not to be shown. A machine without one
// has the empty name; an account bound there is another one once it has.
func machineID(file string, log *slog.Logger) string {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	id, bad := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || bad != nil || len(id) != 16 {
		if len(strings.TrimSpace(string(text))) > 0 || err != nil { // containers have an empty one
			log.Warn("the machine's id can't be read, and so accounts are bound to no machine", "file", file, "err", err)
		}
		return ""
	}
	mac := hmac.New(sha256.New, id)
	mac.Write([]byte("vaultd/1/machine"))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}
