package command

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/parse"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/render"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/stream"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
)

func (a *app) exchange() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "exchange",
		Short: "Agree on a session key with somebody, each knowing the other",
		Long: strings.TrimSpace(`
Agree on a session key with the owner of another signing key, on this machine or
another. Both sides sign all of the conversation, so that whoever carries the
messages can read them but not change, swap, reflect or replay them. The
result is stored on both sides as a key that expires.

Each side must know the other's signing key beforehand: its public key in a
file, or its fingerprint from a source that it trusts. Messages are text; send
them by mail, ssh or file.

--compat speaks the format of the original Python program instead: a
Diffie-Hellman public key with an RSA-PSS signature over it.`),
		Example: example(`
# once: exchange the signing keys' fingerprints in a way both sides trust
vaultctl key create id --type ed25519 && vaultctl key show id

# 1. on alice's machine
vaultctl exchange offer --key id --as chat --peer SHA256:BOB… --out offer
# 2. on bob's machine
vaultctl exchange accept offer --key id --as chat --peer SHA256:ALICE… --out answer
# 3. on alice's machine, then on bob's
vaultctl exchange finish answer --out last
vaultctl exchange finish last`),
		Args: cobra.ArbitraryArgs,
		RunE: group,
	}
	cmd.AddCommand(a.exchangeOffer(), a.exchangeAccept(), a.exchangeFinish())
	return cmd
}

// exchanging are the flags that both sides of an exchange take.
type exchanging struct {
	key, session, kind, peer, purpose, out string
	ttl                                    parse.Age
	compat                                 bool
}

func (a *app) exchangeFlags(cmd *cobra.Command) *exchanging {
	x := &exchanging{}
	f := cmd.Flags()
	f.StringVar(&x.key, "key", "", "your signing `KEY` (RSA, ECDSA or Ed25519)")
	f.StringVar(&x.session, "as", "", "`NAME` of the key to store the result as")
	f.StringVar(&x.peer, "peer", "", "the peer's signing key, `PEER`: a file with the public key, or its fingerprint SHA256:…")
	f.StringVar(&x.purpose, "purpose", "", "`PURPOSE` of the session key; both sides must say the same")
	f.StringVar(&x.kind, "type", "", "`TYPE` of the session key (default fernet)")
	f.Var(&x.ttl, "ttl", "lifetime of the session key (default: the type's; 1h for fernet)")
	f.StringVar(&x.out, "out", "", "write the message to this `FILE` instead of standard output")
	f.BoolVar(&x.compat, "compat", false, "use the messages of the original program")
	mustCompleteBy(cmd, "key", a.completeKeyFlag)
	mustComplete(cmd, "type", "fernet", "xaes-256-gcm", "aes-256-gcm", "chacha20-poly1305", "hmac-sha256")
	return x
}

// names checks that the flags are there, and completes the key names.
func (x *exchanging) names(cmd *cobra.Command, names parse.Names) (err error) {
	for _, f := range []struct{ flag, value string }{{"key", x.key}, {"as", x.session}, {"peer", x.peer}} {
		if f.value == "" {
			return needs(cmd, f.flag)
		}
	}
	if x.key, err = names.Key(x.key); err != nil {
		return err
	}
	x.session, err = names.Key(x.session)
	return err
}

func (a *app) exchangeOffer() *cobra.Command {
	group := ""
	cmd := &cobra.Command{
		Use:   "offer --key SIGNING --as SESSION --peer FILE|FINGERPRINT",
		Short: "Begin an exchange: write the first message",
		Long: strings.TrimSpace(`
Begin an exchange and write its first message for the peer. The secret half
waits in the vault until the peer's answer is given to 'vaultctl exchange finish',
or the offer expires.`),
		Example: example(`
vaultctl exchange offer --key id --as chat --peer bob.pem --out offer
vaultctl exchange offer --key id --as chat --peer SHA256:… --group p256 --purpose chat --ttl 1d`),
		Args: takes(),
	}
	x := a.exchangeFlags(cmd)
	cmd.Flags().StringVar(&group, "group", "", "x25519 (default), p256 or ffdh-2048")
	mustComplete(cmd, "group", "x25519", "p256", "p384", "ffdh-2048")
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, _ []string) error {
		if err := x.names(cmd, a.names); err != nil {
			return err
		}
		peerKey, fingerprint, err := a.peerKey(ctx, x.peer)
		if err != nil {
			return err
		}
		r, err := call(ctx, a, "Making the offer", c.OfferExchange, &vaultdv1.OfferExchangeRequest{
			SigningKey: x.key, SessionKey: x.session, SessionType: x.kind, SessionTtl: x.ttl.Proto(),
			Group: group, Purpose: x.purpose, PeerPublicKey: peerKey, PeerFingerprint: fingerprint, Compat: x.compat,
		})
		if err != nil {
			return err
		}
		if a.print.JSON {
			return a.exchanged(exchangeView{ID: r.GetExchangeId(), Message: r.GetMessage(), Expires: timeOf(r.GetExpires())}, nil)
		}
		if err := stream.Write(a.stdout, x.out, []byte(r.GetMessage())); err != nil {
			return err
		}
		if r.GetExpires() != nil {
			a.print.Note("The peer's answer is awaited until %s.", a.print.When(r.GetExpires()))
		}
		return nil
	})
	return cmd
}

