package command

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/prompt"
	"github.com/vaultd/vaultd/crypto/bip39"
	"github.com/vaultd/vaultd/crypto/shares"
	"github.com/vaultd/vaultd/internal/keyfile"
	"github.com/vaultd/vaultd/internal/secret"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/fault"
)

// opener is how the user opens the vault: by a password unless told otherwise.
type opener struct {
	password, words *prompt.Source
	pin             *prompt.Source // nil where a TPM slot can't be named
	takesPIN        bool           // the slot that is named
	shares          bool           // all at once, by one person
	shareFiles      []string
	recovery        bool
	keyFile, slot   string
}

// openerFlags adds the flags that say with what a command opens the vault.
func openerFlags(cmd *cobra.Command) *opener {
	o := &opener{password: secretFlags(cmd, "password")}
	cmd.Flags().BoolVar(&o.recovery, "recovery", false, "open with recovery words instead of a password")
	o.words = secretFlags(cmd, "recovery words")
	cmd.Flags().StringVar(&o.keyFile, "key-file", "", "open with the key file at this `PATH` instead of a password")
	cmd.MarkFlagsMutuallyExclusive("recovery", "key-file")
	return o
}

// sharesFlags adds those by which shares open it, for commands that need them all at once.
func (o *opener) sharesFlags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.shares, "with-shares", false, "open with shares, asked for one after the other, instead of a password")
	cmd.Flags().StringArrayVar(&o.shareFiles, "with-share-file", nil, "open with the share in this `FILE`; give as many as it takes")
	cmd.MarkFlagsMutuallyExclusive("with-shares", "recovery", "key-file")
}

// opening is the secret that the user opens the vault with. Done wipes it.
type opening struct {
	message *vaultdv1.SlotSecret
	secret  *secret.Bytes
}

func (o *opening) done() { o.secret.Wipe() }

// open reads the secret, before anything else is asked for or made.
func (o *opener) open(ctx context.Context, a *app, c *client.Client) (*opening, error) {
	kind, err := o.kind(ctx, a, c)
	if err != nil {
		return nil, err
	}
	sources := []prompt.Source{*o.password, *o.words}
	if o.pin != nil {
		sources = append(sources, *o.pin)
	}
	if err := a.claimSources(sources...); err != nil {
		return nil, err
	}
	var s *secret.Bytes
	switch kind {
	case vaultdv1.SlotKind_SLOT_KIND_KEY_FILE:
		s, err = keyfile.Read(o.keyFile)
		if err != nil {
			err = fault.E(fault.CodeBadArgument, "--key-file: %v", err)
		}
	case vaultdv1.SlotKind_SLOT_KIND_RECOVERY:
		s, err = o.readWords(ctx, a)
	case vaultdv1.SlotKind_SLOT_KIND_TPM:
		s, err = o.readPIN(ctx, a)
	case vaultdv1.SlotKind_SLOT_KIND_SHARES:
		s, err = o.readShares(ctx, a)
	default:
		s, err = a.ask.Existing(ctx, *o.password)
	}
	if err != nil {
		return nil, err
	}
	return &opening{&vaultdv1.SlotSecret{Kind: kind, Slot: o.slot, Secret: s.Bytes()}, s}, nil
}

