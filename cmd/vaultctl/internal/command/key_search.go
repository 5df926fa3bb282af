package command

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/parse"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/render"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault/fault"
)

// keySearch are the flags that narrow a list of keys.
type keySearch struct {
	name                  string
	labels, types, states []string
	expiring              parse.Lifetime
}

func (s *keySearch) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.name, "name", "", "only keys whose name fits this `PATTERN` with * and ?")
	f.StringSliceVar(&s.types, "type", nil, "only keys of these `TYPE`s")
	f.StringSliceVar(&s.states, "state", nil, "only keys in these `STATE`s, as 'vaultctl key states' lists them")
	f.StringArrayVar(&s.labels, "label", nil, "only keys with this `NAME=VALUE`, NAME, or without NAME!=VALUE (repeatable)")
	f.Var(&s.expiring, "expiring-within", "only active keys that expire within this time: 12h, 7d")
	mustComplete(cmd, "type", keyTypes...)
	mustComplete(cmd, "state", stateNames()...)
	mustComplete(cmd, "expiring-within", "1d", "7d", "30d")
}

func stateNames() (names []string) {
	for n := range len(vaultdv1.KeyState_name) {
		if n > 0 {
			names = append(names, render.State(vaultdv1.KeyState(n))) //nolint:gosec // a small number
		}
	}
	return names
}

// fill puts what was asked for into the request.
func (s *keySearch) fill(r *vaultdv1.ListKeysRequest) error {
	r.Name, r.Types = s.name, s.types
	if s.expiring.NoExpiry() {
		return fault.E(fault.CodeBadArgument, "--expiring-within takes a time").WithHint("such as 7d")
	}
	r.ExpiringWithin = s.expiring.Proto()
	states := stateNames()
	for _, name := range s.states {
		i := slices.Index(states, name)
		if i < 0 {
			return fault.E(fault.CodeBadArgument, "there is no key state %q", name).WithHint("the states are %s", strings.Join(states, ", "))
		}
		state := vaultdv1.KeyState(i + 1) //nolint:gosec // a small number
		r.States = append(r.States, state)
		// Who asks for them wants to see them.
		r.IncludeDestroyed = r.IncludeDestroyed || state == vaultdv1.KeyState_KEY_STATE_DESTROYED
	}
	var with []string
	for _, l := range s.labels {
		name, value, not := strings.Cut(l, "!=")
		switch {
		case not && name != "" && !strings.Contains(name, "="):
			if _, twice := r.NotLabels[name]; twice {
				return fault.E(fault.CodeBadArgument, "label %q is excluded twice", name)
			}
			if r.NotLabels == nil {
				r.NotLabels = make(map[string]string)
			}
			r.NotLabels[name] = value
		case l != "" && !strings.Contains(l, "="):
			r.HasLabels = append(r.HasLabels, l)
		default:
			with = append(with, l)
		}
	}
	var err error
	r.Labels, err = parse.Labels(with)
	return err
}
