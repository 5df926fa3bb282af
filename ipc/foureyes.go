package ipc

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
)

// maxApprovalDetails bounds what a second administrator has to read, in bytes.
const maxApprovalDetails = 4 << 10

// fourEyes decides on a request that d puts under four eyes. With an approval
// of exactly this request, which is thereby used up, it is decided anew, so
// that a deny that came meanwhile wins. Otherwise it is put before the
// administrators, and the error says so.
func (s *Server) fourEyes(c *call, m *method, req message, r policy.Resource, at *policy.Attributes, d *policy.Decision) error {
	bare := proto.Clone(req.(proto.Message))
	blank(bare.(message))
	details, err := s.service.details(bare)
	if err != nil {
		return err
	}
	same, err := identify(c.who, m, bare, details)
	if err != nil {
		return err
	}
	// These are read although no grant asked for any: one may since.
	if known := s.service.attributes(c, m, req, r); known != nil && s.service.approvals.has(same, s.service.stillAdmin) {
		known.Approved = true
		anew := c.caller.Decide(m.action, r, known)
		if !anew.Allowed {
			*d = anew
			return s.denied(c, m, m.action, r, known, anew)
		}
		// Not before, so that it can be rejected until it is used.
		if a, ok := s.service.approvals.take(same); ok {
			*d = anew
			exactly(req, bare)
			c.approval = approvalUse{ID: a.id, By: a.decidedBy}
			s.log.Info("approval used", "approval", a.id, "action", string(m.action), "uid", c.who.UID, "approved_by", a.decidedBy)
			return nil
		}
		known.Approved = false
	}
	decision := s.service.note(c.who, m.action, r, at, *d)
	_, admin := s.policy.IsAdmin(c.who)
	a, err := s.service.approvals.file(approval{
		asked: same, who: c.who, action: m.action, resource: policy.Resource{Owner: strings.Clone(r.Owner), Key: strings.Clone(r.Key)},
		details: details, grant: d.Grant,
	}, admin)
	if err != nil {
		return err
	}
	c.approval = approvalUse{ID: a.id, Decision: decision}
	s.log.Info("approval required", "approval", a.id, "state", a.state, "decision", decision,
		"action", string(m.action), "uid", c.who.UID, "grant", d.Grant)
	if a.state == approvalRejected {
		return rejected(&a)
	}
	return fault.E(fault.CodeApprovalRequired, "a second administrator has to approve this").About(a.id).
		WithHint("ask one to run 'vaultctl approval approve %s', and make the same request again before %s; 'vaultctl explain %s' says more",
			a.id, a.expires.Format("15:04 MST"), decision)
}

// identify is what tells the request from every other: its bytes, without
// secrets, and what the details say that it means just now.
func identify(who *policy.Principal, m *method, bare proto.Message, details string) (asked, error) {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(bare)
	if err != nil {
		return asked{}, fmt.Errorf("encode the request: %w", err)
	}
	h := sha256.New()
	_ = binary.Write(h, binary.BigEndian, uint64(len(b))) // a hash takes everything
	h.Write(b)
	h.Write([]byte(details))
	same := asked{uid: who.UID, user: who.User, method: m.number}
	h.Sum(same.sum[:0])
	return same, nil
}

// stillAdmin reports whether who could approve now: it is who it was, and an
// administrator.
func (s *service) stillAdmin(who *policy.Principal) bool {
	_, admin := s.policy.IsAdmin(who)
	return admin && s.principals.still(who)
}

// exactly has a request say what its approval is for, and not what it comes to
// mean while it waits to be performed.
func exactly(req message, bare proto.Message) {
	switch m := bare.(type) {
	case *vaultdv1.AddGrantRequest:
		req.(*vaultdv1.AddGrantRequest).Json = m.Json
	case *vaultdv1.ExportKeyRequest:
		req.(*vaultdv1.ExportKeyRequest).Version = m.Version
	case *vaultdv1.WrapKeyRequest:
		req.(*vaultdv1.WrapKeyRequest).Version = m.Version
	}
}

// details is what a second administrator reads of a request without secrets,
// which it changes to say the same more exactly. What can't be performed
// anyway is refused before anybody is asked, and so is what is too long to read.
func (s *service) details(bare proto.Message) (string, error) {
	var text []byte
	var err error
	switch m := bare.(type) {
	case *vaultdv1.AddGrantRequest:
		g, flawed := newGrant(m.GetJson())
		if flawed != nil {
			return "", flawed
		}
		text, err = json.Marshal(struct { // without the id, which is another one every time
			ID int `json:"id,omitempty"`
			policy.Grant
		}{Grant: g})
		m.Json = string(text) // with which process it is
	case *vaultdv1.RemoveGrantRequest:
		g, ok := findGrant(s.rules.list(), m.GetId())
		switch {
		case !ok:
			return "", noGrant(m.GetId())
		case g.Source.File != "":
			return "", inFile(g)
		}
		text, err = json.Marshal(g)
	case *vaultdv1.ExportKeyRequest:
		if m.Version, err = s.exactVersion(m.GetName(), m.GetVersion()); err != nil {
			return "", err
		}
		text, err = protojson.Marshal(m)
	case *vaultdv1.WrapKeyRequest:
		if m.Version, err = s.exactVersion(m.GetKey(), m.GetVersion()); err != nil {
			return "", err
		}
		text, err = protojson.Marshal(m)
	default:
		text, err = protojson.Marshal(m)
	}
	if err != nil {
		return "", err
	}
	var compact bytes.Buffer // protojson puts spaces where it likes
	if err := json.Compact(&compact, text); err != nil {
		return "", err
	}
	shown := visible(compact.String())
	if len(shown) > maxApprovalDetails {
		return "", fault.E(fault.CodeTooLarge, "the request is too long for a second administrator to read").
			WithHint("its text has %d bytes, and may have %d; make it shorter, or several of it", len(shown), maxApprovalDetails)
	}
	return shown, nil
}

// exactVersion puts a number for the newest version, which is another one after a
// rotation.
func (s *service) exactVersion(key string, version uint32) (uint32, error) {
	if version != 0 {
		return version, nil
	}
	name, err := vault.ParseName(key)
	if err != nil {
		return 0, err
	}
	k, err := s.vault.ShowKey(context.Background(), name)
	return k.Version, err
}

// visible writes the characters of JSON that nobody sees, or that move what
// stands around them, as escapes: who approves must see what it approves.
func visible(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// approvalUse is what a request has to do with an approval, for its records.
type approvalUse struct {
	ID string // of the approval that it waits for, used, or decided on
	By string // who approved what was used

	Decision string // id of the decision that asks for it
}