// kind is that of the secret: as the flags say, or that of the slot which they name.
func (o *opener) kind(ctx context.Context, a *app, c *client.Client) (vaultdv1.SlotKind, error) {
	recovery := o.recovery || o.words.Given()
	switch {
	case o.keyFile != "" && (recovery || o.password.Given()), recovery && o.password.Given(),
		o.byShares() && (o.keyFile != "" || recovery || o.password.Given()):
		return 0, fault.E(fault.CodeUsage, "the vault opens with one secret, and several are given").
			WithHint("use one of a password, recovery words, shares and a key file")
	case o.keyFile != "":
		return vaultdv1.SlotKind_SLOT_KIND_KEY_FILE, nil
	case recovery:
		return vaultdv1.SlotKind_SLOT_KIND_RECOVERY, nil
	case o.byShares():
		return vaultdv1.SlotKind_SLOT_KIND_SHARES, nil
	case o.slot == "":
		return vaultdv1.SlotKind_SLOT_KIND_PASSWORD, nil
	}
	r, err := call(ctx, a, "Looking up the key slot", c.ListSlots, &vaultdv1.ListSlotsRequest{})
	if err != nil {
		return 0, err
	}
	for _, s := range r.GetSlots() {
		if s.GetName() != o.slot && slotID(s) != o.slot {
			continue
		}
		switch s.GetKind() {
		case vaultdv1.SlotKind_SLOT_KIND_PASSWORD, vaultdv1.SlotKind_SLOT_KIND_RECOVERY:
			return s.GetKind(), nil
		case vaultdv1.SlotKind_SLOT_KIND_KEY_FILE:
			return 0, fault.E(fault.CodeUsage, "the key slot %s opens with a key file", o.slot).WithHint("add --key-file PATH")
		case vaultdv1.SlotKind_SLOT_KIND_SHARES:
			return 0, fault.E(fault.CodeUsage, "the key slot %s opens with shares", o.slot).WithHint("each holder runs 'vaultctl unseal --share'")
		case vaultdv1.SlotKind_SLOT_KIND_TPM:
			if o.pin != nil {
				o.takesPIN = s.GetTakesPin()
				return s.GetKind(), nil
			}
		}
		return 0, fault.E(fault.CodeUsage, "the key slot %s, of kind %s, is the daemon's to open", o.slot, kindName(s.GetKind())).
			WithHint("'systemctl reload vaultd' has it try again")
	}
	return 0, fault.E(fault.CodeSlotNotFound, "the vault has no key slot %s", o.slot).WithHint("'vaultctl slot list' shows those that there are")
}

// readWords reads recovery words and turns them into the secret. A slip of the pen is told
// here, where it costs no guess.
func (o *opener) readWords(ctx context.Context, a *app) (*secret.Bytes, error) {
	text, err := a.ask.Existing(ctx, *o.words)
	if err != nil {
		return nil, err
	}
	defer text.Wipe()
	b, err := bip39.Decode(text.Bytes())
	if err != nil {
		return nil, fault.E(fault.CodeBadArgument, "recovery words: %v", err)
	}
	s := secret.From(b)
	if s.Len() != keyfile.Size {
		s.Wipe()
		return nil, fault.E(fault.CodeBadArgument, "recovery words of a vault are 24")
	}
	return s, nil
}

// readPIN reads the PIN of a TPM slot; the TPM itself knows the rest.
func (o *opener) readPIN(ctx context.Context, a *app) (*secret.Bytes, error) {
	if !o.takesPIN {
		return secret.New(0), nil
	}
	return a.ask.Existing(ctx, *o.pin)
}

func (o *opener) byShares() bool { return o.shares || len(o.shareFiles) > 0 }

// readShares reads as many shares as their threshold says, and puts them together here:
// what is kept of entered shares for an unseal is no proof of who asks for something else.
func (o *opener) readShares(ctx context.Context, a *app) (*secret.Bytes, error) {
	var read []shares.Share
	defer func() { wipeShares(read) }()
	for len(read) == 0 || len(read) < int(read[0].Threshold) {
		from := prompt.Source{Name: "share"}
		if len(o.shareFiles) > 0 {
			if len(read) == len(o.shareFiles) {
				return nil, fault.E(fault.CodeUsage, "%d shares are given, and it takes %d", len(read), read[0].Threshold)
			}
			from.File = o.shareFiles[len(read)]
		}
		text, err := a.ask.Existing(ctx, from)
		if err != nil {
			return nil, err
		}
		s, err := shares.Parse(text.Bytes())
		text.Wipe()
		if err != nil {
			return nil, fault.E(fault.CodeInvalidShare, "%v", err).WithHint("compare it with what was written down")
		}
		read = append(read, s)
	}
	whole, err := shares.Combine(read)
	if err != nil {
		return nil, fault.E(fault.CodeInvalidShare, "%v", err)
	}
	return secret.From(whole), nil
}
