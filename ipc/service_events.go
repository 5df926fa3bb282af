package ipc

import (
	"context"
	"slices"
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
)

// How much of the events one answer has, how many are looked at for it, and how
// long it waits for a first one. A waiting request holds up a stop of the daemon.
const (
	eventPage    = 100
	eventPageMax = 1000
	eventScan    = 1000
	eventWaitMax = 4 * time.Second
)

// ReadEvents returns what happened to the keys that the caller may show.
func (s *service) ReadEvents(ctx context.Context, req *vaultdv1.ReadEventsRequest) (*vaultdv1.ReadEventsResponse, error) {
	choice, err := chooseEvents(req)
	if err != nil {
		return nil, err
	}
	if err := s.openVault(); err != nil { // nobody is judged while it is sealed
		return nil, err
	}
	size := int(req.GetPageSize())
	if size == 0 {
		size = eventPage
	}
	c := callFrom(ctx)
	resp := &vaultdv1.ReadEventsResponse{Next: req.GetFrom(), Run: s.events.run}
	switch {
	case req.GetRun() != "" && req.GetRun() != s.events.run:
		resp.Next, resp.Missed = 0, true
	case req.GetFrom() > s.events.end():
		return nil, fault.E(fault.CodeBadArgument, "there is no event %d yet", req.GetFrom()).WithHint("read on from the number that an answer ends with")
	default:
		// Who follows asks again and again, and is told of nothing new about who asks.
		c.unrecorded = req.GetRun() != "" && req.GetFrom() > 0
	}
	limit, cancel := context.WithTimeout(ctx, choice.wait)
	defer cancel()
	room := s.messageSize() / 2
	may := make(map[vault.Name]bool)
	for {
		events, missed, more := s.events.from(resp.GetNext(), eventScan)
		resp.Missed = resp.GetMissed() || missed
		resp.Next = max(resp.GetNext(), 1)
		for _, e := range events {
			if choice.wants(&e.KeyEvent) && s.maySee(c.who, e.Name, may) {
				p := eventToProto(&e)
				if len(resp.GetEvents()) == size || room < p.SizeVT() {
					return resp, nil
				}
				room -= p.SizeVT() + 8
				resp.Events = append(resp.Events, p)
			}
			resp.Next = e.number + 1
		}
		if len(resp.GetEvents()) > 0 || resp.GetMissed() || len(events) == eventScan {
			return resp, nil
		}
		select {
		case <-more:
		case <-limit.Done():
			return resp, ctx.Err()
		}
	}
}

// maySee reports whether who may show a key now, remembering it in may.
func (s *service) maySee(who *policy.Principal, name vault.Name, may map[vault.Name]bool) bool {
	if known, found := may[name]; found {
		return known
	}
	at := &policy.Attributes{}
	s.keyAttributes(name, at)
	may[name] = s.policy.Explain(who, policy.ShowKey, policy.Resource{Owner: name.Owner(), Key: name.Key()}, at).Allowed
	return may[name]
}

// eventChoice is which events a request asks for.
type eventChoice struct {
	owner, key, kind string
	kinds            []string
	wait             time.Duration
}

func chooseEvents(req *vaultdv1.ReadEventsRequest) (eventChoice, error) {
	c := eventChoice{owner: req.GetOwner(), key: req.GetKey(), kind: req.GetType(), kinds: req.GetKinds()}
	if w := req.GetWait(); w != nil {
		if c.wait = w.AsDuration(); w.CheckValid() != nil || c.wait < 0 {
			return c, fault.E(fault.CodeBadArgument, "wait must not be negative")
		}
		c.wait = min(c.wait, eventWaitMax)
	}
	if req.GetPageSize() > eventPageMax {
		return c, fault.E(fault.CodeBadArgument, "page_size %d is over %d", req.GetPageSize(), eventPageMax)
	}
	if c.owner != "" {
		if _, err := vault.ParseOwner(c.owner); err != nil {
			return c, err
		}
	}
	if c.key != "" {
		if _, err := vault.ParseName(c.key); err != nil {
			return c, err
		}
	}
	for _, k := range c.kinds {
		if !slices.Contains(vault.KeyEventKinds(), k) {
			return c, fault.E(fault.CodeBadArgument, "there is no event %q", clip(k)).WithHint("such as rotated, expiring or destroyed")
		}
	}
	return c, nil
}

func (c *eventChoice) wants(e *vault.KeyEvent) bool {
	return (c.owner == "" || e.Name.Owner() == c.owner) && (c.key == "" || e.Name.String() == c.key) &&
		(c.kind == "" || e.Type == c.kind) && (len(c.kinds) == 0 || slices.Contains(c.kinds, e.Kind.String()))
}

func eventToProto(e *numbered) *vaultdv1.KeyEvent {
	return &vaultdv1.KeyEvent{
		Sequence: e.number, Kind: e.Kind.String(), Key: e.Name.String(), KeyId: e.ID.String(), Type: e.Type,
		Version: e.Version, At: timestamp(e.At), Due: timestamp(e.Due),
	}
}
