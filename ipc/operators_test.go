package ipc_test

import (
	"encoding/base64"
	"maps"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
)

func TestStatusTakesStockForAdministrators(t *testing.T) {
	for _, f := range formsToTest() {
		t.Run(f.name, func(t *testing.T) {
			log, set := withAudit(t, filepath.Join(t.TempDir(), "audit"))
			if err := log.SetSigner("vaultd/test", make([]byte, 32)); err != nil {
				t.Fatal(err)
			}
			d := start(t, set)
			c, ctx := f.dial(t, d), t.Context()
			for name, ttl := range map[string]time.Duration{"root/day": 24 * time.Hour, "root/month": 30 * 24 * time.Hour} {
				if _, err := c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: name, Ttl: durationpb.New(ttl)}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: "root/gone"}); err != nil {
				t.Fatal(err)
			}
			if _, err := c.DestroyKey(ctx, &vaultdv1.DestroyKeyRequest{Name: "root/gone"}); err != nil {
				t.Fatal(err)
			}
			day, err := c.ShowKey(ctx, &vaultdv1.ShowKeyRequest{Name: "root/day"})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.CheckpointAudit(ctx, &vaultdv1.CheckpointAuditRequest{}); err != nil {
				t.Fatal(err)
			}
			signed := log.Status().Checkpoint.Size
			if err := log.Flush(); err != nil {
				t.Fatal(err)
			}
			head := log.Head()
			s, err := c.Status(ctx, &vaultdv1.StatusRequest{})
			if err != nil {
				t.Fatal(err)
			}
			if want := map[string]uint64{"active": 2, "destroyed": 1}; !maps.Equal(s.GetKeyStates(), want) {
				t.Errorf("states %v", s.GetKeyStates())
			}
			if next := day.GetKey().GetVersions()[0].GetExpires(); s.GetExpiringSoon() != 1 || !s.GetNextExpiry().AsTime().Equal(next.AsTime()) {
				t.Errorf("%d expire soon, the next at %v, want 1 at %v", s.GetExpiringSoon(), s.GetNextExpiry(), next)
			}
			if s.GetStoreBytes() == 0 || s.GetGoVersion() != runtime.Version() {
				t.Errorf("%d bytes, built with %q", s.GetStoreBytes(), s.GetGoVersion())
			}
			if got, want := s.GetAuditHead(), base64.StdEncoding.EncodeToString(head.Root[:]); got != want || s.GetAuditRecords() != uint64(head.Size) {
				t.Errorf("head %s over %d records, want %s over %d", got, s.GetAuditRecords(), want, head.Size)
			}
			if signed == 0 || s.GetAuditSigned() < uint64(signed) || s.GetAuditSigned() > s.GetAuditRecords() {
				t.Errorf("%d of %d records are signed, want %d", s.GetAuditSigned(), s.GetAuditRecords(), signed)
			}

			if _, err := c.Seal(ctx, &vaultdv1.SealRequest{}); err != nil {
				t.Fatal(err)
			}
			s, err = c.Status(ctx, &vaultdv1.StatusRequest{})
			if err != nil || s.GetKeyStates() != nil || s.GetNextExpiry() != nil || s.GetStoreBytes() != 0 {
				t.Errorf("sealed: %v, %v", s, err)
			}
			if s.GetAuditHead() == "" || s.GetGoVersion() == "" {
				t.Errorf("the log's head and Go's version are not told while sealed: %v", s)
			}
		})
	}
}
