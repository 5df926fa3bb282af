package ipc_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault/backup"
	"github.com/vaultd/vaultd/vault/fault"
)

func TestBackupComesInParts(t *testing.T) {
	d := start(t)
	d.createKey(t, "root/a", "ed25519")
	c := d.dial(t)
	begun, err := c.BeginBackup(t.Context(), &vaultdv1.BeginBackupRequest{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.ReadBackup(t.Context(), &vaultdv1.ReadBackupRequest{Id: begun.GetId(), Offset: 7})
	wantCode(t, "a part out of order", err, fault.CodeBadArgument)
	_, err = c.ReadBackup(t.Context(), &vaultdv1.ReadBackupRequest{Id: "another"})
	wantCode(t, "another id", err, fault.CodeBadArgument)
	_, err = c.Check(t.Context(), &vaultdv1.CheckRequest{Id: begun.GetId()})
	wantCode(t, "a check under the id of a backup", err, fault.CodeBadArgument)
	var file bytes.Buffer
	for {
		r, err := c.ReadBackup(t.Context(), &vaultdv1.ReadBackupRequest{Id: begun.GetId(), Offset: uint64(file.Len())})
		if err != nil {
			t.Fatal(err)
		}
		file.Write(r.GetData())
		if r.GetDone() {
			if !bytes.Equal(r.GetBackup().GetSha256(), file.Bytes()[file.Len()-32:]) {
				t.Error("the hash is not the file's")
			}
			break
		}
	}
	if _, err := backup.CheckHash(bytes.NewReader(file.Bytes())); err != nil {
		t.Error(err)
	}
	_, err = c.ReadBackup(t.Context(), &vaultdv1.ReadBackupRequest{Id: begun.GetId(), Offset: uint64(file.Len())})
	wantCode(t, "after the end", err, fault.CodeBadArgument)
}

// awaitBackup asks for a backup until it begins; those before are given up by then.
func awaitBackup(t *testing.T, d *daemon) {
	t.Helper()
	c := d.dial(t)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		begun, err := c.BeginBackup(t.Context(), &vaultdv1.BeginBackupRequest{})
		if err == nil {
			if _, err := c.ReadBackup(t.Context(), &vaultdv1.ReadBackupRequest{Id: begun.GetId(), GiveUp: true}); err != nil {
				t.Fatal(err)
			}
			return
		}
		wantCode(t, "a second backup", err, fault.CodeBusy)
		if time.Now().After(deadline) {
			t.Fatal("the first backup is never given up")
		}
	}
}

func TestBackupEndsWithItsConnection(t *testing.T) {
	d := start(t)
	c := d.dial(t)
	if _, err := c.BeginBackup(t.Context(), &vaultdv1.BeginBackupRequest{}); err != nil {
		t.Fatal(err)
	}
	_, err := d.dial(t).Check(t.Context(), &vaultdv1.CheckRequest{})
	wantCode(t, "a check meanwhile", err, fault.CodeBusy)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	awaitBackup(t, d)
}

func TestBackupOverHTTPEndsWhenNobodyGoesOn(t *testing.T) {
	d := start(t)
	d.server.SetReadingIdle(50 * time.Millisecond)
	resp, err := d.httpClient(t, false).Post("http://vaultd/vaultd.v1.VaultService/BeginBackup", "application/json", bytes.NewReader([]byte("{}")))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var begun struct{ ID string }
	if err := json.NewDecoder(resp.Body).Decode(&begun); err != nil || resp.StatusCode != http.StatusOK || begun.ID == "" {
		t.Fatal(resp.Status, err)
	}
	d.server.SetReadingIdle(0)
	awaitBackup(t, d)
}

func TestCheckGoesOnUntilItIsDone(t *testing.T) {
	d := start(t)
	d.createKey(t, "root/a", "ed25519")
	c := d.dial(t)
	r, err := c.Check(t.Context(), &vaultdv1.CheckRequest{})
	for err == nil && !r.GetDone() {
		r, err = c.Check(t.Context(), &vaultdv1.CheckRequest{Id: r.GetId()})
	}
	if err != nil || len(r.GetFindings()) > 0 || r.GetRecordsRead() == 0 || r.GetRecordsRead() != r.GetRecords() {
		t.Fatal(r, err)
	}
	awaitBackup(t, d)
}
