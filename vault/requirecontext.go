package vault

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/vaultd/vaultd/crypto/envelope"
	"github.com/vaultd/vaultd/crypto/keytype"
)

// MaxRequiredContext bounds how many context names a key requires.
const MaxRequiredContext = 16

// ofPeer stands for the caller's own value in a requirement, as in "uid=@peer".
const ofPeer = "@peer"

// Peer is who asks for an encryption or a decryption, as the kernel says it.
type Peer struct {
	UID  uint32
	User string // empty when unknown
	Unit string // systemd unit of the system; empty when unknown or none
}

// Value is the peer's own value for a context name: of "uid", "user" and
// "unit". It is false for every other name, where the value is not known, and
// for no peer.
func (p *Peer) Value(name string) (string, bool) {
	if p == nil {
		return "", false
	}
	switch name {
	case "uid":
		return strconv.FormatUint(uint64(p.UID), 10), true
	case "user":
		return p.User, p.User != ""
	case "unit":
		return p.Unit, p.Unit != ""
	}
	return "", false
}

// IsPeerName reports whether a context name has a value of the caller's own.
func IsPeerName(name string) bool { return name == "uid" || name == "user" || name == "unit" }

// requirement is one name that every context of a key must have.
type requirement struct {
	name string
	peer bool // its value is the caller's own
}

func (r requirement) String() string {
	if r.peer {
		return r.name + "=" + ofPeer
	}
	return r.name
}

// valid is what both a request and a record must keep to.
func (r requirement) valid() error {
	if r.peer && !IsPeerName(r.name) {
		return errors.New("only uid, user and unit have a value of the caller's own")
	}
	_, err := envelope.NewContext(envelope.Pair{Name: r.name})
	return err
}

// parseRequirements reads "name" and "uid=@peer", and puts them in order.
func parseRequirements(list []string) ([]requirement, error) {
	if len(list) > MaxRequiredContext {
		return nil, E(CodeBadArgument, "a key requires at most %d context names", MaxRequiredContext)
	}
	required := make([]requirement, 0, len(list))
	for _, s := range list {
		name, value, given := strings.Cut(s, "=")
		r := requirement{name, given}
		if given && value != ofPeer {
			return nil, E(CodeBadArgument, "%q is no requirement: a key requires a name, and no value but the caller's own", clip(s)).
				WithHint("write a context name, or uid=@peer, user=@peer or unit=@peer")
		}
		if err := r.valid(); err != nil {
			return nil, E(CodeBadArgument, "required context %q: %v", clip(s), err)
		}
		required = append(required, r)
	}
	slices.SortFunc(required, func(a, b requirement) int { return strings.Compare(a.name, b.name) })
	for i := 1; i < len(required); i++ {
		if required[i].name == required[i-1].name {
			return nil, E(CodeBadArgument, "context name %q is required twice", clip(required[i].name))
		}
	}
	return required, nil
}

// takesContext reports whether encryption or derivation with keys of the type
// takes a context.
func takesContext(typ *keytype.Type) bool {
	return typ.Uses&(keytype.UseEncrypt|keytype.UseDerive) != 0 && typ.ID != keytype.IDFernet
}

// mayRequire refuses requirements that a key of the type and uses would never ask for.
func mayRequire(typ *keytype.Type, uses keytype.Use, required []requirement) error {
	switch {
	case len(required) == 0:
		return nil
	case !takesContext(typ):
		return E(CodeBadArgument, "a key of type %s takes no context, so it can't require one", typ.Name).
			WithHint("use a key of type %s", DefaultType)
	case uses&(keytype.UseEncrypt|keytype.UseDecrypt|keytype.UseDerive) == 0:
		return E(CodeBadArgument, "a key that neither encrypts nor decrypts can't require a context").
			WithHint("allow it to encrypt and decrypt, and nothing else")
	}
	return nil
}

// bind is the context that a ciphertext of the key is bound to: the one given,
// with the caller's own values where the key asks for them. It refuses one that
// lacks a name, or has another's value. Nobody is excepted, not even root: what
// is bound to a user opens for that user.
func (k *key) bind(given envelope.Context, peer *Peer) (envelope.Context, error) {
	if len(k.required) == 0 {
		return given, nil
	}
	return k.bindRequired(given, peer)
}

func (k *key) bindRequired(given envelope.Context, peer *Peer) (envelope.Context, error) {
	var missing []string
	bound := given
	for _, r := range k.required {
		i := slices.IndexFunc(given, func(p envelope.Pair) bool { return p.Name == r.name })
		if !r.peer {
			if i < 0 {
				missing = append(missing, r.name)
			}
			continue
		}
		own, known := peer.Value(r.name)
		switch {
		case !known:
			return nil, E(CodeBadContext, "key %s is bound to the caller's %s, and the daemon does not know yours", k.name, r.name).
				WithHint("'vaultctl whoami' shows what it knows of you")
		case i < 0:
			bound = append(slices.Clip(bound), envelope.Pair{Name: r.name, Value: own})
		case given[i].Value != own:
			return nil, E(CodeBadContext, "key %s is bound to the caller's %s, and the context has another", k.name, r.name).
				WithHint("leave %s out of the context: the daemon puts yours in", r.name)
		}
	}
	if len(missing) > 0 {
		return nil, E(CodeBadContext, "key %s requires a context with %s", k.name, strings.Join(requirementTexts(k.required), ", ")).
			WithHint("%s is missing; decrypting needs the value that encrypting had", strings.Join(missing, ", "))
	}
	bound, err := envelope.NewContext(bound...)
	if err != nil {
		return nil, E(CodeBadContext, "%v", err)
	}
	return bound, nil
}

// requirementTexts is what parseRequirements reads; nil for none.
func requirementTexts(required []requirement) []string {
	if len(required) == 0 {
		return nil
	}
	texts := make([]string, len(required))
	for i, r := range required {
		texts[i] = r.String()
	}
	return texts
}

// peerNames are the names whose values are the caller's own.
func peerNames(required []requirement) (names []string) {
	for _, r := range required {
		if r.peer {
			names = append(names, r.name)
		}
	}
	return names
}
