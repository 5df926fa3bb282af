package ipc_test

import (
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault/fault"
)

// Who follows events leaves one record, however often it asks.
func TestFollowingEventsIsRecordedOnce(t *testing.T) {
	log, set := withAudit(t, filepath.Join(t.TempDir(), "audit"))
	d := start(t, set)
	d.createKey(t, "root/k", "xaes-256-gcm")
	c, req := d.dial(t), &vaultdv1.ReadEventsRequest{}
	records := func() int64 {
		if err := log.Flush(); err != nil {
			t.Fatal(err)
		}
		return log.Head().Size
	}
	before := records()
	for range 4 {
		r, err := c.ReadEvents(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		req.From, req.Run, req.Wait = r.GetNext(), r.GetRun(), durationpb.New(time.Millisecond)
	}
	if n := records() - before; n != 1 {
		t.Errorf("%d records of one reader", n)
	}
}

// A schedule is what the caller asked for, or refused.
func TestSchedulesOverTheSocket(t *testing.T) {
	c := start(t).dial(t)
	every := durationpb.New(30 * 24 * time.Hour)
	made, err := c.CreateKey(t.Context(), &vaultdv1.CreateKeyRequest{Name: "root/k", RotateEvery: every})
	if err != nil || made.GetKey().GetRotateEvery().AsDuration() != every.AsDuration() || made.GetKey().GetNextRotation() == nil {
		t.Fatalf("%v, %v", made, err)
	}
	if _, err := c.UpdateKey(t.Context(), &vaultdv1.UpdateKeyRequest{Name: "root/k", RotateEvery: every, NoRotation: true}); codeOf(err) != fault.CodeBadArgument {
		t.Errorf("a schedule and none: %v", err)
	}
	if _, err := c.UpdateKey(t.Context(), &vaultdv1.UpdateKeyRequest{Name: "root/k", RotateEvery: durationpb.New(-1)}); codeOf(err) != fault.CodeBadArgument {
		t.Errorf("a negative period: %v", err)
	}
	none, err := c.UpdateKey(t.Context(), &vaultdv1.UpdateKeyRequest{Name: "root/k", NoRotation: true})
	if err != nil || none.GetKey().GetRotateEvery() != nil || none.GetKey().GetNextRotation() != nil {
		t.Errorf("%v, %v", none, err)
	}
}
