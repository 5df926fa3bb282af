package ipc

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
)

// WhoAmI tells what the daemon knows of the caller.
func (s *service) WhoAmI(ctx context.Context, _ *vaultdv1.WhoAmIRequest) (*vaultdv1.WhoAmIResponse, error) {
	c := callFrom(ctx)
	role, _ := s.policy.IsAdmin(c.who)
	resp := &vaultdv1.WhoAmIResponse{Principal: principalToProto(c.who), Role: role}
	if !c.who.Changed {
		resp.Owner = c.who.User
	}
	if c.standing != nil {
		resp.Standing, resp.Why = string(c.standing.verdict), c.standing.why
	}
	return resp, nil
}

// Can decides without doing. Nothing is counted. A caller learns of itself what
// a denial would tell it; only an administrator learns of others.
func (s *service) Can(ctx context.Context, req *vaultdv1.CanRequest) (*vaultdv1.CanResponse, error) {
	who := callFrom(ctx).who
	_, admin := s.policy.IsAdmin(who)
	subject := who
	if req.GetAs() != nil {
		if !admin {
			return nil, fault.E(fault.CodePermissionDenied, "permission denied").
				WithHint("only administrators may ask about somebody else")
		}
		subject = principalFromProto(req.GetAs())
		subject.Changed = !s.policy.IsSupreme(subject.UID) && s.principals.refuses(subject.UID)
	}
	rule, known := policy.ForVerb(req.GetAction())
	if !known {
		return nil, fault.E(fault.CodeBadArgument, "there is no action %q", clip(req.GetAction())).
			WithHint("such as encrypt, key.encrypt or vault.seal")
	}
	resource, err := resourceOf(req.GetResource())
	if err != nil {
		return nil, err
	}
	resource = s.ofAlias(rule.Action, resource)
	peer := peerOf(subject)
	if err := fromPeer(req.GetContext(), &peer); err != nil {
		return nil, err
	}
	at := &policy.Attributes{}
	if bound, err := contextFromProto(req.GetContext()); err != nil {
		return nil, err
	} else if len(bound) > 0 {
		for _, p := range bound {
			at.Context = append(at.Context, policy.Pair{Name: p.Name, Value: p.Value})
		}
	}
	if name, err := vault.ParseName(resource.String()); resource.Key != "" && err == nil {
		ofPeer := s.keyAttributes(name, at)
		if bindsContext(rule.Action) {
			at.Context = fillIn(at.Context, ofPeer, &peer)
		}
	}
	e := s.policy.Explain(subject, rule.Action, resource, at)
	if !admin {
		e = e.ForCaller()
	}
	return &vaultdv1.CanResponse{
		Allowed: e.Allowed, Rule: e.Rule, Grant: closestOf(e), Missing: missingToProto(e.Missing), PolicyGeneration: e.Generation,
	}, nil
}

// resourceOf reads "owner/name", "owner/", and nothing for the vault itself.
func resourceOf(text string) (policy.Resource, error) {
	var t targets
	owner, key, found := strings.Cut(text, "/")
	switch {
	case text == "":
		return policy.Resource{}, nil
	case !found || key == "":
		if err := t.addOwner(owner); err != nil {
			return policy.Resource{}, err
		}
	default:
		if err := t.addKey(text); err != nil {
			return policy.Resource{}, err
		}
	}
	return t.resources[0], nil
}

// ofAlias is the key that a request for the action would be about, which may be
// named by an alias unless it is made.
func (s *service) ofAlias(a policy.Action, r policy.Resource) policy.Resource {
	switch a {
	case policy.CreateKey, policy.ImportKey, policy.SetAlias, policy.ListAliases, policy.RemoveAlias:
		return r
	}
	name, err := vault.MakeName(r.Owner, r.Key)
	if err != nil {
		return r
	}
	key, _ := s.vault.Resolve(name)
	return policy.Resource{Owner: key.Owner(), Key: key.Key()}
}

func closestOf(e policy.Explanation) string {
	if e.Grant == "" && e.Closest != nil {
		return e.Closest.ID
	}
	return e.Grant
}

// Explain tells why a request was denied: to its caller, and to administrators.
func (s *service) Explain(ctx context.Context, req *vaultdv1.ExplainRequest) (*vaultdv1.ExplainResponse, error) {
	who := callFrom(ctx).who
	_, admin := s.policy.IsAdmin(who)
	d, e, found := s.denials.Find(req.GetDecision())
	// A used uid is not told of who had it before, nor is an account that was made again.
	if !found || !admin && (d.Who.UID != who.UID || d.Who.User != who.User || who.Changed && !d.Who.Changed) {
		return nil, fault.E(fault.CodeDecisionNotFound, "there is no decision %q", clip(req.GetDecision())).
			WithHint("only the latest %d denials are remembered, until the daemon stops", policy.MaxDenials)
	}
	if !admin {
		e = e.ForCaller()
		// A ciphertext names its key, which is not for who may not open it: this
		// is what a ciphertext of no key here is told.
		if d.Action == policy.Decrypt && d.Resource.Owner != who.User && e.Closest == nil {
			d.Resource = policy.Resource{}
		}
	}
	return &vaultdv1.ExplainResponse{
		Action: string(d.Action), Resource: d.Resource.String(), Time: timestamp(d.At), Principal: principalToProto(d.Who),
		Rule: e.Rule, Grant: closestOf(e), Missing: missingToProto(e.Missing), PolicyGeneration: e.Generation,
	}, nil
}

