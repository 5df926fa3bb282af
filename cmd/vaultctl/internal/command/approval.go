package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/render"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/fault"
)

// approvalPoll is how long one question about an approval waits for its answer.
const approvalPoll = 4 * time.Second

// awaits reports whether err is that a second administrator has to approve, and
// the user wants to wait for that. Without a terminal nobody would know.
func (a *app) awaits(err error) (id string, yes bool) {
	var e *fault.Error
	if !errors.As(err, &e) || e.Code != fault.CodeApprovalRequired || e.Ref == "" {
		return "", false
	}
	seen := !a.print.JSON && !a.print.Quiet && render.IsTerminal(a.print.Err)
	return e.Ref, a.waitApproval || seen
}

// awaitApproval waits until the request of that id is decided.
func (a *app) awaitApproval(ctx context.Context, id string) error {
	a.print.Note("Waiting for a second administrator: vaultctl approval approve %s", id)
	stop := a.print.Progress("Waiting for approval")
	defer stop()
	request := &vaultdv1.AwaitApprovalRequest{Id: id, Wait: durationpb.New(min(approvalPoll, a.timeout/2))}
	for {
		limit, cancel := context.WithTimeout(ctx, a.timeout)
		r, err := a.client.AwaitApproval(limit, request)
		cancel()
		if err != nil {
			return err
		}
		if r.GetApproval().GetState() != "waiting" {
			return nil
		}
	}
}

func (a *app) approval() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "approval",
		Short: "List, approve and reject requests that need a second person",
		Long: strings.TrimSpace(`
A grant can put exporting and destroying keys, and changing the policy, under
four eyes: the request waits until a second administrator approves it, and can
then be made once, within an hour, exactly as it was and by who made it.

On a terminal, a command that needs approval waits for it. Elsewhere it fails
with approval_required, unless --wait-approval is given; the same command again
goes through once it is approved. Requests that wait are forgotten after an
hour, and when the daemon ends.`),
		Args: cobra.ArbitraryArgs,
		RunE: group,
	}
	cmd.AddCommand(a.approvalList(), a.approvalApprove(), a.approvalReject())
	return cmd
}

// approvalView is an approval as JSON shows it.
type approvalView struct {
	ID        string          `json:"id"`
	State     string          `json:"state"` // "waiting", "approved", "rejected"
	Action    string          `json:"action"`
	Resource  string          `json:"resource"`
	Details   json.RawMessage `json:"details,omitempty"` // what else the request says, without secrets
	Requester principalView   `json:"requester"`
	Requested *time.Time      `json:"requested"`
	Expires   *time.Time      `json:"expires"`
	Grant     string          `json:"grant"` // that asks for the approval
	DecidedBy string          `json:"decided_by,omitempty"`
}

func viewApproval(p *vaultdv1.Approval) approvalView {
	v := approvalView{
		ID: p.GetId(), State: p.GetState(), Action: p.GetAction(), Resource: p.GetResource(), Requester: viewOf(p.GetRequester()),
		Requested: timeOf(p.GetRequested()), Expires: timeOf(p.GetExpires()), Grant: p.GetGrant(), DecidedBy: p.GetDecidedBy(),
	}
	if json.Valid([]byte(p.GetDetails())) {
		v.Details = json.RawMessage(p.GetDetails())
	}
	return v
}

func (v approvalView) who() string {
	if v.Requester.User == "" {
		return fmt.Sprintf("uid %d", v.Requester.UID)
	}
	return fmt.Sprintf("%s (%d)", v.Requester.User, v.Requester.UID)
}

func (a *app) printApproval(p *vaultdv1.Approval) error {
	v := viewApproval(p)
	return a.print.Object(v, func(t *render.Table) {
		t.Field("Request", v.ID)
		t.Field("State", v.State)
		t.Field("Decided by", v.DecidedBy)
		t.Field("Action", v.Action+" on "+v.Resource)
		t.Field("Details", string(v.Details))
		t.Field("Requester", v.who())
		t.Field("Program", v.Requester.Exe)
		t.Field("Requested", a.print.When(p.GetRequested()))
		t.Field("Expires", a.print.When(p.GetExpires()))
		t.Field("Grant", v.Grant)
	})
}

func (a *app) approvalList() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the requests that wait for approval, or have been decided",
		Long: strings.TrimSpace(`
List the requests under four eyes that wait, are approved and not yet made
again, or were rejected within the last hour. Administrators see all of them,
others their own.`),
		Example: example("vaultctl approval list\nvaultctl approval list -o json | jq '.approvals[].id'"),
		Args:    takes(),
	}
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, _ []string) error {
		r, err := call(ctx, a, "Listing", c.ListApprovals, &vaultdv1.ListApprovalsRequest{})
		if err != nil {
			return err
		}
		views := make([]approvalView, len(r.GetApprovals()))
		for i, p := range r.GetApprovals() {
			views[i] = viewApproval(p)
		}
		return a.print.Object(struct {
			Approvals []approvalView `json:"approvals"`
		}{views}, func(t *render.Table) {
			t.Row("REQUEST", "STATE", "WHO", "ACTION", "ON", "EXPIRES", "DETAILS")
			for i, v := range views {
				t.Row(v.ID, v.State, v.who(), v.Action, v.Resource, a.print.Until(r.GetApprovals()[i].GetExpires()), string(v.Details))
			}
		})
	})
	return cmd
}

func (a *app) approvalApprove() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "approve REQUEST",
		Short: "Let a request be made, once",
		Long: strings.TrimSpace(`
Approve a request: for an hour, who made it can make it again, exactly as it
was, and once. It takes an administrator with another uid than the requester's.

On a terminal you are shown what is asked for and type the word approve;
elsewhere, give --yes.`),
		Example: example("vaultctl approval approve 4f1d0c2a9b8e7766"),
		Args:    takes("REQUEST"),
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "don't ask")
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		if !yes {
			r, err := call(ctx, a, "Reading the request", c.AwaitApproval, &vaultdv1.AwaitApprovalRequest{Id: args[0]})
			if err != nil {
				return err
			}
			v := viewApproval(r.GetApproval())
			what := render.Clean(fmt.Sprintf("%s asks for %s on %s.", v.who(), v.Action, v.Resource))
			if len(v.Details) > 0 {
				what += "\n" + render.Clean(string(v.Details))
			}
			if err := a.ask.Confirm(ctx, what, "approve", "--yes"); err != nil {
				return err
			}
		}
		r, err := call(ctx, a, "Approving", c.Approve, &vaultdv1.ApproveRequest{Id: args[0]})
		if err != nil {
			return err
		}
		return a.printApproval(r.GetApproval())
	})
	return cmd
}

func (a *app) approvalReject() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reject REQUEST",
		Short: "Refuse a request",
		Long: strings.TrimSpace(`
Reject a request: made again within an hour it is refused with
approval_rejected. One that was approved can be rejected until it is used. It
takes an administrator with another uid than the requester's.`),
		Example: example("vaultctl approval reject 4f1d0c2a9b8e7766"),
		Args:    takes("REQUEST"),
	}
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		r, err := call(ctx, a, "Rejecting", c.Reject, &vaultdv1.RejectRequest{Id: args[0]})
		if err != nil {
			return err
		}
		return a.printApproval(r.GetApproval())
	})
	return cmd
}
