package command

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/prompt"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/render"
	"github.com/vaultd/vaultd/crypto/shares"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/fault"
)

// shareSource is the share that a user enters.
type shareSource struct {
	asked, reset bool
	from         *prompt.Source
}

func shareFlags(cmd *cobra.Command) *shareSource {
	s := &shareSource{}
	cmd.Flags().BoolVar(&s.asked, "share", false, "enter one share; the vault opens when enough are there")
	cmd.Flags().BoolVar(&s.reset, "reset", false, "with --share: have the daemon forget the shares that were entered")
	s.from = secretFlags(cmd, "share")
	for _, other := range []string{"recovery", "key-file"} {
		cmd.MarkFlagsMutuallyExclusive("share", other)
	}
	return s
}

func (s *shareSource) given() bool { return s.asked || s.from.Given() }

// shareView is the progress of a set as JSON shows it.
type shareView struct {
	Slot        string     `json:"slot"`
	Entered     uint32     `json:"entered"`
	Threshold   uint32     `json:"threshold"`
	ForgottenAt *time.Time `json:"forgotten_at,omitempty"`
}

func viewShares(list []*vaultdv1.ShareProgress) (views []shareView) {
	for _, p := range list {
		views = append(views, shareView{p.GetSlot(), p.GetEntered(), p.GetThreshold(), timeOf(p.GetForgottenAt())})
	}
	return views
}

// progressText is "2 of 3 shares".
func progressText(p *vaultdv1.ShareProgress) string {
	return strconv.FormatUint(uint64(p.GetEntered()), 10) + " of " + strconv.FormatUint(uint64(p.GetThreshold()), 10) + " shares"
}

// enterShare reads one share and gives it to the daemon. A slip of the pen is told here.
func (a *app) enterShare(ctx context.Context, c *client.Client, from *shareSource, acceptRollback bool) error {
	if err := a.claimSources(*from.from); err != nil {
		return err
	}
	text, err := a.ask.Existing(ctx, *from.from)
	if err != nil {
		return err
	}
	defer text.Wipe()
	share, err := shares.Parse(text.Bytes())
	if err != nil {
		return fault.E(fault.CodeInvalidShare, "%v", err).WithHint("compare it with what was written down")
	}
	share.Wipe()
	r, err := call(ctx, a, "Entering the share", c.EnterShare, &vaultdv1.EnterShareRequest{Share: text.Bytes(), AcceptRollback: acceptRollback})
	if err != nil {
		return err
	}
	for _, w := range r.GetWarnings() {
		a.print.Warn("%s", w)
	}
	p := r.GetProgress()
	return a.print.Object(struct {
		Sealed bool   `json:"sealed"`
		Share  uint32 `json:"share"`
		shareView
		Warnings []string `json:"warnings"`
	}{!r.GetUnsealed(), r.GetIndex(), viewShares([]*vaultdv1.ShareProgress{p})[0], append([]string{}, r.GetWarnings()...)}, func(t *render.Table) {
		if r.GetUnsealed() {
			t.Line("Share %d was the last that it took. The vault is unsealed.", r.GetIndex())
			return
		}
		t.Line("Share %d is entered: %s for %s.", r.GetIndex(), progressText(p), p.GetSlot())
		t.Field("Kept until", a.print.When(p.GetForgottenAt()))
	})
}

// resetShares has the daemon forget what was entered.
func (a *app) resetShares(ctx context.Context, c *client.Client) error {
	r, err := call(ctx, a, "Forgetting", c.ResetShares, &vaultdv1.ResetSharesRequest{})
	if err != nil {
		return err
	}
	return a.print.Object(struct {
		Forgotten uint32 `json:"forgotten"`
	}{r.GetForgotten()}, func(t *render.Table) { t.Line("Shares forgotten: %d.", r.GetForgotten()) })
}