// AddGrant keeps a grant in the vault.
func (s *service) AddGrant(ctx context.Context, req *vaultdv1.AddGrantRequest) (*vaultdv1.AddGrantResponse, error) {
	g, err := s.rules.add(ctx, req.GetJson(), by(ctx), time.Now())
	if err != nil {
		return nil, err
	}
	p, err := s.grantToProto(g)
	if err != nil {
		return nil, err
	}
	return &vaultdv1.AddGrantResponse{Grant: p}, nil
}

// ShowGrant shows a grant in force, wherever it comes from.
func (s *service) ShowGrant(_ context.Context, req *vaultdv1.ShowGrantRequest) (*vaultdv1.ShowGrantResponse, error) {
	if err := s.openVault(); err != nil {
		return nil, err
	}
	g, ok := findGrant(s.rules.list(), req.GetId())
	if !ok {
		return nil, noGrant(req.GetId())
	}
	p, err := s.grantToProto(g)
	if err != nil {
		return nil, err
	}
	return &vaultdv1.ShowGrantResponse{Grant: p}, nil
}

func noGrant(id string) error {
	return fault.E(fault.CodeGrantNotFound, "there is no grant %q", clip(id))
}

// openVault fails while the vault is sealed: the grants and principals in it
// are not known then, and a list without them would be misread.
func (s *service) openVault() error { return s.vault.Opened() }

// ListGrants lists one page of the grants in force by their ids.
func (s *service) ListGrants(_ context.Context, req *vaultdv1.ListGrantsRequest) (*vaultdv1.ListGrantsResponse, error) {
	if err := s.openVault(); err != nil {
		return nil, err
	}
	all := s.rules.list()
	if after := req.GetPageToken(); after != "" {
		if _, err := policy.ParseID(after); err != nil {
			return nil, fault.E(fault.CodeBadArgument, "the page token is not of this listing")
		}
		i, found := slices.BinarySearchFunc(all, after, func(g policy.Grant, id string) int { return cmp.Compare(g.ID, id) })
		if found {
			i++
		}
		all = all[i:]
	}
	return fitting(s.messageSize(), req.GetPageSize(), func(size uint32) (*vaultdv1.ListGrantsResponse, int, error) {
		n, err := count("page_size", size)
		switch {
		case err != nil:
			return nil, 0, err
		case n > maxGrantPage:
			return nil, 0, fault.E(fault.CodeBadArgument, "a page has 1 to %d entries", maxGrantPage)
		case n == 0:
			n = defaultGrantPage
		}
		page := all[:min(n, len(all))]
		resp := &vaultdv1.ListGrantsResponse{}
		for _, g := range page {
			p, err := s.grantToProto(g)
			if err != nil {
				return nil, 0, err
			}
			resp.Grants = append(resp.Grants, p)
		}
		if len(page) < len(all) {
			resp.NextPageToken = page[len(page)-1].ID
		}
		return resp, len(page), nil
	})
}

// Sizes of a page of ListGrants.
const (
	defaultGrantPage = 100
	maxGrantPage     = 1000
)

// RemoveGrant removes a grant from the vault.
func (s *service) RemoveGrant(ctx context.Context, req *vaultdv1.RemoveGrantRequest) (*vaultdv1.RemoveGrantResponse, error) {
	if err := s.rules.remove(ctx, req.GetId()); err != nil {
		return nil, err
	}
	return &vaultdv1.RemoveGrantResponse{}, nil
}

func (s *service) grantToProto(g policy.Grant) (*vaultdv1.Grant, error) {
	source := "vault"
	if g.Source.File != "" {
		source = fmt.Sprintf("%s:%d", g.Source.File, g.Source.Line)
	}
	text, err := json.Marshal(g)
	if err != nil {
		return nil, err
	}
	return &vaultdv1.Grant{Id: g.ID, Json: string(text), Source: source, State: s.rules.standing(&g)}, nil
}

func missingToProto(list []policy.Missing) (out []*vaultdv1.MissingAttribute) {
	for _, m := range list {
		out = append(out, &vaultdv1.MissingAttribute{Attribute: m.Attribute, Want: m.Want, Have: m.Have})
	}
	return out
}

func principalToProto(who *policy.Principal) *vaultdv1.Principal {
	return &vaultdv1.Principal{
		Uid: who.UID, Gid: who.GID, Groups: who.Groups, Pid: who.PID, User: who.User,
		Exe: who.Exe, Unit: who.Unit, UserUnit: who.UserUnit, Label: who.Label,
	}
}

// principalFromProto is somebody that an administrator asks about. What the
// request leaves out does not hold of it, rather than being unknown.
func principalFromProto(p *vaultdv1.Principal) *policy.Principal {
	return &policy.Principal{
		UID: p.GetUid(), GID: p.GetGid(), Groups: append([]uint32{}, p.GetGroups()...), PID: p.GetPid(), User: p.GetUser(),
		Exe: p.GetExe(), Unit: p.GetUnit(), UserUnit: p.GetUserUnit(), UnitKnown: true, Label: p.GetLabel(),
	}
}

// clip shortens what a client sent for an error about it.
func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}
