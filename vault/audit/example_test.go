package audit_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/vaultd/vaultd/vault/audit"
)

func Example() {
	parent, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(parent)
	dir := filepath.Join(parent, "audit")

	log, err := audit.Open(dir, audit.Options{})
	if err != nil {
		panic(err)
	}
	// The vault was unsealed: here is the key that it derives for checkpoints.
	if err := log.SetSigner("vaultd/00112233445566778899aabbccddeeff", make([]byte, 32)); err != nil {
		panic(err)
	}
	seq, err := log.Append(context.Background(), audit.Record{
		Principal: audit.Principal{UID: 1000, User: "alice"},
		Action:    "key.revoke", Owner: "alice", Key: audit.Key{Name: "session"},
		Outcome: audit.Allowed, Rule: "owner",
	})
	if err != nil {
		panic(err)
	}
	fmt.Println("record", seq)
	proof, err := log.Prove(seq)
	if err != nil {
		panic(err)
	}
	_, _, err = audit.CheckProof(proof.Text(), proof.Line, log.PublicKey())
	fmt.Println("proof:", err)
	if err := log.Close(); err != nil {
		panic(err)
	}
	report, err := audit.Verify(dir, audit.VerifyOptions{})
	fmt.Println("verified:", report.Records, report.OK(), err)
	// Output:
	// record 0
	// proof: <nil>
	// verified: 1 true <nil>
}