func (a *app) exchangeAccept() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "accept [OFFER] --key SIGNING --as SESSION --peer FILE|FINGERPRINT",
		Short: "Answer a peer's offer: write the second message",
		Long: strings.TrimSpace(`
Answer an offer, read from a file or standard input, and write the second message
for the peer. The session key is stored when the peer's last message is given to
'vaultctl exchange finish'; with --compat, at once.`),
		Example: example(`
vaultctl exchange accept offer --key id --as chat --peer alice.pem --out answer
ssh alice cat offer | vaultctl exchange accept --key id --as chat --peer SHA256:… > answer`),
		Args: takes("[OFFER]"),
	}
	x := a.exchangeFlags(cmd)
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		if err := x.names(cmd, a.names); err != nil {
			return err
		}
		peerKey, fingerprint, err := a.peerKey(ctx, x.peer)
		if err != nil {
			return err
		}
		offer, err := a.input(ctx, first(args), "offer")
		if err != nil {
			return err
		}
		r, err := call(ctx, a, "Answering the offer", c.AcceptExchange, &vaultdv1.AcceptExchangeRequest{
			Message: string(offer), SigningKey: x.key, SessionKey: x.session, SessionType: x.kind, SessionTtl: x.ttl.Proto(),
			Purpose: x.purpose, PeerPublicKey: peerKey, PeerFingerprint: fingerprint, Compat: x.compat,
		})
		if err != nil {
			return err
		}
		if a.print.JSON {
			return a.exchanged(exchangeView{ID: r.GetExchangeId(), Message: r.GetMessage()}, r.GetSession())
		}
		if err := stream.Write(a.stdout, x.out, []byte(r.GetMessage())); err != nil {
			return err
		}
		if s := r.GetSession(); s != nil {
			a.print.Note("The session key is stored as %s, %s.", s.GetName(), render.Newest(s).GetFingerprint())
		}
		return nil
	})
	return cmd
}

func (a *app) exchangeFinish() *cobra.Command {
	var peer, owner, out string
	cmd := &cobra.Command{
		Use:   "finish [MESSAGE]",
		Short: "Complete an exchange with the peer's message, and store the key",
		Long: strings.TrimSpace(`
Complete an exchange with the peer's message, read from a file or standard
input. The side that made the offer gets one last message to send back; when
the other side gives that to 'finish' as well, both have the key.

A message works once: a second time answers exchange_replayed.`),
		Example: example(`
vaultctl exchange finish answer --out last
vaultctl exchange finish last
vaultctl exchange finish answer --peer bob.pem       # after offer --compat`),
		Args: takes("[MESSAGE]"),
	}
	cmd.Flags().StringVar(&peer, "peer", "", "with --compat messages: `FILE` with the peer's public signing key")
	cmd.Flags().StringVar(&owner, "owner", "", "whose exchange it is, an `OWNER` (default: found by the message; you, with --peer)")
	cmd.Flags().StringVar(&out, "out", "", "write the last message to this `FILE` instead of standard output")
	mustCompleteBy(cmd, "owner", a.completeOwner)
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		request := &vaultdv1.FinishExchangeRequest{Owner: owner}
		var err error
		if peer != "" {
			if owner == "" { // these messages don't tell it
				if request.Owner, err = a.names.Owner(); err != nil {
					return err
				}
			}
			if request.PeerPublicKey, err = a.input(ctx, peer, "peer's public key"); err != nil {
				return err
			}
		}
		message, err := a.input(ctx, first(args), "message")
		if err != nil {
			return err
		}
		request.Message = string(message)
		r, err := call(ctx, a, "Finishing the exchange", c.FinishExchange, request)
		if err != nil {
			return err
		}
		if a.print.JSON {
			return a.exchanged(exchangeView{Message: r.GetMessage(), Peer: r.GetPeerFingerprint()}, r.GetSession())
		}
		if r.GetMessage() == "" {
			return a.print.Key(r.GetSession())
		}
		if err := stream.Write(a.stdout, out, []byte(r.GetMessage())); err != nil {
			return err
		}
		a.print.Note("The session key is stored as %s, %s.", r.GetSession().GetName(), render.Newest(r.GetSession()).GetFingerprint())
		a.print.Note("Send the last message to the peer, who gives it to 'vaultctl exchange finish'.")
		return nil
	})
	return cmd
}

// peerKey reads who the other side of an exchange must be: a fingerprint, or a
// file with the public key.
func (a *app) peerKey(ctx context.Context, peer string) (publicKey []byte, fingerprint string, err error) {
	if strings.HasPrefix(peer, "SHA256:") {
		return nil, peer, nil
	}
	publicKey, err = a.input(ctx, peer, "peer's public key")
	return publicKey, "", err
}

// exchangeView is a step of an exchange as JSON shows it.
type exchangeView struct {
	ID      string      `json:"exchange_id,omitempty"`
	Message string      `json:"message,omitempty"` // for the peer
	Expires *time.Time  `json:"expires,omitempty"` // of the offer
	Peer    string      `json:"peer_fingerprint,omitempty"`
	Session *render.Key `json:"session,omitempty"`
}

func (a *app) exchanged(v exchangeView, session *vaultdv1.Key) error {
	if session != nil {
		k := render.NewKey(session)
		v.Session = &k
	}
	return a.print.Object(v, nil)
}

func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}
