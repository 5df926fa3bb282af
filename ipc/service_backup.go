package ipc

import (
	"context"
	"encoding/hex"
	"strconv"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/audit"
	"github.com/vaultd/vaultd/vault/fault"
)

// backupPart is how much of a backup one answer has, in bytes.
const backupPart = 960 << 10

// BeginBackup begins a backup.
func (s *service) BeginBackup(ctx context.Context, req *vaultdv1.BeginBackupRequest) (*vaultdv1.BeginBackupResponse, error) {
	o := vault.BackupOptions{SinceSequence: req.GetSinceSequence()}
	if hash := req.GetSinceSha256(); len(hash) != 0 {
		if len(hash) != len(o.SinceHash) {
			return nil, fault.E(fault.CodeBadArgument, "since_sha256 has %d bytes, not %d", len(o.SinceHash), len(hash))
		}
		o.SinceHash = [32]byte(hash)
	}
	b, err := s.vault.BeginBackup(ctx, o)
	if err != nil {
		return nil, err
	}
	_, total := b.Progress()
	id := s.readings.begin(callFrom(ctx), b)
	return &vaultdv1.BeginBackupResponse{Id: id, Backup: backupMessage(b.Made()), Records: total}, nil
}

func backupMessage(k vault.KnownBackup) *vaultdv1.Backup {
	m := &vaultdv1.Backup{Sequence: k.Sequence, Full: k.Full, Base: k.Base, Time: timestamp(k.Time)}
	if k.Hash != [32]byte{} {
		m.Sha256 = k.Hash[:]
	}
	return m
}

// ReadBackup gives the next part. Of all parts the last leaves a record.
func (s *service) ReadBackup(ctx context.Context, req *vaultdv1.ReadBackupRequest) (*vaultdv1.ReadBackupResponse, error) {
	c := callFrom(ctx)
	r, err := s.readings.goOn(c, req.GetId())
	if err != nil {
		return nil, err
	}
	defer s.readings.rest(r)
	b, ok := r.what.(*vault.Backup)
	switch {
	case !ok:
		return nil, errNoReading
	case req.GetGiveUp():
		s.readings.end(r)
		return &vaultdv1.ReadBackupResponse{}, nil
	case req.GetOffset() != r.offset:
		return nil, fault.E(fault.CodeBadArgument, "the next part begins at byte %d, not %d", r.offset, req.GetOffset())
	}
	part, done, err := b.Read(ctx, min(backupPart, s.messageSize()))
	if err != nil {
		s.readings.end(r)
		return nil, err
	}
	r.offset += uint64(len(part))
	resp := &vaultdv1.ReadBackupResponse{Data: part, Done: done}
	resp.RecordsRead, resp.Records = b.Progress()
	c.unrecorded = !done
	if done {
		resp.Backup = backupMessage(b.Made())
		s.readings.end(r)
	}
	return resp, nil
}

// Check verifies the vault some more. The first and the last part leave a record.
func (s *service) Check(ctx context.Context, req *vaultdv1.CheckRequest) (*vaultdv1.CheckResponse, error) {
	c, id := callFrom(ctx), req.GetId()
	if id == "" {
		check, err := s.vault.BeginCheck(ctx)
		if err != nil {
			return nil, err
		}
		_, total := check.Progress()
		return &vaultdv1.CheckResponse{Id: s.readings.begin(c, check), Records: total, Sequence: check.Report().Sequence}, nil
	}
	r, err := s.readings.goOn(c, id)
	if err != nil {
		return nil, err
	}
	defer s.readings.rest(r)
	check, ok := r.what.(*vault.LiveCheck)
	switch {
	case !ok:
		return nil, errNoReading
	case req.GetGiveUp():
		s.readings.end(r)
		return &vaultdv1.CheckResponse{}, nil
	}
	done, err := check.Step(ctx)
	if err != nil {
		s.readings.end(r)
		return nil, err
	}
	report := check.Report()
	resp := &vaultdv1.CheckResponse{Id: id, Done: done, Sequence: report.Sequence}
	resp.RecordsRead, resp.Records = check.Progress()
	c.unrecorded = !done
	if !done {
		return resp, nil
	}
	s.readings.end(r)
	for _, f := range report.Findings {
		m := &vaultdv1.CheckFinding{Severity: f.Severity.String(), File: f.File, Record: f.Record, What: f.What}
		if f.Offset >= 0 {
			at := uint64(f.Offset)
			m.Offset = &at
		}
		resp.Findings = append(resp.Findings, m)
	}
	return resp, nil
}

// ListBackups lists those that the vault remembers.
func (s *service) ListBackups(context.Context, *vaultdv1.ListBackupsRequest) (*vaultdv1.ListBackupsResponse, error) {
	list, err := s.vault.Backups()
	if err != nil {
		return nil, err
	}
	resp := new(vaultdv1.ListBackupsResponse)
	for _, k := range list {
		resp.Backups = append(resp.Backups, backupMessage(k))
	}
	return resp, nil
}

// describeBackup says in the audit log which backup it was.
func describeBackup(b *vaultdv1.Backup) []audit.Field {
	if b == nil {
		return nil
	}
	fields := []audit.Field{{Name: "sequence", Value: strconv.FormatUint(b.GetSequence(), 10)}}
	if !b.GetFull() {
		fields = append(fields, audit.Field{Name: "base", Value: strconv.FormatUint(b.GetBase(), 10)})
	}
	if len(b.GetSha256()) > 0 {
		fields = append(fields, audit.Field{Name: "sha256", Value: hex.EncodeToString(b.GetSha256())})
	}
	return fields
}
