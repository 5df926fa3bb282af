package command

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/render"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
)

// event is one as JSON shows it, a line each.
type event struct {
	Sequence uint64     `json:"sequence,omitempty"`
	Event    string     `json:"event"`
	Key      string     `json:"key,omitempty"`
	ID       string     `json:"key_id,omitempty"`
	Type     string     `json:"type,omitempty"`
	Version  uint32     `json:"version,omitempty"` // absent is the key as a whole
	At       time.Time  `json:"at"`
	Due      *time.Time `json:"due,omitempty"`
}

// eventKinds are the kinds of events that the daemon knows.
var eventKinds = []string{
	"created", "rotated", "expiring", "expired", "suspended", "resumed", "revoked", "destruction-scheduled", "destruction-cancelled", "destroyed",
}

// missedEvent is what says that some were not seen.
const missedEvent = "missed"

func (a *app) events() *cobra.Command {
	var follow bool
	var react reaction
	request := &vaultdv1.ReadEventsRequest{PageSize: 1000}
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Print what happens to keys",
		Long: strings.TrimSpace(`
Print what happened lately to the keys that you may show, oldest first; with -f
go on with what is to come until interrupted. It is kept in memory: the newest
4096 events of all keys, since the daemon started. When some could not be seen,
a line says so ("missed"): look at your keys then. The record that lasts is the
audit log.

With --exec a program is run for each event that is printed, one after the other,
with the event and the key as arguments ("missed" has no key) and the event in
JSON on its standard input. It runs as whoever runs this command, with a fixed
environment and no terminal; its output goes to standard error. When it fails, a
note says so and the next event follows. docs/EVENTS.md has a unit for it.

A week before its current version expires, if not configured otherwise, a key is
"expiring".`),
		Example: example(`
vaultctl events -f
vaultctl events -f --key mail --kind rotated -o json
vaultctl events -f --kind rotated --exec /usr/local/lib/reload-mail
vaultctl events --owner alice --type ed25519`),
		Args: takes(),
	}
	f := cmd.Flags()
	f.BoolVarP(&follow, "follow", "f", false, "go on with events to come")
	f.StringVar(&request.Owner, "owner", "", "only of this `OWNER`'s keys")
	f.StringVar(&request.Key, "key", "", "only of this `KEY`")
	f.StringVar(&request.Type, "type", "", "only of keys of this `TYPE`")
	f.StringSliceVar(&request.Kinds, "kind", nil, "only events of these `KINDS`: "+strings.Join(eventKinds, ", "))
	f.StringVar(&react.program, "exec", "", "run this `PROGRAM`, an absolute path, for each event")
	f.DurationVar(&react.limit, "exec-timeout", time.Minute, "end the program after this `TIME`")
	mustCompleteBy(cmd, "owner", a.completeOwner)
	mustCompleteBy(cmd, "key", a.completeKey)
	mustComplete(cmd, "kind", eventKinds...)
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, _ []string) error {
		if err := react.check(); err != nil {
			return err
		}
		if request.Key != "" {
			name, err := a.names.Key(request.Key)
			if err != nil {
				return err
			}
			request.Key = name
		}
		for {
			r, err := c.ReadEvents(ctx, request)
			if err != nil {
				return err
			}
			if r.GetMissed() {
				if err := a.printMissed(); err != nil {
					return err
				}
				if err := react.run(ctx, a, missedEvent, "", event{Event: missedEvent, At: time.Now().UTC()}); err != nil {
					return err
				}
			}
			for _, e := range r.GetEvents() {
				if err := a.printEvent(e); err != nil {
					return err
				}
				if err := react.run(ctx, a, e.GetKind(), e.GetKey(), newEvent(e)); err != nil {
					return err
				}
			}
			if r.GetNext() <= request.GetFrom() {
				if !follow {
					return nil
				}
				request.Wait = durationpb.New(tailWait)
			}
			request.From, request.Run = r.GetNext(), r.GetRun()
		}
	})
	return cmd
}

func (a *app) printMissed() error {
	if a.print.JSON {
		return json.NewEncoder(a.stdout).Encode(map[string]string{"event": missedEvent})
	}
	_, err := fmt.Fprintf(a.stdout, "%-19s  %-21s  %s\n", "", missedEvent, "some events are not known any more")
	return err
}

func newEvent(e *vaultdv1.KeyEvent) event {
	out := event{
		Sequence: e.GetSequence(), Event: e.GetKind(), Key: e.GetKey(), ID: e.GetKeyId(), Type: e.GetType(),
		Version: e.GetVersion(), At: e.GetAt().AsTime(),
	}
	if e.GetDue() != nil {
		due := e.GetDue().AsTime()
		out.Due = &due
	}
	return out
}

func (a *app) printEvent(e *vaultdv1.KeyEvent) error {
	if a.print.JSON {
		return json.NewEncoder(a.stdout).Encode(newEvent(e))
	}
	what := e.GetKey()
	if e.GetVersion() > 0 {
		what += fmt.Sprintf(" v%d", e.GetVersion())
	}
	what += "  " + e.GetType()
	if e.GetDue() != nil {
		what += ", due " + e.GetDue().AsTime().Local().Format(time.DateTime)
	}
	text := fmt.Sprintf("%s  %-21s  %s", e.GetAt().AsTime().Local().Format(time.DateTime), e.GetKind(), what)
	_, err := fmt.Fprintln(a.stdout, render.Clean(text))
	return err
}
